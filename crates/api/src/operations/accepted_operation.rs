//! What was accepted and is carried out later.

use catalog::{BulkOperation, Operation, RetentionRun, SecretRotation};

/// What was accepted and is carried out later.
#[derive(Debug)]
pub(crate) enum AcceptedOperation {
    /// A command to an instance.
    Command(Operation),
    /// A deletion of ended instances.
    Retention(RetentionRun),
    /// The same with many instances.
    Bulk(BulkOperation),
    /// A change of the key of all secret values.
    Rotation(SecretRotation),
}
