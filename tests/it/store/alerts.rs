//! Events become alerts once, for the rules of their time; deliveries have one owner at a time.

use engine::alert::{AlertEvent, AlertRule, RuleSource, parse_rule_list};
use engine::ids::{DeliveryId, InstanceId, Revision, Run, Timestamp};
use engine::instance::{Changes, InstanceRecord, RaisedEvent};
use engine::start::Start;
use engine::states::InstanceState;
use ports::{
    AlertStore as _, ClaimedDelivery, DeliveryClaim, DeliveryEnd, DeliveryRecord, InstanceCommit,
    InstanceWriter as _, NewInstance, NodeIdentity, Write, WriteOutcome,
};
use serde_json::{Value, json};
use store::{RulePlace, replace_alert_rules};

use super::store_under_test::{Database, StoreUnderTest as _, join, new_instance};

on_both_databases!(
    an_event_waits_only_when_a_rule_names_it,
    an_event_is_one_alert_for_each_rule_and_one_delivery_for_each_channel,
    rules_count_for_events_of_their_time,
    a_start_has_rules_of_its_own_and_silences_those_of_the_document,
    a_success_after_a_failure_is_a_recovery,
    alerts_of_a_group_share_a_message_until_it_is_sent,
    a_delivery_has_one_owner_at_a_time,
    a_failed_delivery_waits_for_its_next_try,
    an_instance_is_late_once_also_when_no_node_was_alive,
    a_time_of_the_day_is_that_of_the_zone_of_the_instance,
    a_fire_that_starts_nothing_in_time_is_noticed_once,
    a_death_is_an_alert_of_the_server,
    a_silence_keeps_alerts_from_being_sent,
);

/// When rules are stored that hold from the beginning.
const EARLY: Timestamp = Timestamp(500);

/// When instances of these tests end.
const ENDED: Timestamp = Timestamp(5_000);

const MODEL: &str = r#"{"version":1,"name":"flow","tasks":{"a":{"type":"noop"},"b":{"type":"noop"}}}"#;

struct World<'a> {
    database: &'a Database,
    me: NodeIdentity,
}

impl<'a> World<'a> {
    async fn new(database: &'a Database) -> Self {
        let version = format!(
            "INSERT INTO workflow_version (workflow_id, version, source, source_format, model, hash, created_at, \
             created_by) VALUES (1, 1, '', 'json', '{MODEL}', 'h', 0, 'u')"
        );
        database.sql(&version).await;
        database.sql("UPDATE alert_progress SET checked_until = 0").await;
        Self {
            database,
            me: join(database, "one", "h1").await,
        }
    }

    async fn put_rules(&self, place: RulePlace, rules: Value, at: Timestamp) {
        let rules: Vec<AlertRule> =
            parse_rule_list(&json!({ "rules": rules }), place.source).expect("valid rules");
        let transaction = self.database.store.begin().await.expect("a transaction");
        replace_alert_rules(&transaction, place, &rules, at)
            .await
            .expect("stored rules");
        self.database.store.commit(transaction).await.expect("a commit");
    }

    async fn put_project_rules(&self, rules: Value) {
        self.put_rules(RulePlace::of_project(1), rules, EARLY).await;
    }

    async fn start(&self, change: impl FnOnce(&mut NewInstance)) -> InstanceId {
        let mut new = new_instance(Some(&self.me));
        change(&mut new);
        let written = self.database.store.write_batch(&[Write::Create(new)]).await;
        match written.expect("an answer").as_slice() {
            [WriteOutcome::Created { id, .. }] => *id,
            other => panic!("{other:?}"),
        }
    }

