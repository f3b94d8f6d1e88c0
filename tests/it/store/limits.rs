//! Limits: taken by the commit that binds an attempt, all or none; given back whatever ends it; never more than there are.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::{AttemptNumber, InstanceId, Revision, TaskIndex, Timestamp};
use engine::instance::Changes;
use engine::limits::{HeldBefore, LimitChange, LimitPhase};
use engine::spec::LimitUse;
use engine::states::Priority;
use ports::{
    AdmissibleTask, InstanceCommit, InstanceWriter as _, LimitScope, LimitStore as _, NodeIdentity, Write,
    WriteOutcome,
};

use super::cases::{create, round};
use super::store_under_test::{Database, join};

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

on_both_databases!(
    a_commit_takes_all_limits_or_none,
    one_batch_never_takes_more_than_there_is,
    slots_come_back_however_the_attempt_ends,
    no_task_passes_one_that_wants_more,
    a_task_that_waits_elsewhere_holds_up_no_other,
    a_forced_task_takes_slots_beyond_the_limit,
    a_limit_of_the_project_goes_before_a_shared_one,
    a_disabled_or_missing_limit_has_room,
    a_thousand_waiting_tasks_are_read_as_far_as_there_is_room,
    two_writers_never_take_too_much_or_wait_for_each_other,
    random_commits_agree_with_a_naive_count,
);

/// The one task of these instances.
const TASK: TaskIndex = TaskIndex(0);

/// Adds limits of the project, or shared ones.
async fn add_limits(database: &Database, project: &str, limits: &[(&str, i64)]) {
    for (name, slots) in limits {
        database
            .sql(&format!(
                "INSERT INTO named_limit (project_id, name, slots, created_at, updated_at) \
                 VALUES ({project}, '{name}', {slots}, 0, 0)"
            ))
            .await;
    }
}

/// Returns the slots in use by name; of two of one name the project's.
async fn used(database: &Database) -> BTreeMap<String, i64> {
    let rows = database
        .rows("SELECT name, used FROM named_limit ORDER BY project_id IS NOT NULL")
        .await;
    rows.iter()
        .map(|row| {
            let name: String = row.try_get_by_index(0).expect("a name");
            (name, row.try_get_by_index(1).expect("a count"))
        })
        .collect()
}

fn change(phase: LimitPhase, held_before: HeldBefore, limits: &[(&str, u32)]) -> LimitChange {
    LimitChange {
        task_index: TASK,
        phase,
        held_before,
        limits: limits
            .iter()
            .map(|(name, slots)| LimitUse {
                name: (*name).to_owned(),
                slots: *slots,
            })
            .collect(),
        worker_group: "default".to_owned(),
        instance_priority: Priority::Medium,
        task_priority: Priority::Medium,
    }
}

fn waiting(limits: &[(&str, u32)]) -> LimitChange {
    let ready_at = Timestamp(1_000);
    change(LimitPhase::Waiting { ready_at }, HeldBefore::Nothing, limits)
}

fn holding(limits: &[(&str, u32)]) -> LimitChange {
    let attempt = AttemptNumber(1);
    change(LimitPhase::Holding { attempt }, HeldBefore::Nothing, limits)
}

fn released(limits: &[(&str, u32)]) -> LimitChange {
    change(LimitPhase::Released, HeldBefore::Slots, limits)
}

fn of_limit(change: LimitChange) -> Changes {
    Changes {
        limits: vec![change],
        ..Changes::default()
    }
}

/// Instances of one owner, with the revisions of their next commits.
struct World<'a> {
    database: &'a Database,
    me: NodeIdentity,
    revisions: BTreeMap<InstanceId, i64>,
}

impl<'a> World<'a> {
    async fn new(database: &'a Database) -> Self {
        Self {
            database,
            me: join(database, "one", "h1").await,
            revisions: BTreeMap::new(),
        }
    }

    async fn add_instance(&mut self) -> InstanceId {
        let id = create(self.database, Some(&self.me)).await;
        self.revisions.insert(id, 0);
        id
    }

    /// Adds an instance whose task waits for these limits.
    async fn add_waiting(&mut self, limits: &[(&str, u32)]) -> InstanceId {
        let id = self.add_instance().await;
        assert_eq!(self.commit(id, waiting(limits)).await, WriteOutcome::Stored);
        id
    }

    fn write(&self, id: InstanceId, change: LimitChange) -> Write {
        round(&self.me, id, self.revisions[&id], of_limit(change))
    }

    async fn commit(&mut self, id: InstanceId, change: LimitChange) -> WriteOutcome {
        let write = self.write(id, change);
        let outcome = self
            .database
            .store
            .write_batch(&[write])
            .await
            .expect("an answer");
        self.record(id, &outcome[0]);
        outcome[0].clone()
    }

