//! The limits that a task needs.

use std::fmt;

use crate::spec::model::LimitUse;

/// The name under which the cap of the tasks of a project is stored among its limits; no limit of a user has it.
pub const PROJECT_CAP: &str = "";

/// Whether the attempts of a project on workers are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProjectCap {
    /// There is no cap.
    #[default]
    Unlimited,
    /// Each attempt takes a slot of the project's cap.
    Counted,
}

/// The limits that a task needs room in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskLimits<'a> {
    named: &'a [LimitUse],
    cap: ProjectCap,
}

impl<'a> TaskLimits<'a> {
    /// The limits of a task that needs none.
    pub const NONE: TaskLimits<'static> = TaskLimits {
        named: &[],
        cap: ProjectCap::Unlimited,
    };

    /// Joins the limits that a task names with the cap of its project.
    pub fn new(named: &'a [LimitUse], cap: ProjectCap) -> Self {
        Self { named, cap }
    }

    /// Whether the task needs no room.
    pub fn is_empty(self) -> bool {
        self.named.is_empty() && self.cap == ProjectCap::Unlimited
    }

    /// Lists the limits with their slots; the cap of the project is one of them.
    pub fn to_uses(self) -> Vec<LimitUse> {
        let cap = LimitUse {
            name: PROJECT_CAP.to_owned(),
            slots: 1,
        };
        let cap = (self.cap == ProjectCap::Counted).then_some(cap);
        self.named.iter().cloned().chain(cap).collect()
    }
}

/// Names the limits, as the end of "waits for room in".
impl fmt::Display for TaskLimits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .named
            .iter()
            .map(|limit| format!("`{}`", limit.name))
            .collect();
        match names.len() {
            0 => {}
            1 => write!(f, "limit {}", names.join(", "))?,
            _ => write!(f, "limits {}", names.join(", "))?,
        }
        match self.cap {
            ProjectCap::Unlimited => Ok(()),
            ProjectCap::Counted if names.is_empty() => f.write_str("the cap of tasks of its project"),
            ProjectCap::Counted => f.write_str(" and the cap of tasks of its project"),
        }
    }
}
