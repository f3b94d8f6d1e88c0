//! Follows an instance: its states and logs until it is idle.

use std::collections::BTreeMap;

use serde_json::Value;

use super::failure::{Exit, Failure};
use super::output::{plain, say, write_bytes};
use super::poll_backoff::PollBackoff;
use super::rest::{Call, Rest};

/// Most bytes of a log that one call reads.
const LOG_PART_BYTES: &str = "1048576";

/// Which logs of an instance are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct LogChoice {
    /// Only of this task.
    pub(super) task: Option<String>,
    /// Another attempt than the last.
    pub(super) attempt: Option<u32>,
}

/// Returns whether an instance keeps its state until a user asks for a change.
fn is_idle(instance: &Value) -> bool {
    let state = instance.get("state").and_then(Value::as_str);
    matches!(state, Some("succeeded" | "failed" | "stopped" | "paused"))
        || instance.get("attention").is_some_and(Value::is_object)
}

/// Reads an instance.
pub(super) fn instance(rest: &Rest, id: &str) -> Result<Value, Failure> {
    rest.json(Call::get(&["instances", id]))
}

/// Waits until the instance is idle; returns it.
pub(super) fn wait_until_idle(rest: &Rest, id: &str) -> Result<Value, Failure> {
    let mut backoff = PollBackoff::new();
    loop {
        let now = instance(rest, id)?;
        if is_idle(&now) {
            return Ok(now);
        }
        backoff.pause();
    }
}

/// Prints changes of state on stdout until the instance is idle.
pub(super) fn watch(rest: &Rest, id: &str) -> Result<(), Failure> {
    let mut states = ShownStates::default();
    let mut backoff = PollBackoff::new();
    loop {
        let now = instance(rest, id)?;
        let tasks = tasks(rest, id)?;
        for line in states
            .of_tasks(&tasks)
            .into_iter()
            .chain(states.of_instance(&now))
        {
            write_bytes(format!("{line}\n").as_bytes())?;
        }
        if is_idle(&now) {
            return Ok(());
        }
        backoff.pause();
    }
}

/// Shows states and logs on stderr until the instance is idle; returns it.
pub(super) fn show(rest: &Rest, id: &str) -> Result<Value, Failure> {
    let mut states = ShownStates::default();
    let mut logs = LogReader::new(rest, id);
    let mut backoff = PollBackoff::new();
    loop {
        let now = instance(rest, id)?;
        let tasks = tasks(rest, id)?;
        states.of_tasks(&tasks).iter().for_each(|line| say(line));
        logs.read(&tasks, &LogChoice::default(), &mut |task, line| {
            say(&format!(
                "{task} | {}",
                String::from_utf8_lossy(line).trim_end_matches('\n')
            ));
            Ok(())
        })?;
        // After the logs: its end should be the last line.
        states.of_instance(&now).iter().for_each(|line| say(line));
        if is_idle(&now) {
            return Ok(now);
        }
        backoff.pause();
    }
}

/// Prints the logs that there are.
pub(super) fn logs(rest: &Rest, id: &str, choice: &LogChoice) -> Result<(), Failure> {
    let tasks = chosen_tasks(rest, id, choice)?;
    LogReader::new(rest, id).read(&tasks, choice, &mut printing(choice))
}

/// Prints the logs as they come until the instance is idle.
pub(super) fn logs_live(rest: &Rest, id: &str, choice: &LogChoice) -> Result<(), Failure> {
    let mut logs = LogReader::new(rest, id);
    let mut backoff = PollBackoff::new();
    loop {
        let now = instance(rest, id)?;
        let tasks = chosen_tasks(rest, id, choice)?;
        logs.read(&tasks, choice, &mut printing(choice))?;
        if is_idle(&now) {
            return Ok(());
        }
        backoff.pause();
    }
}

/// Prints lines: bare for one task, with its name for all of them.
fn printing(choice: &LogChoice) -> impl FnMut(&str, &[u8]) -> Result<(), Failure> {
    let bare = choice.task.is_some();
    move |task, line| {
        if !bare {
            write_bytes(format!("{task} | ").as_bytes())?;
        }
        write_bytes(line)
    }
}

fn tasks(rest: &Rest, id: &str) -> Result<Vec<Value>, Failure> {
    rest.list(&Call::get(&["instances", id, "tasks"]), usize::MAX)
}