    async fn raise(&self, id: InstanceId, events: &[AlertEvent], (state, at): (InstanceState, Timestamp)) {
        let record = InstanceRecord {
            state,
            reason: Some("because".to_owned()),
            attention: None,
            run: Run(1),
            run_range: None,
            due_at: None,
            queued_by: None,
            time_left_ms: None,
            timed_out: false,
            started_at: Some(Timestamp(1_000)),
            ended_at: state.is_final().then_some(at),
            outputs: std::collections::BTreeMap::new(),
        };
        let raised = events.iter().map(|event| RaisedEvent {
            event: *event,
            task_index: None,
            attempt: None,
            reason: Some("because".to_owned()),
        });
        let commit = InstanceCommit {
            id,
            owner: self.me.incarnation,
            host: self.me.host.clone(),
            epoch: engine::ids::Epoch(1),
            revision: Revision(0),
            at,
            changes: Changes {
                record: Some(record),
                events: raised.collect(),
                ..Changes::default()
            },
        };
        let written = self.database.store.write_batch(&[Write::Commit(commit)]).await;
        assert_eq!(written.expect("an answer"), [WriteOutcome::Stored]);
    }

    /// Starts an instance that ends with an event.
    async fn end(&self, event: AlertEvent, state: InstanceState, at: Timestamp) -> InstanceId {
        let id = self.start(|_| {}).await;
        self.raise(id, &[event], (state, at)).await;
        id
    }

    async fn fail(&self, at: Timestamp) -> InstanceId {
        self.end(AlertEvent::Failed, InstanceState::Failed, at).await
    }

    async fn make_alerts(&self, at: i64) -> u64 {
        let pass = self.database.store.make_alerts(Timestamp(at)).await;
        pass.expect("a pass").alerts
    }

    async fn count(&self, table: &str) -> i64 {
        let rows = self.database.rows(&format!("SELECT count(*) FROM {table}")).await;
        rows[0].try_get_by_index(0).expect("a count")
    }

    /// `event rule` of each alert, in order.
    async fn alerts(&self) -> Vec<String> {
        let rows = self
            .database
            .rows("SELECT event || ' ' || rule FROM alert ORDER BY id")
            .await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).expect("a text"))
            .collect()
    }

    async fn channels(&self) -> Vec<String> {
        let rows = self
            .database
            .rows("SELECT channel FROM alert_delivery ORDER BY id")
            .await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).expect("a text"))
            .collect()
    }

    async fn claim(&self, owner: &NodeIdentity, at: i64) -> Vec<ClaimedDelivery> {
        let claim = DeliveryClaim {
            owner: owner.incarnation,
            at: Timestamp(at),
            lease_ms: 60_000,
            limit: 10,
            held: Vec::new(),
        };
        self.database
            .store
            .claim_deliveries(&claim)
            .await
            .expect("an answer")
    }

    async fn record(&self, id: DeliveryId, epoch: i64, end: DeliveryEnd) -> bool {
        let record = DeliveryRecord { id, epoch, end };
        self.database
            .store
            .record_delivery(&record)
            .await
            .expect("an answer")
    }
}

async fn an_event_waits_only_when_a_rule_names_it(database: &Database) {
    let world = World::new(database).await;
    world.fail(ENDED).await;
    assert_eq!(world.count("alert_event").await, 0, "there is no rule");
    world
        .put_project_rules(json!([{ "on": ["succeeded"], "channels": ["a"] }]))
        .await;
    world.fail(ENDED).await;
    assert_eq!(world.count("alert_event").await, 0, "no rule names it");
    let other = RulePlace {
        source: RuleSource::Document,
        source_id: 2,
        project_id: 1,
        workflow_id: 1,
    };
    world
        .put_rules(other, json!([{ "on": ["failed"], "channels": ["a"] }]), EARLY)
        .await;
    world.fail(ENDED).await;
    assert_eq!(
        world.count("alert_event").await,
        0,
        "the rule is one of another version"
    );
    let own = RulePlace {
        source_id: 1,
        ..other
    };
    world
        .put_rules(own, json!([{ "on": ["failed"], "channels": ["a"] }]), EARLY)
        .await;
    world.fail(ENDED).await;
    assert_eq!(world.count("alert_event").await, 1);
}

