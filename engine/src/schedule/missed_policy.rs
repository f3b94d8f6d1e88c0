//! What becomes of missed fires.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::states::{UnknownName, named};

named!(
    /// What becomes of the fires of a schedule that could not be started in time.
    MissedPolicy {
        /// None is started.
        Skip = "skip",
        /// The newest is started.
        Latest = "latest",
        /// All are started, oldest first.
        All = "all",
    }
);
