use super::*;

fn task(needs: &[usize], attempts: &[&str], state: &str) -> RecordedTask {
    RecordedTask {
        needs: needs.iter().map(|need| (*need, TriggerRule::OnSuccess)).collect(),
        enabled: true,
        attempts: attempts.iter().map(|state| (*state).to_owned()).collect(),
        state: state.to_owned(),
        ..RecordedTask::default()
    }
}

fn ended(state: &str, tasks: Vec<RecordedTask>) -> FinalInstance {
    FinalInstance {
        id: "1".to_owned(),
        state: state.to_owned(),
        tasks,
        ..FinalInstance::default()
    }
}

/// Two tasks, the second of which needs the first.
fn chain(state: &str, first: (&[&str], &str), second: (&[&str], &str)) -> FinalInstance {
    ended(
        state,
        vec![task(&[], first.0, first.1), task(&[0], second.0, second.1)],
    )
}

fn fits(instance: &FinalInstance) {
    assert_eq!(wrong_with(instance), Vec::<String>::new());
}

fn is_found(what: &str, instance: &FinalInstance) {
    assert!(!wrong_with(instance).is_empty(), "{what}: {instance:?}");
}

#[test]
fn what_follows_from_the_results_fits() {
    fits(&chain(
        "succeeded",
        (&["succeeded"], "succeeded"),
        (&["lost", "succeeded"], "succeeded"),
    ));
    fits(&chain("failed", (&["failed"], "failed"), (&[], "not_run")));
    fits(&chain("failed", (&["killed"], "killed"), (&[], "not_run")));
    let mut stopped = chain("stopped", (&["killed"], "killed"), (&[], "not_run"));
    stopped.stopped = true;
    fits(&stopped);
    let mut crossed = chain(
        "succeeded",
        (&["succeeded"], "succeeded"),
        (&["succeeded"], "succeeded"),
    );
    crossed.stopped = true;
    fits(&crossed);
    let mut passed_through = chain("succeeded", (&[], "not_run"), (&["succeeded"], "succeeded"));
    passed_through.tasks[0].enabled = false;
    fits(&passed_through);
    let mut forced = chain(
        "succeeded",
        (&["failed"], "forced_success"),
        (&["succeeded"], "succeeded"),
    );
    forced.tasks[0].forced = true;
    fits(&forced);
    let mut tried = chain(
        "succeeded",
        (&["failed", "failed", "succeeded"], "succeeded"),
        (&["succeeded"], "succeeded"),
    );
    tried.tasks[0].retries = 2;
    fits(&tried);
    let mut lost = chain("failed", (&["lost"], "failed"), (&[], "not_run"));
    lost.tasks[0].loss_fails = true;
    fits(&lost);
    fits(&chain("failed", (&["lost"; 5], "failed"), (&[], "not_run")));
}

/// Two tasks, the second of which handles the failure of the first.
fn handled(state: &str, first: (&[&str], &str), second: (&[&str], &str)) -> FinalInstance {
    let mut instance = chain(state, first, second);
    instance.tasks[1].needs = vec![(0, TriggerRule::OnFailure)];
    instance
}

#[test]
fn what_follows_from_other_edges_fits() {
    let (good, bad) = ((&["succeeded"][..], "succeeded"), (&["failed"][..], "failed"));
    fits(&handled("succeeded", bad, good));
    fits(&handled("failed", bad, bad));
    fits(&handled("succeeded", good, (&[], "skipped")));
    let mut cleaned = handled("failed", bad, good);
    cleaned.tasks[1].needs = vec![(0, TriggerRule::OnSettled)];
    fits(&cleaned);
    is_found("it was skipped", &handled("succeeded", good, good));
    is_found(
        "it was not skipped",
        &handled("succeeded", good, (&[], "not_run")),
    );
    is_found("it was handled", &handled("failed", bad, good));
}

/// A checker that finds nothing in a broken cluster would prove nothing.
#[test]
fn every_end_that_does_not_follow_is_found() {
    let both = (&["succeeded"][..], "succeeded");
    let broken = [
        ("the end is another", chain("failed", both, both)),
        (
            "a failure is no success",
            chain("succeeded", (&["failed"], "failed"), (&[], "not_run")),
        ),
        (
            "the row says more than the attempt",
            chain("succeeded", (&["failed"], "succeeded"), both),
        ),
        (
            "it ran although what it needs failed",
            chain("failed", (&["failed"], "failed"), both),
        ),
        (
            "it never ran although it could",
            chain("succeeded", both, (&[], "not_run")),
        ),
        (
            "the same, and the end admits it",
            chain("failed", both, (&[], "not_run")),
        ),
        (
            "no command stopped it",
            chain("stopped", both, (&["killed"], "killed")),
        ),
        (
            "it was tried too often",
            chain("succeeded", (&["failed", "succeeded"], "succeeded"), both),
        ),
        (
            "it ran again after a success",
            chain("succeeded", (&["succeeded", "succeeded"], "succeeded"), both),
        ),
        (
            "a loss was the end without a reason",
            chain("failed", (&["lost"], "failed"), (&[], "not_run")),
        ),
        ("it is open", chain("succeeded", both, (&["running"], "running"))),
        (
            "a success without an attempt",
            chain("succeeded", (&[], "succeeded"), both),
        ),
    ];
    for (what, instance) in &broken {
        is_found(what, instance);
    }
    let mut forbidden = chain("succeeded", both, both);
    forbidden.tasks[0].enabled = false;
    is_found("what is forbidden ran", &forbidden);
    let mut given_up = chain("failed", (&["failed"], "failed"), (&[], "not_run"));
    given_up.tasks[0].retries = 1;
    is_found("tries were left", &given_up);
    let mut stopped = chain("failed", (&["killed"], "killed"), (&[], "not_run"));
    stopped.stopped = true;
    is_found("a stop is a stop", &stopped);
}
