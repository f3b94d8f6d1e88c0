//! Backfills: what users do with them, what masters decide about them, and what their instances make of their dates.

use std::collections::BTreeMap;

use catalog::{
    BackfillChoices, BackfillFilter, CatalogError, DependentsCheck, NewBackfill, PageRequest,
    PostBackfillCommand, ProjectId, VisibilityScope, WorkflowId,
};
use engine::backfill::{
    Backfill, BackfillChanges, BackfillCommand, BackfillControl, BackfillDate, BackfillEvent, BackfillRecord,
    BackfillState, DateDecision, DateOrder, DateState, DateTurn, DependentsMode, ExistingPolicy, OnFailure,
    PendingWork, PlannedDate, PlannedRun, Prerequisites, StopMode, decide, follow_instance, pending_work,
};
use engine::ids::{BackfillId, InstanceId, Timestamp};
use engine::spec::ProjectDefaults;
use engine::start::Start;
use engine::states::{FailureStrategy, InstanceState, Priority, Scope};
use engine::timezone::Tz;
use engine::trigger::Trigger;
use ports::{BackfillCommit, BackfillOutcome, BackfillSnapshot, BackfillStore as _, NewInstance};
use serde_json::json;

use super::fixture::{CatalogFixture, asked};

const DEFAULT: ProjectId = ProjectId(1);

fn start() -> Start {
    Start {
        params: BTreeMap::from([("day".to_owned(), "2".to_owned())]),
        tasks: Vec::new(),
        start_within_ms: None,
        scope: Scope::All,
        failure_strategy: FailureStrategy::Continue,
        priority: Priority::High,
        worker_group: None,
        dry_run: false,
        scheduled_at: None,
        defaults: ProjectDefaults::default(),
        timezone: Tz::UTC,
        labels: BTreeMap::new(),
        body: None,
    }
}

fn new_backfill(workflow: i64, dates: i64) -> NewBackfill {
    let run = |day: i64| PlannedRun {
        date: PlannedDate {
            at: Timestamp(day * 86_400_000),
            zone: Tz::Asia__Shanghai,
        },
        dependent: None,
    };
    NewBackfill {
        project: DEFAULT,
        workflow: WorkflowId(workflow),
        version: 1,
        choices: BackfillChoices {
            from: None,
            to: None,
            timezone: Tz::UTC,
            schedule: None,
            order: DateOrder::Ascending,
            dependents: DependentsMode::None,
            description: "spring".to_owned(),
            start: start(),
        },
        start: json!({ "params": { "day": 2 } }),
        parallelism: 2,
        on_failure: OnFailure::Continue,
        existing: ExistingPolicy::Run,
        runs: (0..dates).map(run).collect(),
        dependents: Vec::new(),
    }
}

/// A backfill, and what a master does for it.
struct Campaign<'a> {
    fixture: &'a CatalogFixture,
    id: BackfillId,
    workflow: i64,
}

impl<'a> Campaign<'a> {
    async fn of(fixture: &'a CatalogFixture, new: NewBackfill) -> Self {
        let id = fixture
            .catalog
            .backfills()
            .create(&new, &asked())
            .await
            .expect("a backfill");
        Self {
            fixture,
            id,
            workflow: new.workflow.0,
        }
    }

    async fn snapshot(&self) -> BackfillSnapshot {
        let mut found = self
            .fixture
            .store
            .load_backfills(&[self.id])
            .await
            .expect("an answer");
        found.pop().expect("the backfill")
    }

    fn instance(&self, scheduled_at: Timestamp) -> NewInstance {
        NewInstance {
            project_id: DEFAULT.0,
            workflow_id: self.workflow,
            project: "default".to_owned(),
            workflow: "flow".to_owned(),
            project_params: BTreeMap::new(),
            version: 1,
            tasks: 3,
            excluded: 0,
            start: Start {
                scheduled_at: Some(scheduled_at),
                ..start()
            },
            trigger: Trigger::Backfill(self.id),
            requested_by: Some("admin".to_owned()),
            owner: None,
            continued_from: None,
            request_key: None,
            at: Timestamp(2_000),
        }
    }

