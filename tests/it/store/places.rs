//! The places of instances: never more holders than there are places, and each place that comes free is taken.

use std::collections::BTreeMap;

use engine::ids::{Epoch, Incarnation, InstanceId, Revision, Run, Timestamp};
use engine::instance::{Changes, InstanceRecord};
use engine::place::{PlaceOutlook, PlaceRequest};
use engine::spec::{ConcurrencyRule, ConcurrencyStrategy};
use engine::states::{Command, InstanceState, OwnershipReason, Priority};
use engine::trigger::{ParentAttempt, Trigger};
use ports::{
    AdmissionPass, AdmissionReport, ClaimStore as _, InstanceCommit, InstanceWriter as _, MissingPlace,
    NewInstance, NodeIdentity, PlaceStore as _, StartAdmission, WaitEnd, Write, WriteOutcome,
};
use sea_orm::TryGetable;
use store::{RuledWorkflow, change_concurrency, change_max_instances};

use super::cases::header;
use super::store_under_test::{Database, StoreUnderTest as _, join, new_instance};

macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(&super::Database::on_sqlite().await).await;
                }
            )+
        }

        mod on_postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(database) = super::Database::on_postgres().await {
                        super::$case(&database).await;
                    }
                }
            )+
        }
    };
}

on_both_databases! {
    a_place_is_held_until_the_end_and_then_the_most_urgent_is_admitted,
    discarded_instances_name_the_holder,
    the_last_of_a_key_replaces_those_that_wait_and_stops_a_holder,
    each_key_has_its_own_places,
    a_cap_counts_neither_children_nor_dry_runs,
    a_changed_rule_counts_what_runs_and_admits_what_waits,
    a_run_without_a_place_is_not_stored,
    what_waits_for_too_long_ends,
    what_is_paused_while_queued_is_passed_over,
    random_starts_ends_and_deaths_never_exceed_the_limit,
}

const MODEL: &str = r#"{"version":1,"name":"flow","params":{"region":"eu","day":"0"},"tasks":{"a":{"type":"noop"},"b":{"type":"noop"},"c":{"type":"noop"}}}"#;

fn rule(limit: u32, strategy: ConcurrencyStrategy) -> ConcurrencyRule {
    ConcurrencyRule {
        limit,
        strategy,
        key: None,
    }
}

async fn set_rule(database: &Database, rule: Option<&ConcurrencyRule>) {
    database
        .sql(&format!(
            "INSERT INTO workflow_version (workflow_id, version, source, source_format, model, hash, created_at, \
             created_by) VALUES (1, 1, '', 'json', '{MODEL}', '', 0, 'admin') ON CONFLICT DO NOTHING"
        ))
        .await;
    let transaction = database.store.begin().await.expect("a transaction");
    let workflow = RuledWorkflow { id: 1, project_id: 1 };
    change_concurrency(&database.store, &transaction, workflow, rule)
        .await
        .expect("the rule is stored");
    database.store.commit(transaction).await.expect("a commit");
}

async fn set_cap(database: &Database, cap: Option<u32>) {
    let transaction = database.store.begin().await.expect("a transaction");
    change_max_instances(&transaction, 1, cap)
        .await
        .expect("the cap is stored");
    database.store.commit(transaction).await.expect("a commit");
}

async fn start(database: &Database, new: NewInstance) -> (InstanceId, StartAdmission) {
    let written = database.store.write_batch(&[Write::Create(new)]).await;
    match written.expect("an answer").remove(0) {
        WriteOutcome::Created { id, owner, admission } => {
            assert_eq!(owner.is_some(), admission.is_running());
            (id, admission)
        }
        other => panic!("{other:?}"),
    }
}

async fn start_id(database: &Database, me: &NodeIdentity) -> InstanceId {
    start(database, new_instance(Some(me))).await.0
}

fn with_priority(me: &NodeIdentity, priority: Priority) -> NewInstance {
    let mut new = new_instance(Some(me));
    new.start.priority = priority;
    new
}