async fn an_event_is_one_alert_for_each_rule_and_one_delivery_for_each_channel(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([
            { "name": "x", "on": ["failed"], "channels": ["a", "b"] },
            { "on": ["failed"], "channels": ["b", "c"] },
        ]))
        .await;
    let id = world.start(|_| {}).await;
    // Raised twice, as a time limit that is warned about and then passes.
    world
        .raise(
            id,
            &[AlertEvent::Failed, AlertEvent::Failed],
            (InstanceState::Failed, ENDED),
        )
        .await;
    assert_eq!(world.make_alerts(6_000).await, 2);
    assert_eq!(
        world.make_alerts(7_000).await,
        0,
        "a pass deletes what it made alerts of"
    );
    assert_eq!(world.alerts().await, ["failed project/x", "failed project/1"]);
    assert_eq!(world.channels().await, ["a", "b", "c"]);
    assert_eq!(world.count("alert_event").await, 0);
    let claimed = world.claim(&world.me, 6_000).await;
    let view = &claimed[0].alerts[0];
    assert_eq!(view.workflow.as_deref(), Some("flow"));
    assert_eq!(view.instance, Some(id));
    assert_eq!(view.at, ENDED);
    assert_eq!(view.text, format!("default/flow (instance {id}) failed: because"));
}

async fn rules_count_for_events_of_their_time(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["failed"], "channels": ["a"] }]))
        .await;
    world.fail(ENDED).await;
    let later = Timestamp(5_500);
    world
        .put_rules(
            RulePlace::of_project(1),
            json!([{ "on": ["failed"], "channels": ["b"] }]),
            later,
        )
        .await;
    world.fail(Timestamp(6_000)).await;
    assert_eq!(world.make_alerts(7_000).await, 2);
    assert_eq!(world.channels().await, ["a", "b"]);
}

async fn a_start_has_rules_of_its_own_and_silences_those_of_the_document(database: &Database) {
    let world = World::new(database).await;
    let document = RulePlace {
        source: RuleSource::Document,
        source_id: 1,
        project_id: 1,
        workflow_id: 1,
    };
    world
        .put_rules(document, json!([{ "on": ["failed"], "channels": ["d"] }]), EARLY)
        .await;
    world
        .put_project_rules(json!([{ "on": ["failed"], "channels": ["p"] }]))
        .await;
    let rules = parse_rule_list(
        &json!({"rules": [{ "on": ["failed"], "channels": ["s"] }]}),
        RuleSource::Start,
    );
    let rules = rules.expect("valid rules");
    for notify in [Some(rules), Some(Vec::new())] {
        let id = world
            .start(|new| {
                new.start = Start {
                    notify,
                    ..new.start.clone()
                }
            })
            .await;
        world
            .raise(id, &[AlertEvent::Failed], (InstanceState::Failed, ENDED))
            .await;
    }
    world.make_alerts(6_000).await;
    assert_eq!(
        world.alerts().await,
        [
            "failed start/0",
            "failed document/0",
            "failed project/0",
            "failed project/0"
        ]
    );
}

async fn a_success_after_a_failure_is_a_recovery(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["recovered"], "channels": ["a"] }]))
        .await;
    let succeed = async |at| {
        world
            .end(AlertEvent::Succeeded, InstanceState::Succeeded, Timestamp(at))
            .await
    };
    succeed(5_000).await;
    world.make_alerts(5_100).await;
    assert_eq!(world.alerts().await.len(), 0, "nothing was broken");
    world.fail(Timestamp(6_000)).await;
    succeed(7_000).await;
    succeed(8_000).await;
    world.make_alerts(9_000).await;
    assert_eq!(world.alerts().await, ["recovered project/0"]);
}

async fn alerts_of_a_group_share_a_message_until_it_is_sent(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["failed"], "channels": ["a"], "group": "10s" }]))
        .await;
    world.fail(Timestamp(5_000)).await;
    world.make_alerts(5_100).await;
    world.fail(Timestamp(6_000)).await;
    world.fail(Timestamp(6_100)).await;
    world.make_alerts(6_200).await;
    assert!(
        world.claim(&world.me, 15_000).await.is_empty(),
        "it gathers until 15,100"
    );
    let claimed = world.claim(&world.me, 15_100).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].alerts.len(), 3);
    world.fail(Timestamp(15_200)).await;
    world.make_alerts(15_300).await;
    assert_eq!(
        world.count("alert_delivery").await,
        2,
        "the next message gathers again"
    );
}