    /// Decides about what is stored, as a master does; none when there is nothing to be stored.
    async fn decide(&self) -> Option<BackfillCommit> {
        let snapshot = self.snapshot().await;
        let count = match pending_work(&snapshot.record, &snapshot.dates) {
            PendingWork::Nothing => return None,
            PendingWork::Close => 0,
            PendingWork::Start { places } => places,
        };
        let waiting = self
            .fixture
            .store
            .list_waiting_dates(self.id, count.max(1))
            .await
            .expect("dates");
        let turns = waiting.dates.iter().map(|date| DateTurn {
            position: date.position,
            existing: date.existing,
            obstacle: None,
            prerequisites: Prerequisites::Met,
        });
        let event = BackfillEvent::Turns(turns.collect());
        let changes = decide(&snapshot.record, &snapshot.dates, &event).expect("no command");
        let started = changes.dates.iter().filter_map(|decision| match decision {
            DateDecision::Start { position } => waiting.dates.iter().find(|date| date.position == *position),
            DateDecision::Close { .. } | DateDecision::Skip { .. } => None,
        });
        (!changes.is_empty()).then(|| BackfillCommit {
            id: self.id,
            revision: snapshot.revision,
            at: Timestamp(2_000),
            instances: started.map(|date| self.instance(date.scheduled_at)).collect(),
            changes: changes.clone(),
        })
    }

    async fn commit(&self, commit: BackfillCommit) -> BackfillOutcome {
        let mut outcomes = self
            .fixture
            .store
            .commit_backfills(&[commit])
            .await
            .expect("outcomes");
        outcomes.pop().expect("one outcome")
    }

    /// Decides and stores until nothing is left.
    async fn advance(&self) {
        while let Some(commit) = self.decide().await {
            let is_last = commit.changes.is_settled || commit.changes.dates.is_empty();
            let outcome = self.commit(commit).await;
            assert!(matches!(outcome, BackfillOutcome::Stored(_)), "{outcome:?}");
            if is_last {
                return;
            }
        }
    }

    async fn command(&self, command: BackfillCommand) -> Result<Vec<InstanceId>, CatalogError> {
        let post = PostBackfillCommand {
            backfill: self.id,
            command,
            start: None,
        };
        self.fixture.catalog.backfills().command(&post, &asked()).await
    }

    async fn dates(&self) -> Vec<(DateState, Option<InstanceId>)> {
        let page = PageRequest {
            limit: 200,
            cursor: None,
        };
        let page = self
            .fixture
            .catalog
            .backfills()
            .list_dates(self.id, &[], &page)
            .await;
        let items = page.expect("dates").items;
        items
            .into_iter()
            .map(|date| (date.state, date.instance))
            .collect()
    }

    async fn states(&self) -> String {
        let names: Vec<&str> = self
            .dates()
            .await
            .iter()
            .map(|(state, _)| state.as_str())
            .collect();
        names.join(" ")
    }

    async fn state(&self) -> BackfillState {
        self.fixture
            .catalog
            .backfills()
            .find(self.id)
            .await
            .expect("an answer")
            .expect("the backfill")
            .state
    }

    /// Changes the state of the instance of a date, as its owner does.
    async fn instance_becomes(&self, position: usize, state: InstanceState) {
        let id = self.dates().await[position].1.expect("an instance");
        self.fixture.sql(&set_state(id, state)).await;
    }
}

fn set_state(id: InstanceId, state: InstanceState) -> String {
    // A final state is left with the next run only.
    let ended = if state.is_final() { "7000" } else { "NULL" };
    format!(
        "UPDATE instance SET run = run + 1, state = '{state}', reason = 'said so', ended_at = {ended} WHERE id = {id}"
    )
}