async fn value<T: TryGetable>(database: &Database, sql: &str) -> T {
    let rows = database.rows(sql).await;
    rows[0].try_get_by_index(0).expect("a value")
}

async fn state(database: &Database, id: InstanceId) -> String {
    value(database, &format!("SELECT state FROM instance WHERE id = {id}")).await
}

async fn reason(database: &Database, id: InstanceId) -> String {
    value(database, &format!("SELECT reason FROM instance WHERE id = {id}")).await
}

/// Commits a state as the owner of an instance would.
async fn commit(
    database: &Database,
    id: InstanceId,
    (record, place): (InstanceRecord, Option<PlaceRequest>),
) -> WriteOutcome {
    let rows = database
        .rows(&format!(
            "SELECT owner, epoch, revision FROM instance WHERE id = {id}"
        ))
        .await;
    let cell = |index| rows[0].try_get_by_index::<i64>(index).expect("a number");
    let commit = InstanceCommit {
        id,
        owner: Incarnation(cell(0)),
        host: "host".to_owned(),
        epoch: Epoch(cell(1)),
        revision: Revision(cell(2)),
        at: Timestamp(2_000),
        changes: Changes {
            releases_owner: record.is_idle(),
            record: Some(record),
            place,
            ..Changes::default()
        },
    };
    let written = database.store.write_batch(&[Write::Commit(commit)]).await;
    written.expect("an answer").remove(0)
}

async fn end(database: &Database, id: InstanceId) {
    let ended = commit(database, id, (header(InstanceState::Succeeded), None)).await;
    assert_eq!(ended, WriteOutcome::Stored);
}

async fn pass(database: &Database, me: &NodeIdentity, at: i64) -> AdmissionReport {
    let pass = AdmissionPass {
        claimant: me.clone(),
        at: Timestamp(at),
    };
    let report = database.store.admit_waiting(&pass).await;
    report.expect("a pass")
}

fn admitted(report: &AdmissionReport) -> Vec<InstanceId> {
    report.admitted.iter().map(|claimed| claimed.id).collect()
}

/// Claims a final instance for a command.
async fn claim(database: &Database, me: &NodeIdentity, id: InstanceId) {
    let claim = ports::Claim {
        claimant: me.clone(),
        only: Some(id),
        limit: 1,
        at: Timestamp(3_000),
    };
    let claimed = database.store.claim_instances(&claim).await.expect("a claim");
    assert_eq!(claimed.len(), 1);
}

async fn a_place_is_held_until_the_end_and_then_the_most_urgent_is_admitted(database: &Database) {
    let me = join(database, "one", "h1").await;
    set_rule(database, Some(&rule(1, ConcurrencyStrategy::Wait))).await;
    let (holder, admission) = start(database, new_instance(Some(&me))).await;
    assert_eq!(admission, StartAdmission::Admitted);
    let (low, admission) = start(database, with_priority(&me, Priority::Low)).await;
    assert!(matches!(
        admission,
        StartAdmission::Queued {
            missing: MissingPlace::Workflow,
            ..
        }
    ));
    let (high, _) = start(database, with_priority(&me, Priority::High)).await;
    let (second, _) = start(database, with_priority(&me, Priority::High)).await;
    assert_eq!(state(database, high).await, "queued");
    assert_eq!(database.owned(high).await.owner, None);
    pass(database, &me, 3_000).await;
    assert!(!database.store.has_place_work(Timestamp(3_000)).await.unwrap());
    for (ends, next) in [(holder, high), (high, second), (second, low)] {
        end(database, ends).await;
        assert!(database.store.has_place_work(Timestamp(3_000)).await.unwrap());
        let report = pass(database, &me, 4_000).await;
        assert_eq!(admitted(&report), [next]);
        assert_eq!(report.admitted[0].reason, OwnershipReason::Start);
        assert_eq!(database.owned(next).await.owner, Some(me.incarnation));
        assert_eq!(
            database.history(next).await,
            [(None, "queued".to_owned()), (None, "running".to_owned())]
        );
    }
    end(database, low).await;
    assert!(admitted(&pass(database, &me, 5_000).await).is_empty());
    assert_eq!(value::<i64>(database, "SELECT count(*) FROM place").await, 0);
}

