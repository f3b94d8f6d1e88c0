//! What may have become of a task that conditions name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::states::{UnknownName, named};

named!(
    /// What may have become of a task that conditions name; a choice of documents.
    TaskResult {
        /// It succeeded, was declared a success, or is disabled and was passed.
        Succeeded = "succeeded",
        /// It failed or was killed.
        Failed = "failed",
        /// It was skipped.
        Skipped = "skipped",
    }
);
