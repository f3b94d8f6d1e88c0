//! Follows an instance: its states and logs until it is idle.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::failure::Failure;
use super::log_choice::{AttemptChoice, LogChoice, count_attempts};
use super::log_printer::{AttemptName, LinePrefix, LogPrinter};
use super::log_reader::{LogAccess, LogReader};
use super::output::{OutputStream, plain, say, write_out};
use super::polling::poll_until_some;
use super::rest::{Call, Rest};
use super::shown_states::ShownStates;

/// How long the logs of an idle instance are waited for while their workers cannot be reached.
const LOG_PATIENCE: Duration = Duration::from_secs(15);

/// Returns whether an instance keeps its state until a user asks for a change.
fn is_idle(instance: &Value) -> bool {
    let state = instance.get("state").and_then(Value::as_str);
    matches!(state, Some("succeeded" | "failed" | "stopped" | "paused"))
        || instance.get("attention").is_some_and(Value::is_object)
}

/// Reads an instance.
fn instance(rest: &Rest, id: &str) -> Result<Value, Failure> {
    rest.json(Call::get(&["instances", id]))
}

fn waited_for(id: &str) -> String {
    format!("instance {id} is not at rest and continues")
}

/// Waits until the instance is idle; returns it.
pub(super) fn wait_until_idle(rest: &Rest, id: &str) -> Result<Value, Failure> {
    poll_until_some(rest, &waited_for(id), |rest| {
        Ok(Some(instance(rest, id)?).filter(is_idle))
    })
}

/// Prints changes of state on stdout until the instance is idle.
pub(super) fn watch(rest: &Rest, id: &str) -> Result<(), Failure> {
    let mut states = ShownStates::default();
    poll_until_some(rest, &waited_for(id), |rest| {
        let now = instance(rest, id)?;
        let tasks = LogChoice::everything().read_tasks(rest, id)?;
        let changes = tasks.iter().filter_map(|task| states.change_of_task(task));
        let lines: Vec<String> = changes.collect();
        for line in lines.into_iter().chain(states.change_of_instance(&now)) {
            write_out(&format!("{line}\n"))?;
        }
        Ok(is_idle(&now).then_some(()))
    })
}

/// Shows states and logs on stderr until the instance is idle; returns it.
pub(super) fn show(rest: &Rest, id: &str) -> Result<Value, Failure> {
    let printer = LogPrinter::new(OutputStream::Messages, LinePrefix::Task);
    let mut follower = Follower::new(id, LogChoice::everything(), FollowView::StatesAndLogs, printer);
    let shown = poll_until_some(rest, &waited_for(id), |rest| {
        let news = follower.show_news(rest);
        if news.is_err() {
            follower.end_open_line()?;
        }
        news
    });
    if shown.is_err() {
        follower.end_open_line()?;
    }
    shown
}

/// Prints logs as they come until the instance is idle.
pub(super) fn print_live_logs(rest: &Rest, id: &str, choice: LogChoice) -> Result<(), Failure> {
    let printer = LogPrinter::new(OutputStream::Data, choice.prefix());
    let mut follower = Follower::new(id, choice, FollowView::Logs, printer);
    poll_until_some(rest, &waited_for(id), |rest| follower.show_news(rest)).map(|_| ())
}

/// What of an instance is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FollowView {
    /// Logs with the states between them.
    StatesAndLogs,
    /// Logs.
    Logs,
}

/// What of an instance was shown already.
#[derive(Debug)]
struct Follower {
    id: String,
    choice: LogChoice,
    view: FollowView,
    states: ShownStates,
    reader: LogReader,
    printer: LogPrinter,
    idle_since: Option<Instant>,
}

impl Follower {
    fn new(id: &str, choice: LogChoice, view: FollowView, printer: LogPrinter) -> Self {
        Self {
            id: id.to_owned(),
            choice,
            view,
            states: ShownStates::default(),
            reader: LogReader::new(id),
            printer,
            idle_since: None,
        }
    }

    /// Shows what is new; returns the instance when it is idle and all was shown.
    ///
    /// A state is shown after the logs that led to it, and the end of the instance last. The instance is read before
    /// its tasks, and these before their logs: what is shown of an idle instance is complete.
    fn show_news(&mut self, rest: &Rest) -> Result<Option<Value>, Failure> {
        let now = instance(rest, &self.id)?;
        let is_idle = is_idle(&now);
        if !is_idle {
            self.idle_since = None;
            let change = self.states.change_of_instance(&now);
            self.show_change(change)?;
        }
        let mut missing = Vec::new();
        for task in self.choice.read_tasks(rest, &self.id)? {
            missing.extend(self.show_task(rest, &task)?);
        }
        if !is_idle {
            return Ok(None);
        }
        let idle_since = *self.idle_since.get_or_insert_with(Instant::now);
        if !missing.is_empty() && idle_since.elapsed() < LOG_PATIENCE {
            return Ok(None);
        }
        missing.iter().for_each(say_missing);
        let change = self.states.change_of_instance(&now);
        self.show_change(change)?;
        Ok(Some(now))
    }

    /// Shows the logs of the attempts that led to the state of the task, its state, and the log of the attempt that
    /// runs; returns the logs that cannot be read now. What is on its way to a worker is shown when it has begun.
    fn show_task(&mut self, rest: &Rest, task: &Value) -> Result<Vec<AttemptName>, Failure> {
        let name = plain(task.get("name"));
        let last = count_attempts(task);
        let state = task.get("state").and_then(Value::as_str).unwrap_or_default();
        let (ended, running) = match state {
            "dispatched" => return self.show_logs(rest, &name, 1..=last.saturating_sub(1)),
            "running" => (last.saturating_sub(1), last),
            _ => (last, last),
        };
        let mut missing = self.show_logs(rest, &name, 1..=ended)?;
        let change = self.states.change_of_task(task);
        self.show_change(change)?;
        missing.extend(self.show_logs(rest, &name, ended + 1..=running)?);
        Ok(missing)
    }

    fn show_logs(
        &mut self,
        rest: &Rest,
        task: &str,
        attempts: RangeInclusive<u32>,
    ) -> Result<Vec<AttemptName>, Failure> {
        let mut missing = Vec::new();
        let is_wanted = |number: &u32| match self.choice.attempts() {
            AttemptChoice::One(wanted) => *number == wanted,
            AttemptChoice::Last | AttemptChoice::All => true,
        };
        for log in attempts
            .filter(is_wanted)
            .map(|number| AttemptName::new(task, number))
        {
            let is_further = log.number() > 1 && !self.reader.has_begun(&log);
            if is_further && self.view == FollowView::Logs && self.choice.attempts() == AttemptChoice::Last {
                say(&format!("task {}: attempt {}", log.task(), log.number()));
            }
            if self.reader.print_new(rest, &log, &mut self.printer)? == LogAccess::Unavailable {
                missing.push(log);
            }
        }
        Ok(missing)
    }

    /// Ends the line of a task before a message about the server, which goes to the same stream, begins.
    fn end_open_line(&mut self) -> Result<(), Failure> {
        self.printer.end_open_line()
    }

    fn show_change(&mut self, change: Option<String>) -> Result<(), Failure> {
        match (change, self.view) {
            (Some(line), FollowView::StatesAndLogs) => self.printer.print_line(&line),
            _ => Ok(()),
        }
    }
}

fn say_missing(log: &AttemptName) {
    say(&format!(
        "the log of task {}, attempt {}, is not complete: its worker cannot be reached",
        log.task(),
        log.number()
    ));
}