async fn discarded_instances_name_the_holder(database: &Database) {
    let me = join(database, "one", "h1").await;
    set_rule(database, Some(&rule(1, ConcurrencyStrategy::Discard))).await;
    let holder = start_id(database, &me).await;
    let (late, admission) = start(database, new_instance(Some(&me))).await;
    let StartAdmission::Discarded { reason: why } = admission else {
        panic!("{admission:?}");
    };
    assert!(why.contains(&holder.to_string()), "{why}");
    assert_eq!(state(database, late).await, "stopped");
    assert_eq!(reason(database, late).await, why);
    end(database, holder).await;
    let (_, admission) = start(database, new_instance(Some(&me))).await;
    assert_eq!(admission, StartAdmission::Admitted);
}

async fn the_last_of_a_key_replaces_those_that_wait_and_stops_a_holder(database: &Database) {
    let me = join(database, "one", "h1").await;
    set_rule(database, Some(&rule(2, ConcurrencyStrategy::Replace))).await;
    let (first, second) = (start_id(database, &me).await, start_id(database, &me).await);
    let third = start_id(database, &me).await;
    let report = pass(database, &me, 3_000).await;
    let stopping: Vec<InstanceId> = report.stopping.iter().map(|holder| holder.id).collect();
    assert_eq!(stopping, [first]);
    let fourth = start_id(database, &me).await;
    let report = pass(database, &me, 3_100).await;
    assert!(report.stopping.is_empty(), "one holder stops already");
    assert_eq!(report.ended.len(), 1);
    assert_eq!(
        (report.ended[0].id, report.ended[0].cause),
        (third, WaitEnd::Replaced)
    );
    assert_eq!(reason(database, third).await, format!("replaced by {fourth}"));
    let stopped = commit(database, first, (header(InstanceState::Stopped), None)).await;
    assert_eq!(stopped, WriteOutcome::Stored);
    assert_eq!(admitted(&pass(database, &me, 3_200).await), [fourth]);
    assert_eq!(state(database, second).await, "running");
}

async fn each_key_has_its_own_places(database: &Database) {
    let me = join(database, "one", "h1").await;
    let by_region = ConcurrencyRule {
        key: Some("${region} ${unknown}".to_owned()),
        ..rule(1, ConcurrencyStrategy::Wait)
    };
    set_rule(database, Some(&by_region)).await;
    let mut west = new_instance(Some(&me));
    west.start.params.insert("region".to_owned(), "us".to_owned());
    let east = start_id(database, &me).await;
    let queued = start_id(database, &me).await;
    let (west, admission) = start(database, west).await;
    assert_eq!(admission, StartAdmission::Admitted);
    pass(database, &me, 2_000).await;
    end(database, west).await;
    assert!(admitted(&pass(database, &me, 3_000).await).is_empty());
    end(database, east).await;
    assert_eq!(admitted(&pass(database, &me, 3_000).await), [queued]);
}

async fn a_cap_counts_neither_children_nor_dry_runs(database: &Database) {
    let me = join(database, "one", "h1").await;
    let before = start_id(database, &me).await;
    set_cap(database, Some(1)).await;
    let mut dry = new_instance(Some(&me));
    dry.start.dry_run = true;
    assert_eq!(start(database, dry).await.1, StartAdmission::Unlimited);
    let child = NewInstance {
        trigger: Trigger::SubWorkflow(ParentAttempt {
            instance: before,
            task: "a".to_owned(),
            attempt: engine::ids::AttemptNumber(1),
        }),
        ..new_instance(Some(&me))
    };
    assert!(start(database, child).await.1.is_running());
    let (queued, admission) = start(database, new_instance(Some(&me))).await;
    assert!(matches!(
        admission,
        StartAdmission::Queued {
            missing: MissingPlace::Project,
            ..
        }
    ));
    pass(database, &me, 2_000).await;
    end(database, before).await;
    assert_eq!(admitted(&pass(database, &me, 3_000).await), [queued]);
    let waiting = start_id(database, &me).await;
    pass(database, &me, 3_100).await;
    set_cap(database, None).await;
    assert_eq!(admitted(&pass(database, &me, 4_000).await), [waiting]);
}