    fn record(&mut self, id: InstanceId, outcome: &WriteOutcome) {
        if *outcome == WriteOutcome::Stored {
            *self.revisions.get_mut(&id).expect("an instance") += 1;
        }
    }

    async fn admissible(&self) -> Vec<i64> {
        let found = self.database.store.find_admissible_tasks(&LimitScope::All).await;
        let mut ids: Vec<i64> = found
            .expect("a list")
            .iter()
            .map(|task| task.instance.0)
            .collect();
        ids.sort_unstable();
        ids
    }
}

fn is_refused(outcome: &WriteOutcome, words: &str) -> bool {
    matches!(outcome, WriteOutcome::NoRoom(tasks) if tasks[0].task_index == TASK && tasks[0].reason.contains(words))
}

async fn a_commit_takes_all_limits_or_none(database: &Database) {
    add_limits(database, "1", &[("a", 1), ("b", 1)]).await;
    let mut world = World::new(database).await;
    let (first, second) = (
        world.add_waiting(&[("a", 1)]).await,
        world.add_waiting(&[("b", 1), ("a", 1)]).await,
    );
    assert_eq!(
        world.commit(first, holding(&[("a", 1)])).await,
        WriteOutcome::Stored
    );
    let refused = world.commit(second, holding(&[("b", 1), ("a", 1)])).await;
    assert!(is_refused(&refused, "limit `a` is full"), "{refused:?}");
    assert_eq!(
        used(database).await,
        [("a".to_owned(), 1), ("b".to_owned(), 0)].into()
    );
    assert_eq!(
        world.commit(first, released(&[("a", 1)])).await,
        WriteOutcome::Stored
    );
    let taken = world.commit(second, holding(&[("b", 1), ("a", 1)])).await;
    assert_eq!(taken, WriteOutcome::Stored);
    assert_eq!(
        used(database).await,
        [("a".to_owned(), 1), ("b".to_owned(), 1)].into()
    );
}

async fn one_batch_never_takes_more_than_there_is(database: &Database) {
    add_limits(database, "1", &[("a", 2)]).await;
    let mut world = World::new(database).await;
    let mut batch = Vec::new();
    for _ in 0..5 {
        let id = world.add_waiting(&[("a", 1)]).await;
        batch.push(world.write(id, holding(&[("a", 1)])));
    }
    let outcomes = database.store.write_batch(&batch).await.expect("answers");
    let stored = outcomes
        .iter()
        .filter(|outcome| **outcome == WriteOutcome::Stored)
        .count();
    assert_eq!(stored, 2, "{outcomes:?}");
    assert!(
        outcomes[2..].iter().all(|outcome| is_refused(outcome, "2 of 2")),
        "{outcomes:?}"
    );
    assert_eq!(used(database).await["a"], 2);
}

async fn slots_come_back_however_the_attempt_ends(database: &Database) {
    add_limits(database, "1", &[("a", 3)]).await;
    let mut world = World::new(database).await;
    let limits = [("a", 1)];
    let (ended, requeued, deleted) = (
        world.add_waiting(&limits).await,
        world.add_waiting(&limits).await,
        world.add_waiting(&limits).await,
    );
    for id in [ended, requeued, deleted] {
        assert_eq!(world.commit(id, holding(&limits)).await, WriteOutcome::Stored);
    }
    assert_eq!(used(database).await["a"], 3);
    world.commit(ended, released(&limits)).await;
    let ready_at = Timestamp(9_000);
    let again = change(LimitPhase::Waiting { ready_at }, HeldBefore::Slots, &limits);
    world.commit(requeued, again).await;
    database
        .sql(&format!("DELETE FROM instance WHERE id = {deleted}"))
        .await;
    assert_eq!(used(database).await["a"], 0);
    let rows = database
        .rows("SELECT instance, ready_at FROM limit_request")
        .await;
    assert_eq!(rows.len(), 1, "only the one that waits again has a row");
    let ready: i64 = rows[0].try_get_by_index(1).expect("a time");
    assert_eq!(ready, 1_000, "it keeps its place");
}

async fn no_task_passes_one_that_wants_more(database: &Database) {
    add_limits(database, "1", &[("a", 2)]).await;
    let mut world = World::new(database).await;
    let holder = world.add_waiting(&[("a", 1)]).await;
    world.commit(holder, holding(&[("a", 1)])).await;
    let wide = world.add_waiting(&[("a", 2)]).await;
    let small = world.add_waiting(&[("a", 1)]).await;
    assert_eq!(world.admissible().await, [0i64; 0]);
    let refused = world.commit(small, holding(&[("a", 1)])).await;
    assert!(is_refused(&refused, "waits before it"), "{refused:?}");
    world.commit(holder, released(&[("a", 1)])).await;
    assert_eq!(world.admissible().await, [wide.0]);
    assert_eq!(
        world.commit(wide, holding(&[("a", 2)])).await,
        WriteOutcome::Stored
    );
}