async fn a_delivery_has_one_owner_at_a_time(database: &Database) {
    let world = World::new(database).await;
    let other = database.add_member("two", "h2").await;
    world
        .put_project_rules(json!([{ "on": ["failed"], "channels": ["a"] }]))
        .await;
    world.fail(ENDED).await;
    world.make_alerts(6_000).await;
    let first = world.claim(&world.me, 6_000).await;
    assert_eq!(first.len(), 1);
    assert!(world.claim(&other, 6_001).await.is_empty(), "its owner is alive");
    let dead = format!(
        "UPDATE member SET state = 'dead', state_at = 6002 WHERE incarnation = {}",
        world.me.incarnation
    );
    database.sql(&dead).await;
    assert!(
        world.claim(&world.me, 80_000).await.is_empty(),
        "a dead node claims nothing"
    );
    let second = world.claim(&other, 6_003).await;
    assert_eq!(second.len(), 1, "its owner is dead");
    assert_eq!(second[0].id, first[0].id);
    let late = world
        .record(first[0].id, first[0].epoch, DeliveryEnd::Delivered)
        .await;
    assert!(!late, "the epoch is another one's");
    assert!(
        world
            .record(second[0].id, second[0].epoch, DeliveryEnd::Delivered)
            .await
    );
    assert!(world.claim(&other, 200_000).await.is_empty(), "it is delivered");
}

async fn a_failed_delivery_waits_for_its_next_try(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["failed"], "channels": ["a"] }]))
        .await;
    world.fail(ENDED).await;
    world.make_alerts(6_000).await;
    let first = world.claim(&world.me, 6_000).await.remove(0);
    assert_eq!((first.failures, first.first_try_at), (0, Timestamp(6_000)));
    let end = DeliveryEnd::Waiting {
        error: "no".to_owned(),
        next_at: Timestamp(16_000),
    };
    assert!(world.record(first.id, first.epoch, end).await);
    assert!(world.claim(&world.me, 15_999).await.is_empty());
    let backlog = database.store.delivery_backlog().await.expect("a backlog");
    assert_eq!((backlog.waiting, backlog.next_at), (1, Some(Timestamp(16_000))));
    let second = world.claim(&world.me, 16_000).await.remove(0);
    assert_eq!((second.failures, second.first_try_at), (1, Timestamp(6_000)));
    let end = DeliveryEnd::Failed {
        error: "refused".to_owned(),
    };
    assert!(world.record(second.id, second.epoch, end).await);
    assert!(world.claim(&world.me, 1_000_000).await.is_empty());
}

async fn an_instance_is_late_once_also_when_no_node_was_alive(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["late"], "after": "10s", "channels": ["a"] }]))
        .await;
    let plan = |at: i64| move |new: &mut NewInstance| new.start.scheduled_at = Some(Timestamp(at));
    let early = world.start(plan(2_000)).await;
    world.start(plan(1_500)).await;
    world.start(|_| {}).await;
    world
        .raise(early, &[], (InstanceState::Succeeded, Timestamp(3_000)))
        .await;
    let succeeded = format!(
        "INSERT INTO transition (instance, at, to_state, why, host, epoch) \
         VALUES ({early}, 3000, 'succeeded', '', '', 1)"
    );
    database.sql(&succeeded).await;
    assert_eq!(world.make_alerts(11_000).await, 0);
    // No node looked for a day.
    assert_eq!(world.make_alerts(86_400_000).await, 1);
    assert_eq!(world.make_alerts(86_500_000).await, 0);
    // Created for a time that had passed already.
    world
        .start(|new| {
            new.start.scheduled_at = Some(Timestamp(1_000));
            new.at = Timestamp(86_501_000);
        })
        .await;
    assert_eq!(world.make_alerts(86_502_000).await, 1);
    assert_eq!(world.make_alerts(86_504_000).await, 0);
}

