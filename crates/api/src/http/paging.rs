//! Paged lists: `limit` and `cursor` in, `items` and `next_cursor` out.

use catalog::{Page, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::codes::Code;
use crate::http::problem::Problem;

/// The size of a page unless the caller gives one.
const DEFAULT_LIMIT: u32 = 50;
/// The largest size of a page.
const MAX_LIMIT: u32 = 200;

/// The requested page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl Paging {
    /// Checks the limit.
    pub(crate) fn page_request(self) -> Result<PageRequest, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            let detail = format!("`limit` is 1 to {MAX_LIMIT}.");
            return Err(Problem::new(Code::InvalidQuery, detail).at("/limit"));
        }
        Ok(PageRequest {
            limit,
            cursor: self.cursor,
        })
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    items: Vec<T>,
    /// Names the next page; null at the end.
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Makes a page; without a cursor it is the last.
    pub(crate) fn new(items: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { items, next_cursor }
    }

    /// Makes a list that fits in one page.
    pub(crate) fn single_page(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }

    /// Makes the answer of a stored page.
    pub(crate) fn from_page<S: Into<T>>(page: Page<S>) -> Self {
        Self {
            items: page.items.into_iter().map(S::into).collect(),
            next_cursor: page.next_cursor,
        }
    }
}