fn chosen_tasks(rest: &Rest, id: &str, choice: &LogChoice) -> Result<Vec<Value>, Failure> {
    match &choice.task {
        Some(task) => Ok(vec![rest.json(Call::get(&["instances", id, "tasks", task]))?]),
        None => tasks(rest, id),
    }
}

/// The states that were printed last.
#[derive(Debug, Default)]
struct ShownStates(BTreeMap<String, String>);

impl ShownStates {
    /// Returns a line for each task that changed since the last layout.
    fn of_tasks(&mut self, tasks: &[Value]) -> Vec<String> {
        tasks
            .iter()
            .filter_map(|task| self.change(&format!("task {}", plain(task.get("name"))), task))
            .collect()
    }

    /// Returns a line when the instance changed since the last layout.
    fn of_instance(&mut self, instance: &Value) -> Option<String> {
        self.change(&format!("instance {}", plain(instance.get("id"))), instance)
    }

    fn change(&mut self, what: &str, thing: &Value) -> Option<String> {
        let mut state = plain(thing.get("state"));
        if let Some(reason) = thing.get("reason").filter(|reason| reason.is_string()) {
            state.push_str(&format!(" ({})", plain(Some(reason))));
        }
        let before = self.0.insert(what.to_owned(), state.clone());
        let unstarted = before.is_none() && state.starts_with("pending");
        (before.as_ref() != Some(&state) && !unstarted).then(|| format!("{what}: {state}"))
    }
}

/// The logs of an instance, each read up to its cursor.
#[derive(Debug)]
struct LogReader<'a> {
    rest: &'a Rest,
    id: &'a str,
    cursors: BTreeMap<(String, u32), LogCursor>,
}

#[derive(Debug, Default)]
struct LogCursor {
    offset: u64,
    ended: bool,
    /// The start of a line whose end has not come yet.
    partial: Vec<u8>,
}

type Show<'a> = dyn FnMut(&str, &[u8]) -> Result<(), Failure> + 'a;

impl<'a> LogReader<'a> {
    fn new(rest: &'a Rest, id: &'a str) -> Self {
        Self {
            rest,
            id,
            cursors: BTreeMap::new(),
        }
    }

    /// Reads on in every wanted log, line by line.
    fn read(&mut self, tasks: &[Value], choice: &LogChoice, show: &mut Show<'_>) -> Result<(), Failure> {
        for task in tasks {
            let name = plain(task.get("name"));
            let last = task
                .get("attempts")
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok());
            let wanted = match choice.attempt {
                Some(attempt) => attempt..=attempt,
                None => self.first_open(&name, last.unwrap_or(0))..=last.unwrap_or(0),
            };
            for attempt in wanted.filter(|attempt| *attempt > 0) {
                let cursor = self.cursors.entry((name.clone(), attempt)).or_default();
                let number = attempt.to_string();
                let path = ["instances", self.id, "tasks", &name, "attempts", &number, "log"];
                cursor.read(self.rest, &path, &mut |line| show(&name, line))?;
            }
        }
        Ok(())
    }

    /// The last attempt, or an earlier one that was being read when the next began.
    fn first_open(&self, task: &str, last: u32) -> u32 {
        let begun = self
            .cursors
            .iter()
            .find(|((name, _), cursor)| name == task && !cursor.ended);
        begun.map_or(last, |((_, attempt), _)| *attempt)
    }
}

impl LogCursor {
    fn read(
        &mut self,
        rest: &Rest,
        path: &[&str],
        show: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while !self.ended {
            let call = Call::get(path)
                .query("offset", self.offset.to_string())
                .query("limit", LOG_PART_BYTES)
                .accept("text/plain, application/problem+json");
            let answer = rest.answer(call)?;
            let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
            let next = header("Porpoise-Next-Offset").and_then(|text| text.parse::<u64>().ok());
            self.ended = header("Porpoise-Log-End") == Some("true");
            let bytes = answer
                .bytes()
                .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
            let next = next.unwrap_or(self.offset + bytes.len() as u64);
            let moved = next > self.offset;
            self.offset = next;
            self.partial.extend_from_slice(&bytes);
            self.show_lines(show)?;
            if !moved {
                break;
            }
        }
        Ok(())
    }

    fn show_lines(&mut self, show: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let whole = self
            .partial
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let rest = self.partial.split_off(whole);
        for line in self.partial.split_inclusive(|byte| *byte == b'\n') {
            show(line)?;
        }
        self.partial = rest;
        if self.ended && !self.partial.is_empty() {
            self.partial.push(b'\n');
            show(&std::mem::take(&mut self.partial))?;
        }
        Ok(())
    }
}