pub(crate) async fn a_date_and_its_instance_are_one_commit(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let campaign = Campaign::of(fixture, new_backfill(workflow, 3)).await;
    assert_eq!(
        fixture.store.list_unsettled_backfills().await.unwrap(),
        [campaign.id]
    );
    let commit = campaign.decide().await.expect("two dates start");
    let BackfillOutcome::Stored(started) = campaign.commit(commit.clone()).await else {
        panic!("the first decision is stored");
    };
    assert_eq!(campaign.states().await, "running running waiting");
    let shown: Vec<Option<InstanceId>> = campaign
        .dates()
        .await
        .iter()
        .map(|(_, instance)| *instance)
        .collect();
    assert_eq!(shown, [Some(started[0].id), Some(started[1].id), None]);
    let instance = fixture
        .catalog
        .instances()
        .find(started[1].id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(instance.trigger, Trigger::Backfill(campaign.id));
    assert_eq!(instance.scheduled_at, Some(Timestamp(86_400_000)));
    // A master that decided on the same row is late, and one that missed an end finds no place.
    assert_eq!(campaign.commit(commit).await, BackfillOutcome::Stale);
    assert_eq!(fixture.count("instance").await, 2);
    assert!(campaign.decide().await.is_none(), "no place is free");
}

pub(crate) async fn of_two_masters_that_decide_at_once_one_is_stored(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let campaign = Campaign::of(fixture, new_backfill(workflow, 8)).await;
    let commit = campaign.decide().await.expect("two dates start");
    let (one, other) = tokio::join!(campaign.commit(commit.clone()), campaign.commit(commit));
    let stored = [&one, &other]
        .into_iter()
        .filter(|outcome| matches!(outcome, BackfillOutcome::Stored(_)));
    assert_eq!(stored.count(), 1, "{one:?} {other:?}");
    assert_eq!(fixture.count("instance").await, 2);
}

pub(crate) async fn a_date_follows_its_newest_instance(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let campaign = Campaign::of(fixture, new_backfill(workflow, 2)).await;
    campaign.advance().await;
    for (state, shown) in [
        (InstanceState::Pausing, "running running"),
        (InstanceState::Paused, "running running"),
        (InstanceState::Failed, "failed running"),
        (InstanceState::Running, "running running"),
        (InstanceState::Stopped, "stopped running"),
        (InstanceState::Succeeded, "succeeded running"),
    ] {
        campaign.instance_becomes(0, state).await;
        assert_eq!(campaign.states().await, shown, "{state}");
    }
    campaign.instance_becomes(1, InstanceState::Failed).await;
    assert_eq!(campaign.state().await, BackfillState::Failed);
    let row = fixture
        .catalog
        .backfills()
        .find(campaign.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.ended_at, Some(Timestamp(7_000)));
    fixture.sql("DELETE FROM instance").await;
    assert_eq!(
        campaign.states().await,
        "succeeded failed",
        "it stays when the instance is deleted"
    );
}

pub(crate) async fn an_instance_that_exists_is_found_by_the_policy(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let other = fixture.flow(DEFAULT, "other").await;
    let new = |existing| NewBackfill {
        parallelism: 1_000,
        existing,
        ..new_backfill(workflow, 5)
    };
    // By day: one of another workflow, one that failed, one that succeeded, a dry one.
    for (day, workflow, state, dry) in [
        (0, other, "succeeded", "FALSE"),
        (1, workflow, "failed", "FALSE"),
        (2, workflow, "succeeded", "FALSE"),
        (3, workflow, "succeeded", "TRUE"),
    ] {
        let id = fixture.instance(DEFAULT, workflow, state).await;
        let at = day * 86_400_000;
        fixture
            .sql(&format!(
                "UPDATE instance SET scheduled_at = {at}, dry_run = {dry} WHERE id = {id}"
            ))
            .await;
    }
    for (existing, wanted) in [
        (
            ExistingPolicy::SkipSucceeded,
            "running running skipped running running",
        ),
        (ExistingPolicy::SkipAll, "skipped skipped skipped skipped skipped"),
        (ExistingPolicy::Run, "running running running running running"),
    ] {
        let campaign = Campaign::of(fixture, new(existing)).await;
        campaign.advance().await;
        assert_eq!(campaign.states().await, wanted, "{existing}");
        campaign.advance().await;
    }
}

pub(crate) async fn a_retry_does_not_skip_for_its_own_instances(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let new = NewBackfill {
        existing: ExistingPolicy::SkipAll,
        ..new_backfill(workflow, 2)
    };
    let campaign = Campaign::of(fixture, new).await;
    campaign.advance().await;
    campaign.instance_becomes(0, InstanceState::Failed).await;
    campaign.instance_becomes(1, InstanceState::Succeeded).await;
    campaign.advance().await;
    assert!(fixture.store.list_unsettled_backfills().await.unwrap().is_empty());
    campaign
        .command(BackfillCommand::Retry { version: None })
        .await
        .expect("a retry");
    assert_eq!(campaign.states().await, "waiting succeeded");
    assert_eq!(
        fixture.store.list_unsettled_backfills().await.unwrap(),
        [campaign.id]
    );
    campaign.advance().await;
    assert_eq!(campaign.states().await, "running succeeded");
    assert_eq!(fixture.count("instance").await, 3);
}

pub(crate) async fn what_changed_since_the_decision_makes_it_stale(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let new = NewBackfill {
        on_failure: OnFailure::Stop,
        ..new_backfill(workflow, 6)
    };
    let campaign = Campaign::of(fixture, new).await;
    let disabled = campaign.decide().await.expect("a decision");
    fixture.sql("UPDATE workflow SET enabled = FALSE").await;
    assert_eq!(campaign.commit(disabled.clone()).await, BackfillOutcome::Stale);
    fixture.sql("UPDATE workflow SET enabled = TRUE").await;
    campaign.command(BackfillCommand::Pause).await.expect("a pause");
    assert_eq!(campaign.commit(disabled).await, BackfillOutcome::Stale);
    campaign.command(BackfillCommand::Resume).await.expect("a resume");
    campaign.advance().await;
    campaign.instance_becomes(0, InstanceState::Succeeded).await;
    let decided = campaign.decide().await.expect("a place is free");
    campaign.instance_becomes(1, InstanceState::Failed).await;
    assert_eq!(
        campaign.commit(decided).await,
        BackfillOutcome::Stale,
        "nothing starts after the failure"
    );
    campaign.advance().await;
    assert_eq!(
        campaign.states().await,
        "succeeded failed not_run not_run not_run not_run"
    );
}

pub(crate) async fn a_date_that_is_taken_by_hand_is_not_started(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let campaign = Campaign::of(fixture, new_backfill(workflow, 1)).await;
    campaign.advance().await;
    campaign.instance_becomes(0, InstanceState::Failed).await;
    campaign
        .command(BackfillCommand::Retry { version: None })
        .await
        .expect("a retry");
    let decided = campaign.decide().await.expect("the date starts again");
    campaign.instance_becomes(0, InstanceState::Running).await;
    assert_eq!(campaign.commit(decided).await, BackfillOutcome::Stale);
    assert_eq!(fixture.count("instance").await, 1);
    assert_eq!(campaign.states().await, "running");
}

pub(crate) async fn a_cancel_stops_what_runs_in_its_transaction(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let campaign = Campaign::of(fixture, new_backfill(workflow, 4)).await;
    campaign.advance().await;
    campaign.instance_becomes(0, InstanceState::Succeeded).await;
    let stopped = campaign
        .command(BackfillCommand::Cancel(StopMode::StopRunning))
        .await
        .expect("a cancel");
    assert_eq!(stopped, [campaign.dates().await[1].1.unwrap()]);
    assert_eq!(fixture.count("inbox WHERE command = 'stop'").await, 1);
    assert_eq!(campaign.states().await, "succeeded running not_run not_run");
    assert_eq!(campaign.state().await, BackfillState::Cancelled);
    assert_eq!(fixture.count("audit WHERE action = 'backfill.cancel'").await, 1);
    let error = campaign
        .command(BackfillCommand::Pause)
        .await
        .expect_err("not in cancelled");
    assert!(
        matches!(
            error,
            CatalogError::Conflict {
                code: "INVALID_STATE",
                ..
            }
        ),
        "{error}"
    );
}

pub(crate) async fn a_workflow_with_an_open_backfill_stays(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let campaign = Campaign::of(fixture, new_backfill(workflow, 1)).await;
    let workflows = fixture.catalog.workflows();
    let error = workflows
        .delete(DEFAULT, ("flow", DependentsCheck::Refuse), &asked())
        .await
        .expect_err("a running backfill");
    assert!(error.to_string().contains("cancel it first"), "{error}");
    campaign
        .command(BackfillCommand::Cancel(StopMode::LetRun))
        .await
        .expect("a cancel");
    workflows
        .delete(DEFAULT, ("flow", DependentsCheck::Refuse), &asked())
        .await
        .expect("a delete");
    let error = campaign
        .command(BackfillCommand::Retry { version: None })
        .await
        .expect_err("deleted");
    assert!(error.to_string().contains("was deleted"), "{error}");
}

pub(crate) async fn backfills_are_listed_by_state_and_their_dates_in_pages(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    let large = Campaign::of(fixture, new_backfill(workflow, 2_500)).await;
    let paused = Campaign::of(fixture, new_backfill(workflow, 1)).await;
    paused.command(BackfillCommand::Pause).await.expect("a pause");
    for (states, wanted) in [
        (vec![], vec![paused.id, large.id]),
        (vec![BackfillState::Running], vec![large.id]),
        (
            vec![BackfillState::Paused, BackfillState::Failed],
            vec![paused.id],
        ),
    ] {
        let filter = BackfillFilter {
            visible: VisibilityScope::All,
            project: Some("default".to_owned()),
            workflow: Some("flow".to_owned()),
            states,
        };
        let page = fixture
            .catalog
            .backfills()
            .list(&filter, &PageRequest::default())
            .await
            .unwrap();
        let ids: Vec<BackfillId> = page.items.iter().map(|row| row.id).collect();
        assert_eq!(ids, wanted);
    }
    let (mut cursor, mut positions) = (None, Vec::new());
    loop {
        let page = PageRequest { limit: 200, cursor };
        let page = fixture
            .catalog
            .backfills()
            .list_dates(large.id, &[DateState::Waiting], &page)
            .await
            .unwrap();
        positions.extend(page.items.iter().map(|date| date.position));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(positions, (0..2_500).collect::<Vec<u32>>());
    let backfills = fixture.count("backfill").await;
    fixture.sql("DELETE FROM backfill").await;
    assert_eq!(
        fixture.count("backfill_purge").await,
        backfills,
        "it is noted that their dates are to go"
    );
}

/// A small generator of numbers, so that a failing walk can be repeated.
struct Walk(u64);

impl Walk {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn model(dates: usize) -> Backfill {
    Backfill {
        record: BackfillRecord {
            control: BackfillControl::Active,
            version: 1,
            parallelism: 2,
            on_failure: OnFailure::Stop,
            existing: ExistingPolicy::Run,
            reason: None,
        },
        dates: vec![BackfillDate::waiting(); dates],
    }
}

pub(crate) async fn the_store_agrees_with_the_model_on_random_walks(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "flow").await;
    for seed in 0..6 {
        let new = NewBackfill {
            on_failure: OnFailure::Stop,
            ..new_backfill(workflow, 5)
        };
        let campaign = Campaign::of(fixture, new).await;
        let (mut walk, mut model) = (Walk(seed), model(5));
        for step in 0..25 {
            walk_once(&campaign, &mut model, &mut walk).await;
            let stored = campaign.dates().await;
            let wanted: Vec<_> = model
                .dates
                .iter()
                .map(|date| (date.state, date.instance))
                .collect();
            assert_eq!(stored, wanted, "seed {seed} step {step}");
            assert_eq!(campaign.state().await, model.state(), "seed {seed} step {step}");
        }
    }
}

async fn walk_once(campaign: &Campaign<'_>, model: &mut Backfill, walk: &mut Walk) {
    let commands = [
        BackfillCommand::Pause,
        BackfillCommand::Resume,
        BackfillCommand::SetParallelism(3),
        BackfillCommand::Cancel(StopMode::LetRun),
        BackfillCommand::Retry { version: None },
    ];
    match walk.below(4) {
        0 => {
            let command = commands[usize::try_from(walk.below(5)).unwrap()];
            let event = BackfillEvent::Command(command);
            let decided = decide(&model.record, &model.summary(), &event);
            let stored = campaign.command(command).await;
            assert_eq!(
                decided.is_ok(),
                stored.is_ok(),
                "{command:?} {decided:?} {stored:?}"
            );
            if let Ok(changes) = decided {
                engine::backfill::apply(model, &changes, |_| InstanceId(0));
            }
        }
        1 => advance_both(campaign, model).await,
        _ => {
            let position = usize::try_from(walk.below(5)).unwrap();
            let states = InstanceState::ALL;
            let state = states[usize::try_from(walk.below(states.len() as u64)).unwrap()];
            if let Some(instance) = model.dates[position].instance {
                campaign.fixture.sql(&set_state(instance, state)).await;
                follow_instance(model, instance, state, Some("said so"));
            }
        }
    }
}

async fn advance_both(campaign: &Campaign<'_>, model: &mut Backfill) {
    let summary = model.summary();
    let count = match pending_work(&model.record, &summary) {
        PendingWork::Start { places } => places as usize,
        PendingWork::Nothing | PendingWork::Close => 0,
    };
    let turns = model.next_positions(count).into_iter().map(|position| DateTurn {
        position,
        existing: None,
        obstacle: None,
        prerequisites: Prerequisites::Met,
    });
    let event = BackfillEvent::Turns(turns.collect());
    let decided: BackfillChanges = decide(&model.record, &summary, &event).expect("no command");
    let commit = campaign.decide().await;
    let changes = commit
        .as_ref()
        .map(|commit| commit.changes.clone())
        .unwrap_or_default();
    assert_eq!(changes, decided);
    let Some(commit) = commit else { return };
    let BackfillOutcome::Stored(started) = campaign.commit(commit).await else {
        panic!("nothing changed since");
    };
    let mut started = started.into_iter();
    engine::backfill::apply(model, &decided, |_| started.next().expect("an instance").id);
}