async fn a_changed_rule_counts_what_runs_and_admits_what_waits(database: &Database) {
    let me = join(database, "one", "h1").await;
    let before = start_id(database, &me).await;
    set_rule(database, Some(&rule(1, ConcurrencyStrategy::Wait))).await;
    let (queued, another) = (start_id(database, &me).await, start_id(database, &me).await);
    assert_eq!(state(database, queued).await, "queued");
    pass(database, &me, 2_000).await;
    set_rule(database, Some(&rule(2, ConcurrencyStrategy::Wait))).await;
    assert_eq!(admitted(&pass(database, &me, 3_000).await), [queued]);
    set_rule(database, None).await;
    assert_eq!(admitted(&pass(database, &me, 4_000).await), [another]);
    assert_eq!(state(database, before).await, "running");
}

async fn a_run_without_a_place_is_not_stored(database: &Database) {
    let me = join(database, "one", "h1").await;
    set_rule(database, Some(&rule(1, ConcurrencyStrategy::Wait))).await;
    let first = start_id(database, &me).await;
    end(database, first).await;
    let holder = start_id(database, &me).await;
    database.ask(first, Command::Rerun, 1).await;
    claim(database, &me, first).await;
    let next_run = |state| InstanceRecord {
        run: Run(2),
        queued_by: (state == InstanceState::Queued).then_some(OwnershipReason::Rerun),
        ..header(state)
    };
    let begun = (next_run(InstanceState::Running), Some(PlaceRequest::Take));
    let refused = commit(database, first, begun).await;
    assert!(
        matches!(refused, WriteOutcome::NoPlace(PlaceOutlook::Full { .. })),
        "{refused:?}"
    );
    let queued = (
        next_run(InstanceState::Queued),
        Some(PlaceRequest::Wait { due_at: None }),
    );
    assert_eq!(commit(database, first, queued).await, WriteOutcome::Stored);
    assert!(admitted(&pass(database, &me, 3_000).await).is_empty());
    end(database, holder).await;
    let report = pass(database, &me, 4_000).await;
    assert_eq!(admitted(&report), [first]);
    assert_eq!(report.admitted[0].reason, OwnershipReason::Rerun);
}

async fn what_waits_for_too_long_ends(database: &Database) {
    let me = join(database, "one", "h1").await;
    set_rule(database, Some(&rule(1, ConcurrencyStrategy::Wait))).await;
    start_id(database, &me).await;
    let mut brief = new_instance(Some(&me));
    brief.start.start_within_ms = Some(500);
    let (brief, _) = start(database, brief).await;
    let patient = start_id(database, &me).await;
    pass(database, &me, 1_400).await;
    assert!(!database.store.has_place_work(Timestamp(1_499)).await.unwrap());
    assert!(database.store.has_place_work(Timestamp(1_500)).await.unwrap());
    let report = pass(database, &me, 1_500).await;
    assert_eq!(
        (report.ended[0].id, report.ended[0].cause),
        (brief, WaitEnd::Expired)
    );
    assert_eq!(state(database, brief).await, "stopped");
    assert!(reason(database, brief).await.contains("500ms"));
    assert_eq!(state(database, patient).await, "queued");
}