async fn a_task_that_waits_elsewhere_holds_up_no_other(database: &Database) {
    add_limits(database, "1", &[("a", 1), ("b", 1)]).await;
    let mut world = World::new(database).await;
    let holder = world.add_waiting(&[("a", 1)]).await;
    world.commit(holder, holding(&[("a", 1)])).await;
    for _ in 0..150 {
        world.add_waiting(&[("a", 1), ("b", 1)]).await;
    }
    let other = world.add_waiting(&[("b", 1)]).await;
    assert_eq!(
        world.admissible().await,
        [other.0],
        "beyond the first page of the queue"
    );
    assert_eq!(
        world.commit(other, holding(&[("b", 1)])).await,
        WriteOutcome::Stored
    );
}

async fn a_forced_task_takes_slots_beyond_the_limit(database: &Database) {
    add_limits(database, "1", &[("a", 1)]).await;
    let mut world = World::new(database).await;
    let holder = world.add_waiting(&[("a", 1)]).await;
    world.commit(holder, holding(&[("a", 1)])).await;
    let (first, forced) = (
        world.add_waiting(&[("a", 1)]).await,
        world.add_waiting(&[("a", 1)]).await,
    );
    database
        .sql(&format!(
            "UPDATE limit_request SET forced = TRUE WHERE instance = {forced}"
        ))
        .await;
    assert_eq!(world.admissible().await, [forced.0]);
    assert_eq!(
        world.commit(forced, holding(&[("a", 1)])).await,
        WriteOutcome::Stored
    );
    assert_eq!(used(database).await["a"], 2);
    world.commit(forced, released(&[("a", 1)])).await;
    assert!(is_refused(
        &world.commit(first, holding(&[("a", 1)])).await,
        "full"
    ));
}

async fn a_limit_of_the_project_goes_before_a_shared_one(database: &Database) {
    add_limits(database, "NULL", &[("a", 1)]).await;
    let mut world = World::new(database).await;
    let shared = world.add_waiting(&[("a", 1)]).await;
    world.commit(shared, holding(&[("a", 1)])).await;
    add_limits(database, "1", &[("a", 1)]).await;
    let own = world.add_waiting(&[("a", 1)]).await;
    assert_eq!(
        world.commit(own, holding(&[("a", 1)])).await,
        WriteOutcome::Stored
    );
    world.commit(shared, released(&[("a", 1)])).await;
    let rows = database
        .rows("SELECT used FROM named_limit ORDER BY project_id IS NOT NULL")
        .await;
    let counts: Vec<i64> = rows
        .iter()
        .map(|row| row.try_get_by_index(0).expect("a count"))
        .collect();
    assert_eq!(counts, [0, 1], "each gives back what it took");
}

async fn a_disabled_or_missing_limit_has_room(database: &Database) {
    add_limits(database, "1", &[("a", 0)]).await;
    let mut world = World::new(database).await;
    let (disabled, missing) = (
        world.add_waiting(&[("a", 1)]).await,
        world.add_waiting(&[("b", 7)]).await,
    );
    assert_eq!(world.admissible().await, [missing.0]);
    database.sql("UPDATE named_limit SET enabled = FALSE").await;
    assert_eq!(world.admissible().await, [disabled.0, missing.0]);
    for (id, limits) in [(disabled, [("a", 1)]), (missing, [("b", 7)])] {
        assert_eq!(world.commit(id, holding(&limits)).await, WriteOutcome::Stored);
    }
    assert_eq!(
        used(database).await["a"],
        1,
        "it is counted for when it is enabled again"
    );
}

async fn a_thousand_waiting_tasks_are_read_as_far_as_there_is_room(database: &Database) {
    add_limits(database, "1", &[("a", 3)]).await;
    let mut world = World::new(database).await;
    let first = world.add_waiting(&[("a", 1)]).await;
    database
        .sql(&format!(
            "INSERT INTO limit_request (instance, task_index, name, limit_id, slots, state, worker_group, \
             instance_priority, task_priority, ready_at, since) \
             SELECT {first}, n, 'a', (SELECT id FROM named_limit), 1, 'waiting', 'default', 3, 3, \
             1000 + n, 0 FROM (WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 1000) \
             SELECT n FROM t) AS numbers"
        ))
        .await;
    let found = database
        .store
        .find_admissible_tasks(&LimitScope::All)
        .await
        .expect("a list");
    let tasks: Vec<u32> = found
        .iter()
        .map(|task: &AdmissibleTask| task.task_index.0)
        .collect();
    assert_eq!(tasks, [0, 1, 2]);
}

