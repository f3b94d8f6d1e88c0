//! The sentence of an alert.

use engine::alert::AlertEvent;
use engine::ids::Timestamp;
use engine::timezone::format_utc;

use super::facts::AlertFacts;

/// The most characters of a reason in a sentence.
const MAX_REASON: usize = 500;

/// Says in one sentence what happened; `instance` is the id of the instance.
pub(super) fn sentence(event: AlertEvent, facts: &AlertFacts, instance: Option<i64>) -> String {
    let workflow = format!(
        "{}/{}",
        facts.project.as_deref().unwrap_or("?"),
        facts.workflow.as_deref().unwrap_or("?")
    );
    let whole = match instance {
        Some(id) => format!("{workflow} (instance {id})"),
        None => workflow,
    };
    let part = match (&facts.task, facts.attempt) {
        (Some(task), Some(attempt)) => format!("task {task} (attempt {attempt}) of {whole}"),
        (Some(task), None) => format!("task {task} of {whole}"),
        (None, _) => whole.clone(),
    };
    let planned = facts.scheduled_at.map(|at| format_utc(Timestamp(at)));
    let planned = planned.as_deref().unwrap_or("an unknown time");
    let schedule = facts.schedule.as_deref().unwrap_or("?");
    let node = facts.node.as_deref().unwrap_or("?");
    let what = match event {
        AlertEvent::Succeeded => format!("{whole} succeeded"),
        AlertEvent::Failed => format!("{whole} failed"),
        AlertEvent::Stopped => format!("{whole} was stopped"),
        AlertEvent::Attention => format!("{whole} needs attention"),
        AlertEvent::Recovered => format!("{whole} succeeded again after a failure"),
        AlertEvent::TimedOut => format!("{part} exceeded its time limit"),
        AlertEvent::TaskFailed => format!("{part} failed"),
        AlertEvent::TaskRetrying => format!("{part} failed and is tried again"),
        AlertEvent::ApprovalWaiting => format!("{part} waits for a decision"),
        AlertEvent::Late => format!("{whole}, planned for {planned}, is late"),
        AlertEvent::NotStarted => {
            format!("schedule {schedule} of {whole} did not start in time for {planned}")
        }
        AlertEvent::ScheduleRefused => format!("schedule {schedule} of {whole} was refused for {planned}"),
        AlertEvent::BackfillFinished => {
            let backfill = facts.backfill.unwrap_or_default();
            let state = facts.state.as_deref().unwrap_or("ended");
            format!("backfill {backfill} of {whole} {state}")
        }
        AlertEvent::Failover => format!("instances of the dead node {node} were taken over"),
        AlertEvent::NodeDead => format!("node {node} was declared dead"),
        AlertEvent::SqlResult => format!("{part} sends its result"),
    };
    let has_own_words = matches!(
        event,
        AlertEvent::Succeeded | AlertEvent::Recovered | AlertEvent::ApprovalWaiting
    );
    match facts
        .reason
        .as_deref()
        .filter(|reason| !reason.is_empty() && !has_own_words)
    {
        Some(reason) => format!("{}: {}", capitalised(&what), shortened(reason)),
        None => format!("{}.", capitalised(&what)),
    }
}

fn capitalised(text: &str) -> String {
    // The names of projects are not changed.
    let begins_with_word = ["task ", "schedule ", "backfill ", "instances ", "node "];
    if !begins_with_word.iter().any(|word| text.starts_with(word)) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn shortened(reason: &str) -> String {
    let line = reason.replace(['\r', '\n'], " ");
    match line.char_indices().nth(MAX_REASON) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_sentence_that_names_its_subject() {
        let facts = AlertFacts {
            project: Some("etl".to_owned()),
            workflow: Some("night".to_owned()),
            task: Some("load".to_owned()),
            attempt: Some(2),
            schedule: Some("daily".to_owned()),
            backfill: Some(4),
            node: Some("m1".to_owned()),
            scheduled_at: Some(0),
            reason: Some("exit code 1\nand more".to_owned()),
            ..AlertFacts::default()
        };
        for event in AlertEvent::ALL {
            let text = sentence(*event, &facts, Some(7));
            let names = if event.is_about_nodes() { "m1" } else { "etl/night" };
            assert!(text.contains(names), "{event}: {text}");
            assert!(!text.contains('\n'), "{event}: {text}");
        }
        let failed = sentence(AlertEvent::TaskFailed, &facts, Some(7));
        assert_eq!(
            failed,
            "Task load (attempt 2) of etl/night (instance 7) failed: exit code 1 and more"
        );
    }
}
