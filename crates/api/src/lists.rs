//! One shape for every list: `limit` and `cursor` in, `items` and `next_cursor` out.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::codes::Code;
use super::problem::Problem;
use store::catalog::{Page, PageRequest};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 200;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

impl Paging {
    /// Checks the limit.
    pub(super) fn request(self) -> Result<PageRequest, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=LARGEST_LIMIT).contains(&limit) {
            let detail = format!("`limit` is 1 to {LARGEST_LIMIT}.");
            return Err(Problem::new(Code::InvalidQuery, detail).at("/limit"));
        }
        Ok(PageRequest {
            limit,
            cursor: self.cursor,
        })
    }
}

/// One part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    items: Vec<T>,
    /// Asks for what follows; null at the end.
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Makes a list that has no further part.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }

    /// Shows a stored page.
    pub(super) fn of<S: Into<T>>(page: Page<S>) -> Self {
        Self {
            items: page.items.into_iter().map(S::into).collect(),
            next_cursor: page.next_cursor,
        }
    }
}
