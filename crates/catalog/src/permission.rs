//! The permissions that a grant may give.

use std::fmt;
use std::str::FromStr;

/// What a user may do in a project; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// See.
    Read,
    /// Start and control instances.
    Execute,
    /// Change workflows, delete instances.
    Write,
    /// Grant, delete the project.
    Owner,
}

impl Permission {
    const ALL: [Self; 4] = [Self::Read, Self::Execute, Self::Write, Self::Owner];

    /// Returns the stored and shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Execute => "execute",
            Self::Write => "write",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not one of read, execute, write, owner"))
    }
}
