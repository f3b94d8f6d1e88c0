//! Backfills: made, listed, read and controlled by users.

pub(crate) mod state;
pub(crate) mod stored;

mod choices;
mod commands;
mod create;
mod dependents;
mod filter;
mod sources;

pub use self::choices::BackfillChoices;
pub use self::commands::PostBackfillCommand;
pub use self::create::NewBackfill;
pub use self::dependents::BackfillDependent;
pub use self::filter::BackfillFilter;
pub use self::stored::{BackfillDateCounts, BackfillDateRow, BackfillRow, Backfills};
