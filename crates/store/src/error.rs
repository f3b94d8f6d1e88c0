//! What a database's error means for the caller: refused, not available, or perhaps stored.

use ports::StoreError;
use sea_orm::{DbBackend, DbErr, RuntimeErr, SqlErr, sqlx};

/// Classes of SQLSTATE after which the same statement may succeed later.
///
/// 08 connection, 25 (a session that was ended inside its transaction), 40 deadlock and serialisation,
/// 53 resources, 55 locks, 57 shutdown and time limits, 58 system.
const TRANSIENT_CLASSES: [&str; 7] = ["08", "25", "40", "53", "55", "57", "58"];

/// Kinds of SQLite's result codes after which the same statement may succeed later.
const TRANSIENT_SQLITE: [u32; 7] = [5, 6, 8, 10, 13, 14, 15];

/// What an `Unavailable` says when the database has no space left; fit to be shown to users.
pub const DISK_FULL: &str = "the disk of the database is full";

/// What a failed statement says about the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// No space is left.
    DiskFull,
    /// The database cannot be reached or is overloaded; the same statement may succeed later.
    Unavailable,
    /// The same statement fails again.
    Rejected,
}

impl ErrorKind {
    /// Classifies an error of the driver.
    pub(crate) fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable,
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
                Self::of_driver(cause)
            }
            _ => Self::Rejected,
        }
    }

    fn of_driver(cause: &sqlx::Error) -> Self {
        match cause {
            sqlx::Error::Database(answer) => {
                let code = answer.code();
                if is_full(code.as_deref()) {
                    Self::DiskFull
                } else if is_transient(code.as_deref()) {
                    Self::Unavailable
                } else {
                    Self::Rejected
                }
            }
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::TypeNotFound { .. } => Self::Rejected,
            _ => Self::Unavailable,
        }
    }

    /// Returns the label of the metric.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
        }
    }
}

/// Maps an error of anything but a commit: nothing was stored.
pub fn store_error(error: DbErr) -> StoreError {
    match ErrorKind::of(&error) {
        ErrorKind::DiskFull => StoreError::Unavailable(DISK_FULL.to_owned()),
        ErrorKind::Unavailable => StoreError::Unavailable(message(&error)),
        ErrorKind::Rejected => StoreError::Rejected(message(&error)),
    }
}

/// Returns the database's own words without those of the layers around it.
fn message(error: &DbErr) -> String {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            match cause.as_ref() {
                sqlx::Error::Database(answer) if ErrorKind::of(error) == ErrorKind::Rejected => {
                    answer.message().to_owned()
                }
                cause => cause.to_string(),
            }
        }
        _ => error.to_string(),
    }
}

/// Maps an error of a commit. SQLite answers in this process and has rolled back; on PostgreSQL the answer may
/// be what was lost.
pub(crate) fn commit_error(error: DbErr, backend: DbBackend) -> StoreError {
    match store_error(error) {
        StoreError::Unavailable(why) if backend == DbBackend::Postgres => StoreError::Uncertain(why),
        certain => certain,
    }
}

/// Whether a unique key was violated.
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether the code, of SQLite or PostgreSQL, says that the disk is full.
fn is_full(code: Option<&str>) -> bool {
    matches!(code, Some("13" | "53100"))
}

/// Whether the same statement may succeed later. SQLSTATE has five characters; SQLite's result codes are numbers,
/// of which the low byte is the kind.
fn is_transient(code: Option<&str>) -> bool {
    let Some(code) = code else { return true };
    if code.len() == 5 {
        return TRANSIENT_CLASSES.iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|number| TRANSIENT_SQLITE.contains(&(number & 0xff)))
}

#[cfg(test)]
mod tests;
