//! Reads the logs of the attempts of one instance, each from where the last read ended.

use std::collections::BTreeMap;

use super::failure::{Exit, Failure};
use super::log_printer::{AttemptName, LogPrinter, length_of_whole_segments};
use super::rest::{Call, Rest};

/// Most bytes of a log that one call reads.
const LOG_PART_BYTES: &str = "1048576";

/// The code of an answer that names a worker with the log, which cannot be reached now.
const LOG_UNAVAILABLE: &str = "LOG_UNAVAILABLE";

/// The positions in the logs of an instance.
#[derive(Debug)]
pub(super) struct LogReader {
    instance: String,
    cursors: BTreeMap<AttemptName, LogCursor>,
}

/// The position in one log.
#[derive(Debug, Default)]
struct LogCursor {
    offset: u64,
    at_end: bool,
    /// The start of a line that may come in the next part.
    held: Vec<u8>,
}

/// Whether a log could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogAccess {
    /// It was.
    Read,
    /// Its worker cannot be reached now.
    Unavailable,
}

impl LogReader {
    /// Begins at the start of each log.
    pub(super) fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
            cursors: BTreeMap::new(),
        }
    }

    /// Whether something was read of a log.
    pub(super) fn has_begun(&self, log: &AttemptName) -> bool {
        self.cursors.contains_key(log)
    }

    /// Prints what is new in a log.
    ///
    /// The start of a line is held back until its rest comes or the next read finds nothing new, so that a task's line
    /// that is written in two parts is printed as one.
    pub(super) fn print_new(
        &mut self,
        rest: &Rest,
        log: &AttemptName,
        printer: &mut LogPrinter,
    ) -> Result<LogAccess, Failure> {
        let cursor = self.cursors.entry(log.clone()).or_default();
        let mut is_new = false;
        while !cursor.at_end {
            let part = match read_part(rest, &self.instance, log, cursor.offset) {
                Err(failure) if failure.has_code(LOG_UNAVAILABLE) => return Ok(LogAccess::Unavailable),
                part => part?,
            };
            let is_last = part.next_offset <= cursor.offset && !part.at_end;
            cursor.accept(part, log, printer)?;
            if is_last {
                break;
            }
            is_new = true;
        }
        if !is_new {
            cursor.print_held(log, printer)?;
        }
        Ok(LogAccess::Read)
    }

    /// Prints a log as far as it is written, also the start of a line.
    pub(super) fn print_all(
        &mut self,
        rest: &Rest,
        log: &AttemptName,
        printer: &mut LogPrinter,
    ) -> Result<(), Failure> {
        if self.print_new(rest, log, printer)? == LogAccess::Unavailable {
            let message = format!(
                "the worker with the log of task `{}` cannot be reached",
                log.task()
            );
            return Err(Failure::new(Exit::Unreachable, message));
        }
        let cursor = self.cursors.entry(log.clone()).or_default();
        cursor.print_held(log, printer)?;
        printer.end_log(log)
    }
}

/// A part of a log.
struct LogPart {
    text: Vec<u8>,
    next_offset: u64,
    at_end: bool,
}

fn read_part(rest: &Rest, instance: &str, log: &AttemptName, offset: u64) -> Result<LogPart, Failure> {
    let number = log.number().to_string();
    let path = [
        "instances",
        instance,
        "tasks",
        log.task(),
        "attempts",
        &number,
        "log",
    ];
    let call = Call::get(&path)
        .query("offset", offset.to_string())
        .query("limit", LOG_PART_BYTES)
        .accept("text/plain, application/problem+json");
    let answer = rest.answer(call)?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let next_offset = header("Porpoise-Next-Offset").and_then(|text| text.parse::<u64>().ok());
    let at_end = header("Porpoise-Log-End") == Some("true");
    let text = answer
        .bytes()
        .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
    Ok(LogPart {
        next_offset: next_offset.unwrap_or(offset + text.len() as u64),
        text: text.to_vec(),
        at_end,
    })
}

impl LogCursor {
    fn accept(&mut self, part: LogPart, log: &AttemptName, printer: &mut LogPrinter) -> Result<(), Failure> {
        self.held.extend_from_slice(&part.text);
        self.offset = part.next_offset;
        self.at_end = part.at_end;
        if self.at_end {
            self.print_held(log, printer)?;
            return printer.end_log(log);
        }
        let rest = self.held.split_off(length_of_whole_segments(&self.held));
        let whole = std::mem::replace(&mut self.held, rest);
        printer.print_log(log, &whole)
    }

    fn print_held(&mut self, log: &AttemptName, printer: &mut LogPrinter) -> Result<(), Failure> {
        printer.print_log(log, &std::mem::take(&mut self.held))
    }
}