async fn two_writers_never_take_too_much_or_wait_for_each_other(database: &Database) {
    add_limits(database, "1", &[("a", 1), ("b", 1)]).await;
    let mut world = World::new(database).await;
    let orders = [[("a", 1), ("b", 1)], [("b", 1), ("a", 1)]];
    let (first, second) = (
        world.add_waiting(&orders[0]).await,
        world.add_waiting(&orders[1]).await,
    );
    for _ in 0..20 {
        let one = [world.write(first, holding(&orders[0]))];
        let other = [world.write(second, holding(&orders[1]))];
        let (one, other) = tokio::join!(
            database.store.write_batch(&one),
            database.store.write_batch(&other)
        );
        let outcomes = [
            (first, one.expect("an answer")),
            (second, other.expect("an answer")),
        ];
        let winners: Vec<InstanceId> = outcomes
            .iter()
            .filter(|(_, outcome)| outcome[0] == WriteOutcome::Stored)
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        world.record(winners[0], &WriteOutcome::Stored);
        assert_eq!(used(database).await.values().sum::<i64>(), 2);
        let ready_at = Timestamp(1_000);
        let again = change(LimitPhase::Waiting { ready_at }, HeldBefore::Slots, &orders[0]);
        assert_eq!(world.commit(winners[0], again).await, WriteOutcome::Stored);
    }
    assert_eq!(used(database).await.values().sum::<i64>(), 0);
}

/// A small generator of numbers (SplitMix64), so that a failure repeats.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("a small number")
    }
}

async fn delete_instance(database: &Database, id: InstanceId) {
    database
        .sql(&format!("DELETE FROM instance WHERE id = {id}"))
        .await;
}

/// Makes one of eight commits a stale one.
fn stale_at_times(mut write: Write, numbers: &mut Numbers) -> Write {
    if let Write::Commit(InstanceCommit { revision, .. }) = &mut write
        && numbers.below(8) == 0
    {
        *revision = Revision(99);
    }
    write
}

/// Adds up the slots that tasks hold, limit by limit.
fn count_naively<'a>(
    sizes: &[(&str, i64)],
    held: impl Iterator<Item = &'a [(&'a str, u32)]>,
) -> BTreeMap<String, i64> {
    let mut counted: BTreeMap<String, i64> = sizes.iter().map(|(name, _)| ((*name).to_owned(), 0)).collect();
    for (name, slots) in held.flatten() {
        *counted.get_mut(*name).expect("a limit") += i64::from(*slots);
    }
    counted
}

/// Batches of binds, ends, stale commits and deletions in any order: the counts are those of a naive count, never above
/// their limits, and zero in the end.
async fn random_commits_agree_with_a_naive_count(database: &Database) {
    let sizes = [("a", 1), ("b", 2), ("c", 5)];
    add_limits(database, "1", &sizes).await;
    let wants: [&[(&str, u32)]; 4] = [
        &[("a", 1)],
        &[("b", 1), ("c", 2)],
        &[("c", 3), ("a", 1)],
        &[("c", 1)],
    ];
    let mut world = World::new(database).await;
    let mut numbers = Numbers(7);
    let mut tasks: BTreeMap<InstanceId, (usize, bool)> = BTreeMap::new();
    for step in 0..150 {
        if tasks.len() < 12 {
            let want = numbers.below(wants.len());
            let id = world.add_instance().await;
            tasks.insert(id, (want, false));
        }
        let ids: Vec<InstanceId> = tasks.keys().copied().collect();
        let chosen: BTreeSet<InstanceId> = (0..4).map(|_| ids[numbers.below(ids.len())]).collect();
        let batch: Vec<Write> = chosen
            .iter()
            .map(|id| {
                let (want, holds) = tasks[id];
                let change = if holds {
                    released(wants[want])
                } else {
                    holding(wants[want])
                };
                stale_at_times(world.write(*id, change), &mut numbers)
            })
            .collect();
        let outcomes = database.store.write_batch(&batch).await.expect("answers");
        for (id, outcome) in chosen.iter().zip(&outcomes) {
            world.record(*id, outcome);
            if *outcome == WriteOutcome::Stored {
                let holds = &mut tasks.get_mut(id).expect("a task").1;
                *holds = !*holds;
            }
        }
        if numbers.below(5) == 0 {
            let gone = ids[numbers.below(ids.len())];
            delete_instance(database, gone).await;
            tasks.remove(&gone);
        }
        let held = tasks
            .values()
            .filter(|(_, holds)| *holds)
            .map(|(want, _)| wants[*want]);
        let counted = count_naively(&sizes, held);
        assert_eq!(used(database).await, counted, "step {step}: {outcomes:?}");
        assert!(
            sizes.iter().all(|(name, slots)| counted[*name] <= *slots),
            "{counted:?}"
        );
    }
    database.sql("DELETE FROM instance").await;
    assert_eq!(used(database).await.values().sum::<i64>(), 0);
    assert!(database.rows("SELECT 1 FROM limit_request").await.is_empty());
}
