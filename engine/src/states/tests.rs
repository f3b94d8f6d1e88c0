use super::*;
use crate::states::Attention;

fn line(attention: Option<&Attention>) -> String {
    InstanceState::ALL
        .iter()
        .map(|state| {
            let commands = Command::possible_in(*state, attention);
            let names: Vec<_> = commands.into_iter().map(Command::as_str).collect();
            format!("{state}: {}\n", names.join(" "))
        })
        .collect()
}

#[test]
fn each_state_allows_its_verbs_and_no_other() {
    assert_eq!(
        line(None),
        "queued: pause stop priority\n\
         running: pause stop kill-task skip-task retry-task priority\n\
         pausing: pause stop kill-task skip-task priority\n\
         paused: resume stop skip-task priority\n\
         stopping: stop priority\n\
         stopped: resume recover rerun force-success skip-task run-task retry-task\n\
         failed: recover rerun force-success skip-task run-task retry-task\n\
         succeeded: rerun run-task\n"
    );
}

#[test]
fn attention_lets_every_open_state_be_resumed() {
    let attention = Attention {
        code: "CRASHED".into(),
        detail: "five times".into(),
    };
    assert_eq!(
        line(Some(&attention)),
        "queued: pause resume stop priority\n\
         running: pause resume stop kill-task skip-task retry-task priority\n\
         pausing: pause resume stop kill-task skip-task priority\n\
         paused: resume stop skip-task priority\n\
         stopping: resume stop priority\n\
         stopped: resume recover rerun force-success skip-task run-task retry-task\n\
         failed: recover rerun force-success skip-task run-task retry-task\n\
         succeeded: rerun run-task\n"
    );
}

#[test]
fn force_success_applies_to_a_success_but_is_not_advised() {
    assert!(Command::ForceSuccess.applies_in(InstanceState::Succeeded, None));
    assert!(!Command::possible_in(InstanceState::Succeeded, None).contains(&Command::ForceSuccess));
}
