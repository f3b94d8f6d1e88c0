//! Which logs of an instance are wanted.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::failure::{Exit, Failure};
use super::log_printer::LinePrefix;
use super::output::plain;
use super::rest::{Call, Rest};
use super::suggestion;

/// The wanted attempts of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptChoice {
    /// The last one; all of them when the instance is followed.
    Last,
    /// The one with this number.
    One(u32),
    /// Every one.
    All,
}

/// The wanted logs.
#[derive(Debug, Clone)]
pub(super) struct LogChoice {
    task: Option<String>,
    attempts: AttemptChoice,
}

impl LogChoice {
    /// Chooses attempts of one task, or of all.
    pub(super) fn new(task: Option<String>, attempts: AttemptChoice) -> Self {
        Self { task, attempts }
    }

    /// Every attempt of every task.
    pub(super) fn everything() -> Self {
        Self::new(None, AttemptChoice::All)
    }

    /// Which attempts are wanted.
    pub(super) fn attempts(&self) -> AttemptChoice {
        self.attempts
    }

    /// Whether one task is wanted.
    pub(super) fn is_of_one_task(&self) -> bool {
        self.task.is_some()
    }

    /// What stands before each line.
    pub(super) fn prefix(&self) -> LinePrefix {
        match (self.attempts, &self.task) {
            (AttemptChoice::All, _) => LinePrefix::Attempt,
            (_, Some(_)) => LinePrefix::Bare,
            (_, None) => LinePrefix::Task,
        }
    }

    /// Reads the wanted tasks of an instance.
    pub(super) fn read_tasks(&self, rest: &Rest, id: &str) -> Result<Vec<Value>, Failure> {
        let all = Call::get(&["instances", id, "tasks"]);
        match &self.task {
            Some(task) => rest
                .json(Call::get(&["instances", id, "tasks", task]))
                .map(|task| vec![task])
                .map_err(|failure| suggestion::for_task(failure, rest, id, task)),
            None => rest.list(&all, usize::MAX),
        }
    }

    /// Returns the wanted attempts of a task when it is not followed.
    ///
    /// # Errors
    /// `NotFound` when it had no attempt with the wanted number.
    pub(super) fn attempts_of(&self, task: &Value) -> Result<RangeInclusive<u32>, Failure> {
        let last = count_attempts(task);
        match self.attempts {
            AttemptChoice::Last => Ok(last.max(1)..=last),
            AttemptChoice::All => Ok(1..=last),
            AttemptChoice::One(number) if (1..=last).contains(&number) => Ok(number..=number),
            AttemptChoice::One(number) => {
                let message = format!(
                    "there is no attempt {number} of task `{}`; it had {last}",
                    plain(task.get("name"))
                );
                Err(Failure::new(Exit::NotFound, message))
            }
        }
    }
}

/// Returns the number of attempts that a task has had.
pub(super) fn count_attempts(task: &Value) -> u32 {
    task.get("attempts")
        .and_then(Value::as_u64)
        .and_then(|attempts| u32::try_from(attempts).ok())
        .unwrap_or_default()
}
