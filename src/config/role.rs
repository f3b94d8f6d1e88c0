//! The roles of a node.

/// A role that a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Owns instances.
    Master,
    /// Runs tasks.
    Worker,
    /// Serves REST and the web UI.
    Api,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Master, Self::Worker, Self::Api];

    /// Returns the name that flags and the ready line use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Worker => "worker",
            Self::Api => "api",
        }
    }
}