async fn what_is_paused_while_queued_is_passed_over(database: &Database) {
    let me = join(database, "one", "h1").await;
    set_rule(database, Some(&rule(1, ConcurrencyStrategy::Wait))).await;
    let holder = start_id(database, &me).await;
    let (paused, next) = (start_id(database, &me).await, start_id(database, &me).await);
    database.ask(paused, Command::Pause, 1).await;
    claim(database, &me, paused).await;
    let record = InstanceRecord {
        queued_by: Some(OwnershipReason::Start),
        ..header(InstanceState::Paused)
    };
    assert_eq!(
        commit(database, paused, (record, None)).await,
        WriteOutcome::Stored
    );
    end(database, holder).await;
    assert_eq!(admitted(&pass(database, &me, 3_000).await), [next]);
    database.ask(paused, Command::Resume, 1).await;
    claim(database, &me, paused).await;
    let begun = (header(InstanceState::Running), Some(PlaceRequest::Take));
    let refused = commit(database, paused, begun).await;
    assert!(matches!(refused, WriteOutcome::NoPlace(_)), "{refused:?}");
}

/// A small generator, so that a failing run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }
}

async fn running(database: &Database) -> Vec<InstanceId> {
    let rows = database
        .rows("SELECT id FROM instance WHERE state = 'running' AND owner IS NOT NULL ORDER BY id")
        .await;
    rows.iter()
        .map(|row| InstanceId(row.try_get_by_index(0).expect("an id")))
        .collect()
}

async fn check_places(database: &Database, limits: &BTreeMap<&str, i64>) {
    let rows = database
        .rows(
            "SELECT p.key, count(*) FROM place p JOIN instance i ON i.id = p.instance \
             WHERE p.state = 'held' AND i.state = 'running' GROUP BY p.key",
        )
        .await;
    for row in &rows {
        let key: String = row.try_get_by_index(0).expect("a key");
        let held: i64 = row.try_get_by_index(1).expect("a count");
        assert!(held <= limits[key.as_str()], "{held} hold places of {key}");
    }
    let running: i64 = value(database, "SELECT count(*) FROM instance WHERE state = 'running'").await;
    let held: i64 = value(database, "SELECT count(*) FROM place WHERE state = 'held'").await;
    assert_eq!(running, held, "each running instance holds one place");
}

async fn random_starts_ends_and_deaths_never_exceed_the_limit(database: &Database) {
    let nodes = [
        join(database, "one", "h1").await,
        database.add_member("two", "h2").await,
    ];
    let by_region = ConcurrencyRule {
        key: Some("${region}".to_owned()),
        ..rule(2, ConcurrencyStrategy::Wait)
    };
    set_rule(database, Some(&by_region)).await;
    let limits = BTreeMap::from([("eu", 2), ("us", 2)]);
    let mut dice = Dice(7);
    for step in 0..300 {
        let me = &nodes[dice.roll(2)];
        let open = running(database).await;
        match dice.roll(5) {
            0 | 1 => {
                let mut new = with_priority(me, Priority::ALL[dice.roll(5)]);
                let region = ["eu", "us"][dice.roll(2)];
                new.start.params.insert("region".to_owned(), region.to_owned());
                start(database, new).await;
            }
            2 if !open.is_empty() => end(database, open[dice.roll(open.len())]).await,
            // A death between two steps: the other node follows, and nothing of a place changes.
            3 if !open.is_empty() => {
                let id = open[dice.roll(open.len())];
                database
                    .sql(&format!(
                        "UPDATE instance SET owner = {}, host = '{}', epoch = epoch + 1 WHERE id = {id}",
                        me.incarnation, me.host
                    ))
                    .await;
            }
            _ => drop(pass(database, me, 10_000 + step).await),
        }
        check_places(database, &limits).await;
    }
    loop {
        let report = pass(database, &nodes[0], 20_000).await;
        let open = running(database).await;
        if open.is_empty() && report.admitted.is_empty() {
            break;
        }
        for id in open {
            end(database, id).await;
        }
        check_places(database, &limits).await;
    }
    for table in ["place", "place_release"] {
        let left: i64 = value(database, &format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(left, 0, "{table}");
    }
    let open: i64 = value(
        database,
        "SELECT count(*) FROM instance WHERE state IN ('queued', 'running')",
    )
    .await;
    assert_eq!(open, 0);
}
