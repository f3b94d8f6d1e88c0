//! Incarnations, new instances, commits and reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::ids::{
    AttemptNumber, DispatchId, Epoch, Incarnation, InstanceId, Revision, Run, TaskIndex, Timestamp,
};
use engine::instance::{Changes, InstanceRecord, OperationDecision, Reset, Transition};
use engine::overrides::TaskOverrides;
use engine::plan::run_range::{OutsideEdges, RunRange};
use engine::states::{
    AttemptState, Command, InstanceState, KillCause, MemberState, OperationStatus, Priority, Scope, TaskState,
};
use engine::task::{Attempt, Progress, Task, Worker};
use engine::task_type::WatchKind;
use ports::{
    InstanceCommit, NewInstance, NodeIdentity, OwnedInstance, Ownership, StoreError, Write, WriteOutcome,
};

use super::store_under_test::{StoreUnderTest, join, keyed, load, new_instance};

pub(crate) fn header(state: InstanceState) -> InstanceRecord {
    InstanceRecord {
        state,
        reason: Some("because".to_owned()),
        attention: None,
        run: Run(1),
        queued_by: None,
        run_range: Some(RunRange {
            task: TaskIndex(1),
            scope: Scope::Upstream,
            outside: OutsideEdges::Ignored,
        }),
        due_at: Some(Timestamp(9_000)),
        time_left_ms: Some(17),
        timed_out: true,
        started_at: Some(Timestamp(1_100)),
        ended_at: None,
        outputs: BTreeMap::from([("total".to_owned(), "3 \u{fc}".to_owned())]),
    }
}

pub(crate) fn attempt(id: InstanceId, ordinal: u32, number: u32, state: AttemptState) -> Attempt {
    Attempt {
        number: AttemptNumber(number),
        dispatch_number: 1,
        uid: Some(DispatchId {
            generation: engine::ids::Generation(1),
            instance: id,
            task_index: TaskIndex(ordinal),
            attempt: AttemptNumber(number),
            dispatch_number: 1,
        }),
        worker: Some(Worker {
            incarnation: Incarnation(1),
            name: "worker".to_owned(),
        }),
        epoch: Epoch(1),
        state,
        kill_cause: Some(KillCause::Timeout),
        pid: Some(4_711),
        exit_code: Some(-1),
        error: Some("it said \"no\"\n".to_owned()),
        log_bytes: Some(3_000_000_000),
        created_at: Timestamp(1_000),
        started_at: Some(Timestamp(1_001)),
        ended_at: (!state.is_open()).then_some(Timestamp(1_002)),
    }
}

pub(crate) fn task(state: TaskState, attempt: Option<Attempt>) -> Task {
    Task {
        state,
        reason: Some("why".to_owned()),
        attempts: attempt.as_ref().map_or(0, |a| a.number.0),
        attempts_before_run: 0,
        lost_in_run: 1,
        expired_waits: 1,
        due_at: Some(Timestamp(5_000)),
        started_at: Some(Timestamp(1_001)),
        ended_at: None,
        outputs: BTreeMap::from([("rows".to_owned(), "42".to_owned())]),
        overrides: Some(Box::new(TaskOverrides {
            params: BTreeMap::from([("mode".to_owned(), "good".to_owned())]),
            timeout_ms: Some(5_000),
            ..TaskOverrides::default()
        })),
        reused: Some(InstanceId(7)),
        attempt,
        progress: Some(Box::new(Progress {
            time_limit_at: Some(Timestamp(5_000)),
            failure_wait_at: None,
            paused_at: Some(Timestamp(4_000)),
            kind: Some(WatchKind::Children),
            waits_for: "it waits for \"x\"".to_owned(),
            detail: serde_json::json!({ "child": 12 }),
        })),
    }
}

/// An entry of the list of what a node owns, at epoch 1.
pub(crate) fn owned(id: InstanceId, has_unread_inbox: bool) -> OwnedInstance {
    OwnedInstance {
        id,
        epoch: Epoch(1),
        has_unread_inbox,
    }
}

pub(crate) fn round(me: &NodeIdentity, id: InstanceId, rev: i64, changes: Changes) -> Write {
    Write::Commit(InstanceCommit {
        id,
        owner: me.incarnation,
        host: me.host.clone(),
        epoch: Epoch(1),
        revision: Revision(rev),
        at: Timestamp(2_000),
        changes,
    })
}