async fn a_time_of_the_day_is_that_of_the_zone_of_the_instance(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["late"], "by": "06:30", "channels": ["a"] }]))
        .await;
    let minute = 60_000;
    // Planned for 05:00 in Kolkata, which is 23:30 UTC of the day before: it has to be done by 01:00 UTC.
    world
        .start(|new| {
            new.start.scheduled_at = Some(Timestamp(23 * 60 * minute + 30 * minute));
            new.start.timezone = engine::timezone::Tz::Asia__Kolkata;
            new.at = Timestamp(23 * 60 * minute + 30 * minute);
        })
        .await;
    let due = (24 + 1) * 60 * minute;
    assert_eq!(world.make_alerts(due - 5_000).await, 0);
    assert_eq!(world.make_alerts(due + 1_000).await, 1);
    assert_eq!(world.make_alerts(due + 3_000).await, 0);
}

async fn a_fire_that_starts_nothing_in_time_is_noticed_once(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["not_started"], "within": "10s", "channels": ["a"] }]))
        .await;
    database
        .sql(
            "INSERT INTO schedule (id, workflow_id, name, definition, timezone, enabled, managed_by, next_fire_at, \
             created_at, updated_at) VALUES (1, 1, 's', '{}', 'UTC', TRUE, 'api', 40000, 0, 0)",
        )
        .await;
    let queued = world.start(|_| {}).await;
    let fire = |at: i64, outcome: &str, instance: &str, why: &str| {
        format!(
            "INSERT INTO schedule_fire (schedule_id, fire_at, first_fire_at, outcome, why, instance, at) \
             VALUES (1, {at}, {at}, '{outcome}', '{why}', {instance}, {at})"
        )
    };
    database
        .sql(&fire(2_000, "started", &queued.to_string(), ""))
        .await;
    database
        .sql(&fire(3_000, "skipped", "NULL", "missed: not started within 60 s"))
        .await;
    database
        .sql(&fire(
            3_500,
            "skipped",
            "NULL",
            "the schedule was paused before it was started",
        ))
        .await;
    database.sql(&fire(4_000, "refused", "NULL", "disabled")).await;
    assert_eq!(world.make_alerts(11_000).await, 0);
    assert_eq!(
        world.make_alerts(20_000).await,
        3,
        "what a pause dropped is not missed"
    );
    assert_eq!(world.make_alerts(22_000).await, 0);
    // No master decides the next one.
    assert_eq!(world.make_alerts(60_000).await, 1);
    assert_eq!(world.make_alerts(62_000).await, 0);
}

async fn a_death_is_an_alert_of_the_server(database: &Database) {
    let world = World::new(database).await;
    world
        .put_rules(
            RulePlace::SERVER,
            json!([{ "on": ["node_dead"], "channels": ["a"] }]),
            EARLY,
        )
        .await;
    join(database, "one", "h1").await;
    let rows = database.rows("SELECT at FROM alert_event").await;
    let at: i64 = rows[0].try_get_by_index(0).expect("a time");
    assert_eq!(world.make_alerts(at + 10).await, 1);
    assert_eq!(world.alerts().await, ["node_dead server/0"]);
}

async fn a_silence_keeps_alerts_from_being_sent(database: &Database) {
    let world = World::new(database).await;
    world
        .put_project_rules(json!([{ "on": ["failed"], "channels": ["a"], "group": "10s" }]))
        .await;
    database
        .sql(
            "INSERT INTO silence (name, project_id, workflow, event, until, reason, created_at, updated_at, updated_by) \
             VALUES ('s', 1, 'flow', NULL, 7000, 'known', 0, 0, 'u')",
        )
        .await;
    world.fail(ENDED).await;
    world.make_alerts(6_000).await;
    world.fail(Timestamp(7_500)).await;
    world.make_alerts(8_000).await;
    let rows = database
        .rows("SELECT state FROM alert_delivery ORDER BY id")
        .await;
    let states: Vec<String> = rows
        .iter()
        .map(|row| row.try_get_by_index(0).expect("a state"))
        .collect();
    assert_eq!(states, ["silenced", "waiting"], "the silence ended at 7,000");
    assert_eq!(world.claim(&world.me, 100_000).await.len(), 1);
}
