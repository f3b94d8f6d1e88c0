//! Prints the logs of an instance as far as they are written.

use serde_json::Value;

use super::failure::Failure;
use super::log_choice::{AttemptChoice, LogChoice, count_attempts};
use super::log_printer::{AttemptName, LogPrinter};
use super::log_reader::LogReader;
use super::output::{OutputStream, plain, say};
use super::rest::Rest;

/// Prints the wanted logs on stdout, and on stderr which attempts they are when there are others.
pub(super) fn print_logs(rest: &Rest, id: &str, choice: &LogChoice) -> Result<(), Failure> {
    let tasks = choice.read_tasks(rest, id)?;
    let mut printer = LogPrinter::new(OutputStream::Data, choice.prefix());
    let mut reader = LogReader::new(id);
    if let Some(note) = note_on_attempts(&tasks, choice) {
        say(&note);
    }
    for task in &tasks {
        for number in choice.attempts_of(task)? {
            let log = AttemptName::new(&plain(task.get("name")), number);
            reader.print_all(rest, &log, &mut printer)?;
        }
    }
    Ok(())
}

/// Says which attempts are shown of tasks that had several, and why a single task has no log.
fn note_on_attempts(tasks: &[Value], choice: &LogChoice) -> Option<String> {
    if choice.attempts() == AttemptChoice::All {
        return None;
    }
    if let ([task], true) = (tasks, choice.is_of_one_task())
        && count_attempts(task) == 0
    {
        let state = plain(task.get("state"));
        return Some(format!(
            "task {} has not run: it is {state}",
            plain(task.get("name"))
        ));
    }
    let shown: Vec<String> = tasks
        .iter()
        .filter(|task| count_attempts(task) > 1)
        .map(|task| {
            let last = count_attempts(task);
            let number = match choice.attempts() {
                AttemptChoice::One(number) => number,
                AttemptChoice::Last | AttemptChoice::All => last,
            };
            format!("task {}: attempt {number} of {last}", plain(task.get("name")))
        })
        .collect();
    (!shown.is_empty()).then(|| format!("{} (--all-attempts shows all)", shown.join(", ")))
}
