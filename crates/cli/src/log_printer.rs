//! Prints the logs of several attempts on one stream, without mixing them inside a line.

use super::failure::Failure;
use super::output::OutputStream;

/// What stands before each line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinePrefix {
    /// Nothing: there is one log.
    Bare,
    /// The task.
    Task,
    /// The task and the number of the attempt.
    Attempt,
}

/// An attempt, as its log is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AttemptName {
    task: String,
    number: u32,
}

impl AttemptName {
    /// Names an attempt of a task.
    pub(super) fn new(task: &str, number: u32) -> Self {
        Self {
            task: task.to_owned(),
            number,
        }
    }

    /// The task.
    pub(super) fn task(&self) -> &str {
        &self.task
    }

    /// The number of the attempt, from 1.
    pub(super) fn number(&self) -> u32 {
        self.number
    }
}

/// The cursor of the terminal inside a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// After a carriage return: what comes next overwrites the line.
    Start,
    /// After some text.
    Middle,
}

/// Prints logs, and lines of ours between them.
#[derive(Debug)]
pub(super) struct LogPrinter {
    stream: OutputStream,
    prefix: LinePrefix,
    /// The log whose line has no end yet.
    open_line: Option<(AttemptName, Column)>,
}

impl LogPrinter {
    /// Prints to a stream.
    pub(super) fn new(stream: OutputStream, prefix: LinePrefix) -> Self {
        Self {
            stream,
            prefix,
            open_line: None,
        }
    }

    /// Prints a line of ours.
    pub(super) fn print_line(&mut self, line: &str) -> Result<(), Failure> {
        let mut bytes = self.line_end();
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.stream.write(&bytes)
    }

    /// Prints a part of a log: whole lines, or the start of one.
    pub(super) fn print_log(&mut self, log: &AttemptName, text: &[u8]) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(text.len());
        for segment in segments(text) {
            self.add_segment(&mut bytes, log, segment);
        }
        self.stream.write(&bytes)
    }

    /// Ends the line of whichever log is inside one.
    pub(super) fn end_open_line(&mut self) -> Result<(), Failure> {
        let bytes = self.line_end();
        self.stream.write(&bytes)
    }

    /// Ends the line of a log that is over.
    pub(super) fn end_log(&mut self, log: &AttemptName) -> Result<(), Failure> {
        match &self.open_line {
            Some((open, _)) if open == log => {
                let bytes = self.line_end();
                self.stream.write(&bytes)
            }
            _ => Ok(()),
        }
    }

    fn add_segment(&mut self, bytes: &mut Vec<u8>, log: &AttemptName, segment: &[u8]) {
        let column = match &self.open_line {
            Some((open, column)) if open == log => Some(*column),
            _ => {
                bytes.extend(self.line_end());
                None
            }
        };
        // A line end after a carriage return belongs to the line that is there already.
        let has_prefix = column == Some(Column::Middle) || (column.is_some() && segment == b"\n");
        if !has_prefix {
            bytes.extend_from_slice(self.prefix_of(log).as_bytes());
        }
        bytes.extend_from_slice(segment);
        self.open_line = match segment.last() {
            Some(b'\n') => None,
            Some(b'\r') => Some((log.clone(), Column::Start)),
            _ => Some((log.clone(), Column::Middle)),
        };
    }

    /// Takes the end that the open line needs before another one begins.
    fn line_end(&mut self) -> Vec<u8> {
        match self.open_line.take() {
            Some(_) => vec![b'\n'],
            None => Vec::new(),
        }
    }

    fn prefix_of(&self, log: &AttemptName) -> String {
        match self.prefix {
            LinePrefix::Bare => String::new(),
            LinePrefix::Task => format!("{} | ", log.task),
            LinePrefix::Attempt => format!("{}/{} | ", log.task, log.number),
        }
    }
}

/// Splits a text after each `\n`, `\r\n` and `\r`.
fn segments(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = match end {
            _ if rest.is_empty() => return None,
            None => rest.len(),
            Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
            Some(at) => at + 1,
        };
        let (segment, further) = rest.split_at(length);
        rest = further;
        Some(segment)
    })
}

/// Returns the length of the start of a text that ends with a line or a carriage return.
pub(super) fn length_of_whole_segments(text: &[u8]) -> usize {
    text.iter()
        .rposition(|byte| matches!(byte, b'\n' | b'\r'))
        .map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(prefix: LinePrefix, parts: &[(&str, &str)]) -> String {
        let mut printer = LogPrinter::new(OutputStream::Messages, prefix);
        let mut bytes = Vec::new();
        for (task, text) in parts {
            let log = AttemptName::new(task, 1);
            for segment in segments(text.as_bytes()) {
                printer.add_segment(&mut bytes, &log, segment);
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn each_line_has_its_task_before_it() {
        assert_eq!(
            printed(LinePrefix::Task, &[("a", "x\ny\n"), ("b", "z\n")]),
            "a | x\na | y\nb | z\n"
        );
        assert_eq!(printed(LinePrefix::Attempt, &[("a", "x\n")]), "a/1 | x\n");
        assert_eq!(printed(LinePrefix::Bare, &[("a", "x\n\ny")]), "x\n\ny");
    }

    #[test]
    fn a_progress_meter_overwrites_its_own_line() {
        let parts = [("a", "10%\r"), ("a", "20%\r"), ("a", "done\n")];
        assert_eq!(printed(LinePrefix::Task, &parts), "a | 10%\ra | 20%\ra | done\n");
        assert_eq!(
            printed(LinePrefix::Task, &[("a", "x\r\ny\r\n")]),
            "a | x\r\na | y\r\n"
        );
        assert_eq!(
            printed(LinePrefix::Task, &[("a", "x\r"), ("a", "\ny\n")]),
            "a | x\r\na | y\n",
            "a line end that comes in two parts is one"
        );
    }

    #[test]
    fn another_log_begins_on_a_line_of_its_own() {
        let parts = [("a", "be"), ("a", "gin"), ("b", "x\n"), ("a", " end\n")];
        assert_eq!(printed(LinePrefix::Task, &parts), "a | begin\nb | x\na |  end\n");
        assert_eq!(
            printed(LinePrefix::Task, &[("a", "10%\r"), ("b", "x\n")]),
            "a | 10%\r\nb | x\n"
        );
    }
}
