//! Waits for an instance, and shows its states and logs while they come.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::failure::{Exit, Failure};
use super::output::{plain, say, write_bytes};
use super::rest::{Call, Rest};

const LOG_PART: &str = "1048576";
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Which logs of an instance are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct LogChoice {
    /// Only of this task.
    pub(super) task: Option<String>,
    /// Another attempt than the last.
    pub(super) attempt: Option<u32>,
}

/// Whether an instance in this state stays so until somebody asks for something else.
fn rests(instance: &Value) -> bool {
    let state = instance.get("state").and_then(Value::as_str);
    matches!(state, Some("succeeded" | "failed" | "stopped" | "paused"))
        || instance.get("attention").is_some_and(Value::is_object)
}

/// Reads an instance.
pub(super) fn instance(rest: &Rest, id: &str) -> Result<Value, Failure> {
    rest.json(Call::get(&["instances", id]))
}

/// Sleeps between two looks: short at first, and never so short that looking is most of the work.
#[derive(Debug)]
struct Pace {
    pause: Duration,
    looked_at: Instant,
}

impl Pace {
    fn new() -> Self {
        Self {
            pause: SHORTEST_PAUSE,
            looked_at: Instant::now(),
        }
    }

    fn rest(&mut self) {
        let cost = self.looked_at.elapsed() * 4;
        thread::sleep(self.pause.max(cost).min(LONGEST_PAUSE));
        self.pause = (self.pause * 5 / 4).min(Duration::from_millis(500));
        self.looked_at = Instant::now();
    }
}

/// Waits until the instance rests; returns it.
pub(super) fn until_rest(rest: &Rest, id: &str) -> Result<Value, Failure> {
    let mut pace = Pace::new();
    loop {
        let now = instance(rest, id)?;
        if rests(&now) {
            return Ok(now);
        }
        pace.rest();
    }
}

/// Prints changes of state on stdout until the instance rests.
pub(super) fn watch(rest: &Rest, id: &str) -> Result<(), Failure> {
    let mut states = States::default();
    let mut pace = Pace::new();
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
        if rests(&now) {
            return Ok(());
        }
        pace.rest();
    }
}

/// Shows states and logs on stderr until the instance rests; returns it.
pub(super) fn show(rest: &Rest, id: &str) -> Result<Value, Failure> {
    let mut states = States::default();
    let mut logs = Logs::of(rest, id);
    let mut pace = Pace::new();
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
        if rests(&now) {
            return Ok(now);
        }
        pace.rest();
    }
}

/// Prints the logs that there are.
pub(super) fn logs(rest: &Rest, id: &str, choice: &LogChoice) -> Result<(), Failure> {
    let tasks = chosen_tasks(rest, id, choice)?;
    Logs::of(rest, id).read(&tasks, choice, &mut printing(choice))
}

/// Prints the logs as they come until the instance rests.
pub(super) fn logs_live(rest: &Rest, id: &str, choice: &LogChoice) -> Result<(), Failure> {
    let mut logs = Logs::of(rest, id);
    let mut pace = Pace::new();
    loop {
        let now = instance(rest, id)?;
        let tasks = chosen_tasks(rest, id, choice)?;
        logs.read(&tasks, choice, &mut printing(choice))?;
        if rests(&now) {
            return Ok(());
        }
        pace.rest();
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

/// The states that were shown last.
#[derive(Debug, Default)]
struct States(BTreeMap<String, String>);

impl States {
    /// Returns a line for each task that changed since the last look.
    fn of_tasks(&mut self, tasks: &[Value]) -> Vec<String> {
        tasks
            .iter()
            .filter_map(|task| self.change(&format!("task {}", plain(task.get("name"))), task))
            .collect()
    }

    /// Returns a line when the instance changed since the last look.
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

/// How far the log of each attempt was read.
#[derive(Debug)]
struct Logs<'a> {
    rest: &'a Rest,
    id: &'a str,
    places: BTreeMap<(String, u32), Place>,
}

#[derive(Debug, Default)]
struct Place {
    offset: u64,
    ended: bool,
    /// The begin of a line whose end has not come yet.
    partial: Vec<u8>,
}

type Show<'a> = dyn FnMut(&str, &[u8]) -> Result<(), Failure> + 'a;

impl<'a> Logs<'a> {
    fn of(rest: &'a Rest, id: &'a str) -> Self {
        Self {
            rest,
            id,
            places: BTreeMap::new(),
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
                let place = self.places.entry((name.clone(), attempt)).or_default();
                let number = attempt.to_string();
                let path = ["instances", self.id, "tasks", &name, "attempts", &number, "log"];
                place.read(self.rest, &path, &mut |line| show(&name, line))?;
            }
        }
        Ok(())
    }

    /// The last attempt, or an earlier one that was being read when the next began.
    fn first_open(&self, task: &str, last: u32) -> u32 {
        let begun = self
            .places
            .iter()
            .find(|((name, _), place)| name == task && !place.ended);
        begun.map_or(last, |((_, attempt), _)| *attempt)
    }
}

impl Place {
    fn read(
        &mut self,
        rest: &Rest,
        path: &[&str],
        show: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while !self.ended {
            let call = Call::get(path)
                .query("offset", self.offset.to_string())
                .query("limit", LOG_PART)
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
