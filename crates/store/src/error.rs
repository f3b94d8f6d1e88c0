//! What a database's error means for the caller: refused, not available, or perhaps stored.

use actors::ports::StoreError;
use sea_orm::{DbBackend, DbErr, RuntimeErr, SqlErr, sqlx};

/// Classes of SQLSTATE after which the same statement may succeed later.
///
/// 08 connection, 25 (a session that was ended inside its transaction), 40 deadlock and serialisation,
/// 53 resources, 55 locks, 57 shutdown and time limits, 58 system.
const PASSING: [&str; 7] = ["08", "25", "40", "53", "55", "57", "58"];

/// What an `Unavailable` says when the database has no space left; fit to be shown to users.
pub const DISK_FULL: &str = "the disk of the database is full";

/// Maps an error of anything but a commit: nothing was stored.
pub fn store_error(error: DbErr) -> StoreError {
    match &error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => StoreError::Unavailable(error.to_string()),
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            match cause.as_ref() {
                sqlx::Error::Database(said) if is_full(said.code().as_deref()) => {
                    StoreError::Unavailable(DISK_FULL.to_owned())
                }
                sqlx::Error::Database(said) if !is_passing(said.code().as_deref()) => {
                    StoreError::Rejected(said.message().to_owned())
                }
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::TypeNotFound { .. } => StoreError::Rejected(cause.to_string()),
                _ => StoreError::Unavailable(cause.to_string()),
            }
        }
        _ => StoreError::Rejected(error.to_string()),
    }
}

/// Maps an error of a commit. SQLite answers in this process and has rolled back; on PostgreSQL the answer may
/// be what was lost.
pub(super) fn commit_error(error: DbErr, backend: DbBackend) -> StoreError {
    match store_error(error) {
        StoreError::Unavailable(why) if backend == DbBackend::Postgres => StoreError::Uncertain(why),
        certain => certain,
    }
}

/// Whether a unique key stood against it.
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// SQLite's and PostgreSQL's codes.
fn is_full(code: Option<&str>) -> bool {
    matches!(code, Some("13" | "53100"))
}

/// SQLSTATE has five characters; SQLite's result codes are numbers, of which the low byte is the kind.
fn is_passing(code: Option<&str>) -> bool {
    const SQLITE_PASSING: [u32; 7] = [5, 6, 8, 10, 13, 14, 15];
    let Some(code) = code else { return true };
    if code.len() == 5 {
        return PASSING.iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|number| SQLITE_PASSING.contains(&(number & 0xff)))
}

#[cfg(test)]
mod tests;