pub(crate) fn of_tasks(tasks: impl IntoIterator<Item = (u32, Task)>) -> Changes {
    Changes {
        tasks: tasks.into_iter().map(|(o, task)| (TaskIndex(o), task)).collect(),
        ..Changes::default()
    }
}

pub(crate) async fn create(subject: &dyn StoreUnderTest, owner: Option<&NodeIdentity>) -> InstanceId {
    let answer = subject
        .store()
        .write_batch(&[Write::Create(new_instance(owner))])
        .await;
    let Ok([WriteOutcome::Created { id, .. }]) = answer.as_deref() else {
        panic!("{answer:?}");
    };
    *id
}

pub(crate) async fn store(subject: &dyn StoreUnderTest, entry: Write) -> WriteOutcome {
    let mut answers = subject.store().write_batch(&[entry]).await.expect("an answer");
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

pub(crate) async fn a_new_life_ends_every_other_one(subject: &dyn StoreUnderTest) {
    let first = join(subject, "one", "h1").await;
    let second = join(subject, "two", "h2").await;
    assert!(second.incarnation > first.incarnation);
    let members = subject.store().list_members().await.unwrap();
    let states: Vec<(i64, MemberState)> = members.iter().map(|m| (m.incarnation.0, m.state)).collect();
    assert_eq!(
        states,
        [
            (first.incarnation.0, MemberState::Dead),
            (second.incarnation.0, MemberState::Active)
        ]
    );
    assert_eq!(members[1].roles, ["master", "worker"]);
    assert_eq!(
        (members[1].slots, members[1].worker_group.as_str()),
        (4, "default")
    );
}

pub(crate) async fn a_member_only_moves_forward(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await.incarnation;
    let store = subject.store();
    store.set_member_state(me, MemberState::Active).await.unwrap();
    store.set_member_state(me, MemberState::Draining).await.unwrap();
    let back = store.set_member_state(me, MemberState::Active).await;
    assert!(matches!(back, Err(StoreError::Rejected(_))), "{back:?}");
    store.set_member_state(me, MemberState::Left).await.unwrap();
    let risen = store.set_member_state(me, MemberState::Dead).await;
    assert!(matches!(risen, Err(StoreError::Rejected(_))), "{risen:?}");
    let unknown_owner = store
        .set_member_state(Incarnation(999), MemberState::Active)
        .await;
    assert!(
        matches!(unknown_owner, Err(StoreError::Rejected(_))),
        "{unknown_owner:?}"
    );
}

pub(crate) async fn a_heartbeat_answers_the_clock_and_the_state(subject: &dyn StoreUnderTest) {
    let first = join(subject, "one", "h1").await.incarnation;
    let heartbeat = subject.store().record_heartbeat(first).await.unwrap();
    assert_eq!(heartbeat.state, MemberState::Active);
    join(subject, "two", "h2").await;
    let later = subject.store().record_heartbeat(first).await.unwrap();
    assert_eq!(later.state, MemberState::Dead);
    assert!(later.now >= heartbeat.now);
    assert_eq!(
        subject
            .store()
            .record_heartbeat(Incarnation(999))
            .await
            .unwrap()
            .state,
        MemberState::Dead
    );
}

pub(crate) async fn a_new_instance_of_an_active_owner_is_owned_from_birth(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
    let new = new_instance(Some(&me));
    assert_eq!((loaded.rows.id, loaded.workflow_id, loaded.version), (id, 1, 1));
    assert_eq!(
        (loaded.project.as_str(), loaded.workflow.as_str()),
        ("default", "flow")
    );
    assert_eq!(
        (loaded.project_params, loaded.start),
        (new.project_params, new.start)
    );
    assert_eq!(
        (loaded.rows.created_at, loaded.rows.record.run),
        (Timestamp(1_000), Run(1))
    );
    assert_eq!(
        (loaded.rows.record.state, loaded.rows.record.reason),
        (InstanceState::Running, None)
    );
    assert_eq!(
        subject.owner_log(id).await,
        [(1, me.incarnation.0, None, "start".to_owned())]
    );
    assert_eq!(subject.history(id).await, [(None, "running".to_owned())]);
    assert_eq!(
        subject.store().list_owned(me.incarnation).await.unwrap(),
        [owned(id, false)]
    );
}

pub(crate) async fn a_new_instance_of_an_owner_that_is_not_active_has_none(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let store = subject.store();
    store
        .set_member_state(me.incarnation, MemberState::Draining)
        .await
        .unwrap();
    let id = create(subject, Some(&me)).await;
    let owned = subject.owned(id).await;
    assert_eq!((owned.owner, owned.host, owned.epoch), (None, None, 0));
    assert_eq!(subject.owner_log(id).await, []);
    assert_eq!(load(store, id, me.incarnation, Epoch(1)).await, None);
}

pub(crate) async fn ids_grow(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let batch: Vec<Write> = (0..5).map(|_| Write::Create(new_instance(Some(&me)))).collect();
    let mut last = InstanceId(0);
    for answer in subject.store().write_batch(&batch).await.unwrap() {
        let WriteOutcome::Created { id, .. } = answer else {
            panic!("{answer:?}")
        };
        assert!(id > last);
        last = id;
    }
    assert!(create(subject, None).await > last);
}

pub(crate) async fn a_repeated_request_key_answers_the_same_instance(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let first = store(subject, Write::Create(keyed(Some(&me), "k", "body"))).await;
    let WriteOutcome::Created { id, .. } = first else {
        panic!("{first:?}")
    };
    let again = store(subject, Write::Create(keyed(Some(&me), "k", "body"))).await;
    assert_eq!(again, WriteOutcome::Known { id });
    assert_eq!(subject.store().list_owned(me.incarnation).await.unwrap().len(), 1);
}

pub(crate) async fn a_request_key_with_another_body_is_refused(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    store(subject, Write::Create(keyed(Some(&me), "k", "body"))).await;
    let other = store(subject, Write::Create(keyed(Some(&me), "k", "another"))).await;
    assert_eq!(other, WriteOutcome::KeyReused);
    assert_eq!(subject.store().list_owned(me.incarnation).await.unwrap().len(), 1);
}

pub(crate) async fn one_key_twice_in_a_batch_makes_one_instance(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let batch = [
        Write::Create(keyed(Some(&me), "k", "body")),
        Write::Create(keyed(Some(&me), "k", "body")),
        Write::Create(keyed(Some(&me), "k", "another")),
    ];
    let answers = subject.store().write_batch(&batch).await.unwrap();
    let WriteOutcome::Created { id, .. } = answers[0] else {
        panic!("{answers:?}")
    };
    assert_eq!(
        answers[1..],
        [WriteOutcome::Known { id }, WriteOutcome::KeyReused]
    );
    assert_eq!(subject.store().list_owned(me.incarnation).await.unwrap().len(), 1);
}

pub(crate) async fn what_is_stored_is_loaded_again(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let running = task(TaskState::Running, Some(attempt(id, 0, 1, AttemptState::Running)));
    let mut unbound = attempt(id, 1, 1, AttemptState::Created);
    (unbound.uid, unbound.worker) = (None, None);
    let waiting = task(TaskState::Waiting, Some(unbound));
    let delayed = task(TaskState::Delayed, None);
    let changes = Changes {
        record: Some(header(InstanceState::Running)),
        transitions: vec![Transition {
            task_index: Some(TaskIndex(0)),
            attempt: Some(AttemptNumber(1)),
            from: Some("waiting"),
            to: "running",
            why: "it's started".to_owned(),
        }],
        ..of_tasks([(0, running.clone()), (1, waiting.clone()), (2, delayed.clone())])
    };
    assert_eq!(
        store(subject, round(&me, id, 0, changes)).await,
        WriteOutcome::Stored
    );
    let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
    assert_eq!(loaded.rows.revision, Revision(1));
    assert_eq!(loaded.rows.record, header(InstanceState::Running));
    assert_eq!(
        loaded.rows.tasks,
        BTreeMap::from([
            (TaskIndex(0), Box::new(running)),
            (TaskIndex(1), Box::new(waiting)),
            (TaskIndex(2), Box::new(delayed))
        ])
    );
    assert_eq!(loaded.duplicate_open_attempts, []);
    let history = subject.history(id).await;
    assert_eq!(history[1..], [(Some(0), "running".to_owned())]);
}

pub(crate) async fn a_changed_start_is_loaded_with_its_instance(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let other = create(subject, Some(&me)).await;
    let mut start = new_instance(None).start;
    start.params = BTreeMap::from([("day".to_owned(), "2".to_owned())]);
    start.priority = Priority::Lowest;
    let operation = subject.ask(id, Command::Priority, 1).await;
    let changes = Changes {
        start: Some(Arc::new(start.clone())),
        decisions: vec![OperationDecision {
            operation,
            status: OperationStatus::Applied,
            detail: None,
        }],
        ..Changes::default()
    };
    let stale = round(&me, id, 9, changes.clone());
    assert_eq!(store(subject, stale).await, WriteOutcome::Stale);
    let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
    assert_eq!(
        loaded.start,
        new_instance(None).start,
        "a stale commit changes nothing"
    );
    assert_eq!(
        store(subject, round(&me, id, 0, changes)).await,
        WriteOutcome::Stored
    );
    let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
    assert_eq!(loaded.start, start);
    let loaded = load(subject.store(), other, me.incarnation, Epoch(1))
        .await
        .unwrap();
    assert_eq!(
        loaded.start,
        new_instance(None).start,
        "other instances keep theirs"
    );
}

pub(crate) async fn a_new_instance_has_the_rows_that_it_takes_over(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let reused = Task {
        reused: Some(InstanceId(7)),
        outputs: BTreeMap::from([("rows".to_owned(), "42".to_owned())]),
        state: TaskState::Succeeded,
        ..Task::unstarted()
    };
    let rows = BTreeMap::from([(TaskIndex(1), Box::new(reused))]);
    let new = NewInstance {
        continued_from: Some((InstanceId(7), rows.clone())),
        ..new_instance(Some(&me))
    };
    let answers = subject.store().write_batch(&[Write::Create(new)]).await.unwrap();
    let WriteOutcome::Created { id, .. } = answers[0] else {
        panic!("{answers:?}");
    };
    let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
    assert_eq!(loaded.rows.tasks, rows);
}

pub(crate) async fn load_wants_the_owner_and_the_epoch(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let loads = async |who: Incarnation, epoch: i64| {
        let loaded = load(subject.store(), id, who, Epoch(epoch)).await;
        loaded.is_some()
    };
    assert!(loads(me.incarnation, 1).await);
    assert!(!loads(me.incarnation, 2).await);
    assert!(!loads(Incarnation(999), 1).await);
}

pub(crate) async fn many_are_loaded_together_and_each_has_its_own(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let mut asked = Vec::new();
    for number in 0..3 {
        let id = create(subject, Some(&me)).await;
        let mut open = attempt(id, number, 1, AttemptState::Running);
        open.dispatch_number = number;
        let tasks = of_tasks([(number, task(TaskState::Running, Some(open)))]);
        assert_eq!(
            store(subject, round(&me, id, 0, tasks)).await,
            WriteOutcome::Stored
        );
        subject.ask(id, Command::Stop, 1).await;
        asked.push(Ownership { id, epoch: Epoch(1) });
    }
    // One that is owned otherwise, one that does not exist.
    let (stale, unknown) = (asked[1].id, InstanceId(999_999));
    asked[1].epoch = Epoch(2);
    asked.push(Ownership {
        id: unknown,
        epoch: Epoch(1),
    });
    let loaded = subject
        .store()
        .load_instances(me.incarnation, &asked)
        .await
        .unwrap();
    let seen: BTreeMap<InstanceId, (Vec<TaskIndex>, u32, usize)> = loaded
        .iter()
        .map(|one| {
            let tasks = &one.rows.tasks;
            let ordinals = tasks.keys().copied().collect();
            let first = tasks.values().next().expect("a task");
            let attempt = first.attempt.as_ref().expect("an attempt");
            (
                one.rows.id,
                (ordinals, attempt.dispatch_number, one.commands.len()),
            )
        })
        .collect();
    assert_eq!(
        seen,
        BTreeMap::from([
            (asked[0].id, (vec![TaskIndex(0)], 0, 1)),
            (asked[2].id, (vec![TaskIndex(2)], 2, 1)),
        ]),
        "without {stale} and {unknown}"
    );
    assert_eq!(
        subject.store().load_instances(me.incarnation, &[]).await.unwrap(),
        []
    );
}

pub(crate) async fn a_stale_entry_fails_alone(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let mut batch = Vec::new();
    let mut ids = Vec::new();
    for stale in 0..4 {
        let id = create(subject, Some(&me)).await;
        ids.push(id);
        let waiting = task(TaskState::Waiting, None);
        let Write::Commit(mut commit) = round(&me, id, 0, of_tasks([(0, waiting)])) else {
            unreachable!("a round is a commit")
        };
        match stale {
            1 => commit.owner = Incarnation(999),
            2 => commit.epoch = Epoch(2),
            3 => commit.revision = Revision(7),
            _ => {}
        }
        batch.push(Write::Commit(commit));
    }
    let answers = subject.store().write_batch(&batch).await.unwrap();
    assert_eq!(
        answers,
        [
            WriteOutcome::Stored,
            WriteOutcome::Stale,
            WriteOutcome::Stale,
            WriteOutcome::Stale
        ]
    );
    for (place, id) in ids.into_iter().enumerate() {
        let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
        let stored = usize::from(place == 0);
        assert_eq!(loaded.rows.tasks.len(), stored, "{place}");
        assert_eq!(
            loaded.rows.revision,
            Revision(i64::try_from(stored).unwrap()),
            "{place}"
        );
    }
}

pub(crate) async fn a_poisonous_entry_fails_alone(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let taken = create(subject, Some(&me)).await;
    let open = task(
        TaskState::Running,
        Some(attempt(taken, 0, 1, AttemptState::Running)),
    );
    store(subject, round(&me, taken, 0, of_tasks([(0, open)]))).await;
    let mut batch = Vec::new();
    for place in 0..9 {
        let id = create(subject, Some(&me)).await;
        // A uid that another instance has already.
        let named = if place == 5 { taken } else { id };
        let running = task(
            TaskState::Running,
            Some(attempt(named, 0, 1, AttemptState::Running)),
        );
        batch.push(round(&me, id, 0, of_tasks([(0, running)])));
    }
    let answers = subject.store().write_batch(&batch).await.unwrap();
    for (place, answer) in answers.iter().enumerate() {
        match answer {
            WriteOutcome::Rejected(_) => assert_eq!(place, 5),
            other => assert_eq!((other, place == 5), (&WriteOutcome::Stored, false), "{place}"),
        }
    }
}

pub(crate) async fn coming_to_rest_takes_the_owner_away(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let rests = Changes {
        record: Some(header(InstanceState::Succeeded)),
        releases_owner: true,
        ..Changes::default()
    };
    assert_eq!(
        store(subject, round(&me, id, 0, rests)).await,
        WriteOutcome::Stored
    );
    let owned = subject.owned(id).await;
    assert_eq!((owned.owner, owned.host, owned.epoch), (None, None, 1));
    assert_eq!(
        store(subject, round(&me, id, 1, Changes::default())).await,
        WriteOutcome::Stale
    );
    assert_eq!(subject.store().list_owned(me.incarnation).await, Ok(Vec::new()));
}

pub(crate) async fn a_decided_verb_is_marked_in_the_same_commit(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let applied = subject.ask(id, Command::Pause, 1).await;
    let refused = subject.ask(id, Command::Recover, 1).await;
    assert_eq!(
        subject.store().list_owned(me.incarnation).await.unwrap(),
        [owned(id, true)]
    );
    let changes = Changes {
        record: Some(header(InstanceState::Pausing)),
        decisions: vec![
            OperationDecision {
                operation: applied,
                status: OperationStatus::Applied,
                detail: None,
            },
            OperationDecision {
                operation: refused,
                status: OperationStatus::Refused,
                detail: Some("not final".to_owned()),
            },
        ],
        ..Changes::default()
    };
    let stale = store(subject, round(&me, id, 5, changes.clone())).await;
    assert_eq!(stale, WriteOutcome::Stale);
    assert_eq!(subject.outcome(applied).await.0, OperationStatus::Pending);
    assert_eq!(
        store(subject, round(&me, id, 0, changes)).await,
        WriteOutcome::Stored
    );
    assert_eq!(subject.outcome(applied).await, (OperationStatus::Applied, None));
    assert_eq!(
        subject.outcome(refused).await,
        (OperationStatus::Refused, Some("not final".to_owned()))
    );
    assert_eq!(
        subject.store().list_unapplied_commands(&[id]).await,
        Ok(Vec::new())
    );
}

fn indices<const N: usize>(of: [u32; N]) -> BTreeSet<TaskIndex> {
    of.into_iter().map(TaskIndex).collect()
}

pub(crate) async fn a_reset_sends_rows_back_to_pending(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    for (reset, expected) in [
        (Reset::All, ["pending", "pending", "pending"]),
        (
            Reset::NextRun(indices([1, 2])),
            ["succeeded", "pending", "pending"],
        ),
        (Reset::NextRun(indices([2])), ["succeeded", "failed", "pending"]),
        (Reset::NextRun(indices([])), ["succeeded", "failed", "killed"]),
        (Reset::Continue(indices([1])), ["succeeded", "pending", "killed"]),
    ] {
        let begins_run = !matches!(reset, Reset::Continue(_));
        let id = create(subject, Some(&me)).await;
        let ended = |ordinal, state, of| task(state, Some(attempt(id, ordinal, 2, of)));
        let before = of_tasks([
            (0, ended(0, TaskState::Succeeded, AttemptState::Succeeded)),
            (1, ended(1, TaskState::Failed, AttemptState::Failed)),
            (2, ended(2, TaskState::Killed, AttemptState::Killed)),
            (3, task(TaskState::NotRun, None)),
        ]);
        store(subject, round(&me, id, 0, before)).await;
        let mut again = Changes {
            reset: Some(reset.clone()),
            ..Changes::default()
        };
        // A row of the same commit is written after the reset.
        again.tasks.insert(TaskIndex(3), task(TaskState::Waiting, None));
        assert_eq!(
            store(subject, round(&me, id, 1, again)).await,
            WriteOutcome::Stored
        );
        let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
        let tasks = loaded.rows.tasks;
        let states: Vec<&str> = tasks.values().map(|task| task.state.as_str()).collect();
        assert_eq!(states[..3], expected, "{reset:?}");
        assert_eq!(states[3], "waiting", "{reset:?}");
        for task in tasks.values().take(3) {
            let is_reset = task.state == TaskState::Pending;
            let is_next_run = is_reset && begins_run;
            assert_eq!(
                task.attempts_before_run,
                if is_next_run { 2 } else { 0 },
                "{reset:?}"
            );
            assert_eq!(task.lost_in_run, u32::from(!is_next_run), "{reset:?}");
            assert_eq!(
                task.reason.is_none() && task.due_at.is_none(),
                is_reset,
                "{reset:?}"
            );
            assert_eq!(task.outputs.is_empty(), is_next_run, "{reset:?}");
            // The next run takes over what the last attempt started.
            let forgets_attempt = is_reset && matches!(reset, Reset::FreshRun(_) | Reset::All);
            assert_eq!(task.progress.is_none(), forgets_attempt, "{reset:?}");
            assert_eq!(task.started_at.is_none(), reset == Reset::All, "{reset:?}");
            assert_eq!(task.attempt.as_ref().map(|a| a.number.0), Some(2), "{reset:?}");
        }
    }
}

pub(crate) async fn a_lost_attempt_is_closed_before_the_next_one_opens(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let first = task(TaskState::Running, Some(attempt(id, 0, 1, AttemptState::Running)));
    store(subject, round(&me, id, 0, of_tasks([(0, first)]))).await;
    let second = task(
        TaskState::Dispatched,
        Some(attempt(id, 0, 2, AttemptState::Created)),
    );
    let open_twice = store(subject, round(&me, id, 1, of_tasks([(0, second.clone())]))).await;
    assert!(matches!(open_twice, WriteOutcome::Rejected(_)), "{open_twice:?}");
    let changes = Changes {
        closed: vec![(TaskIndex(0), attempt(id, 0, 1, AttemptState::Lost))],
        ..of_tasks([(0, second.clone())])
    };
    assert_eq!(
        store(subject, round(&me, id, 1, changes)).await,
        WriteOutcome::Stored
    );
    let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
    assert_eq!(
        loaded.rows.tasks,
        BTreeMap::from([(TaskIndex(0), Box::new(second))])
    );
    assert_eq!(loaded.duplicate_open_attempts, []);
}

pub(crate) async fn an_unapplied_verb_is_read_in_order(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let one = create(subject, Some(&me)).await;
    let other = create(subject, Some(&me)).await;
    let third = create(subject, Some(&me)).await;
    let pause = subject.ask(one, Command::Pause, 1).await;
    let stop = subject.ask(other, Command::Stop, 1).await;
    let resume = subject.ask(one, Command::Resume, 1).await;
    subject.ask(third, Command::Stop, 1).await;
    let verbs = subject
        .store()
        .list_unapplied_commands(&[one, other])
        .await
        .unwrap();
    let seen: Vec<_> = verbs
        .iter()
        .map(|command| (command.instance, command.operation, command.command, command.run))
        .collect();
    assert_eq!(
        seen,
        [
            (one, pause, Command::Pause, Run(1)),
            (other, stop, Command::Stop, Run(1)),
            (one, resume, Command::Resume, Run(1)),
        ]
    );
    let loaded = load(subject.store(), one, me.incarnation, Epoch(1))
        .await
        .unwrap();
    assert_eq!(loaded.commands.len(), 2);
}
