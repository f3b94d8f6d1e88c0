//! A page is one part of a list, with the cursor of the next.
//!
//! A cursor is the key of the last item, in hex and under the name of its list, so that a cursor of another
//! list is refused.

use std::fmt::Display;
use std::str::FromStr;

use crate::error::CatalogError;

/// Largest page; more would only make an answer slow.
const MAX_LIMIT: u32 = 200;

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The most elements of a page, 1 to 200; other values are brought into that range.
    pub limit: u32,
    /// From the page before; none for the first.
    pub cursor: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            limit: 50,
            cursor: None,
        }
    }
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order of the list.
    pub items: Vec<T>,
    /// Asks for what follows; none at the end.
    pub next_cursor: Option<String>,
}

impl PageRequest {
    /// How many items the page has at most.
    pub(crate) fn size(&self) -> usize {
        self.limit.clamp(1, MAX_LIMIT) as usize
    }

    /// How many rows to ask for: one more tells whether there is a next page.
    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.limit.clamp(1, MAX_LIMIT)) + 1
    }

    /// Returns the key after which the page of this list begins.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of this list.
    pub fn after<K: FromStr>(&self, list: &str) -> Result<Option<K>, CatalogError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let text = hex::decode(cursor)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let key = text.and_then(|text| text.strip_prefix(list)?.strip_prefix('/')?.parse().ok());
        let refused = || CatalogError::Rejected("the cursor is not one of this list".into());
        key.map(Some).ok_or_else(refused)
    }
}

impl<T> Page<T> {
    /// Cuts what was read into a page; `key` tells an item's key.
    pub fn cut(list: &str, page: &PageRequest, mut items: Vec<T>, key: impl Fn(&T) -> String) -> Self {
        let more = items.len() > page.size();
        items.truncate(page.size());
        let last = items.last().filter(|_| more);
        let next = last.map(&key);
        Self::with_cursor(list, items, next)
    }

    /// Makes a page of what was read; the next one begins after `next`, without one this is the last.
    pub(crate) fn with_cursor(list: &str, items: Vec<T>, next: Option<impl Display>) -> Self {
        Self {
            items,
            next_cursor: next.map(|key| hex::encode(format!("{list}/{key}"))),
        }
    }
}

#[cfg(test)]
mod tests;
