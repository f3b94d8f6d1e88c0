//! Why the catalog refuses or fails.

use ports::StoreError;
use sea_orm::DbErr;
use secrets::NoKey;

use store::{DISK_FULL, store_error};

/// Why the catalog did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The named thing does not exist; tell the user.
    #[error("there is no {what}")]
    NotFound {
        /// What and which, for example ``project `retail` ``.
        what: String,
    },
    /// The change does not fit what is stored; nothing was changed. Tell the user.
    #[error("{detail}")]
    Conflict {
        /// Stable, upper snake, for example `PROJECT_EXISTS`.
        code: &'static str,
        /// In words.
        detail: String,
    },
    /// The database cannot be reached or is overloaded; nothing is known to be changed. Try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The request itself cannot be served, such as a cursor that is none. Tell the user.
    #[error("{0}")]
    Rejected(String),
}

impl CatalogError {
    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }
}

impl From<NoKey> for CatalogError {
    fn from(error: NoKey) -> Self {
        Self::conflict("NO_SECRETS_KEY", error.to_string())
    }
}

impl From<StoreError> for CatalogError {
    /// Keeps the database's own words out of what users read; the log has them.
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a database call failed");
        let is_full = error.to_string().contains(DISK_FULL);
        let why = if is_full {
            DISK_FULL
        } else {
            "the database cannot be reached or did not answer"
        };
        Self::Unavailable(why.to_owned())
    }
}

impl From<DbErr> for CatalogError {
    fn from(error: DbErr) -> Self {
        store_error(error).into()
    }
}
