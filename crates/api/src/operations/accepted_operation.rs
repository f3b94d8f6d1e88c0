//! What was accepted and is carried out later.

use catalog::{BulkOperation, Operation, RetentionRun};

/// What was accepted and is carried out later.
#[derive(Debug)]
pub(crate) enum AcceptedOperation {
    /// A command to an instance.
    Command(Operation),
    /// A deletion of ended instances.
    Retention(RetentionRun),
    /// The same with many instances.
    Bulk(BulkOperation),
}
