//! Who may change a schedule.

/// Where a schedule is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleManager {
    /// In the document of its workflow.
    Document,
    /// By requests of its own.
    Api,
}

impl ScheduleManager {
    /// Returns the stored and shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Api => "api",
        }
    }
}

impl std::str::FromStr for ScheduleManager {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Document, Self::Api]
            .into_iter()
            .find(|manager| manager.as_str() == name)
            .ok_or_else(|| format!("`{name}` manages no schedule"))
    }
}
