//! The invariants of the ownership protocol that rows alone can prove, as queries that must find nothing.
//!
//! They may run at any time while nodes run, and after they ended.

use sea_orm::ConnectionTrait;
use store::Store;

/// An invariant and the query for the ids of rows that violate it. `{grace}` stands for the milliseconds that a
/// change may take, `{now}` for the database's time.
#[derive(Debug)]
pub struct Invariant {
    /// Its number in the protocol, and what it says.
    pub name: &'static str,
    sql: &'static str,
}

/// Every invariant.
pub const INVARIANTS: [Invariant; 29] = [
    Invariant {
        name: "I1: what was written names an owner of that epoch",
        sql: "SELECT t.instance FROM transition t WHERE t.epoch > 0 AND NOT EXISTS (SELECT 1 FROM owner_log o \
              WHERE o.instance = t.instance AND o.epoch = t.epoch AND o.host = t.host)",
    },
    Invariant {
        name: "I1: an attempt was made under an epoch that had an owner",
        sql: "SELECT a.instance FROM attempt a WHERE NOT EXISTS (SELECT 1 FROM owner_log o \
              WHERE o.instance = a.instance AND o.epoch = a.epoch)",
    },
    Invariant {
        name: "I3: each state of an instance follows the one before",
        sql: "SELECT instance FROM (SELECT instance, from_state, \
              lag(to_state) OVER (PARTITION BY instance ORDER BY id) AS previous FROM transition \
              WHERE task_index IS NULL) c WHERE from_state IS DISTINCT FROM previous",
    },
    Invariant {
        name: "I3: the last stored step of an instance is its state",
        sql: "SELECT i.id FROM instance i WHERE i.state <> (SELECT t.to_state FROM transition t \
              WHERE t.instance = i.id AND t.task_index IS NULL ORDER BY t.id DESC LIMIT 1)",
    },
    Invariant {
        name: "I3: a final instance has no open attempt",
        sql: "SELECT i.id FROM instance i JOIN attempt a ON a.instance = i.id \
              WHERE i.state IN ('stopped', 'failed', 'succeeded') AND a.state IN ('created', 'running')",
    },
    Invariant {
        name: "I4: a task has one open attempt at most, its latest",
        sql: "SELECT a.instance FROM attempt a JOIN attempt b ON b.instance = a.instance AND b.task_index = a.task_index \
              AND b.number > a.number WHERE a.state IN ('created', 'running')",
    },
    Invariant {
        name: "I6: an owner joined before it became one, and had not ended",
        sql: "SELECT o.instance FROM owner_log o LEFT JOIN member m ON m.incarnation = o.owner \
              WHERE m.incarnation IS NULL OR (m.state IN ('left', 'dead') AND o.at > m.state_at + {grace})",
    },
    Invariant {
        name: "I7: every instance that needs an owner has one that is alive",
        sql: "SELECT i.id FROM instance i LEFT JOIN member m ON m.incarnation = i.owner \
              WHERE i.attention IS NULL AND i.state IN ('running', 'pausing', 'stopping') \
              AND ((i.owner IS NULL AND i.created_at < {now} - {grace}) \
              OR (m.state IN ('left', 'dead') AND m.state_at < {now} - {grace}))",
    },
    Invariant {
        name: "I8: epochs grow by one, from one, and the last one is the instance's",
        sql: "SELECT i.id FROM instance i LEFT JOIN owner_log o ON o.instance = i.id \
              GROUP BY i.id, i.epoch HAVING count(o.epoch) <> i.epoch OR coalesce(max(o.epoch), 0) <> i.epoch",
    },
    Invariant {
        name: "I9: a dead member writes nothing",
        sql: "SELECT t.instance FROM transition t JOIN owner_log o ON o.instance = t.instance AND o.epoch = t.epoch \
              JOIN member m ON m.incarnation = o.owner \
              WHERE m.state IN ('left', 'dead') AND t.at > m.state_at + {grace}",
    },
    Invariant {
        name: "I10: owner and host are those of the last entry of the owner log, and of one member",
        sql: "SELECT i.id FROM instance i LEFT JOIN member m ON m.incarnation = i.owner \
              LEFT JOIN owner_log o ON o.instance = i.id AND o.epoch = i.epoch WHERE i.owner IS NOT NULL \
              AND (m.host IS DISTINCT FROM i.host OR o.owner IS DISTINCT FROM i.owner \
              OR o.host IS DISTINCT FROM i.host)",
    },
    Invariant {
        name: "I10: an idle instance has no owner",
        sql: "SELECT id FROM instance WHERE owner IS NOT NULL \
              AND (attention IS NOT NULL OR state NOT IN ('running', 'pausing', 'stopping'))",
    },
    Invariant {
        name: "I11: every command is decided",
        sql: "SELECT instance FROM inbox WHERE kind = 'command' AND created_at < {now} - {grace} \
              AND (applied_at IS NULL OR outcome = 'pending')",
    },
    Invariant {
        name: "I13: a fire of a schedule has one instance",
        sql: "SELECT i.id FROM instance i JOIN instance j ON j.workflow_id = i.workflow_id AND j.schedule = i.schedule \
              AND j.scheduled_at = i.scheduled_at AND j.id < i.id \
              WHERE i.trigger_type = 'schedule' AND j.trigger_type = 'schedule'",
    },
    Invariant {
        name: "I13: an instance of a schedule and the record of its fire are one commit",
        sql: "SELECT i.id FROM instance i JOIN schedule s ON s.workflow_id = i.workflow_id AND s.name = i.schedule \
              LEFT JOIN schedule_fire f ON f.schedule_id = s.id AND f.fire_at = i.scheduled_at \
              WHERE i.trigger_type = 'schedule' AND i.created_at >= s.created_at \
              AND (f.instance IS NULL OR f.instance <> i.id)",
    },
    Invariant {
        name: "I14: a date that ran is in the state of its newest instance",
        sql: "SELECT d.backfill FROM backfill_date d JOIN instance i ON i.id = d.instance \
              WHERE d.state IN ('running', 'succeeded', 'failed', 'stopped') AND d.state <> CASE \
              WHEN i.state IN ('stopped', 'failed', 'succeeded') THEN i.state ELSE 'running' END",
    },
    Invariant {
        name: "I14: an open instance of a backfill is that of a date",
        sql: "SELECT i.backfill FROM instance i WHERE i.backfill IS NOT NULL \
              AND i.state NOT IN ('stopped', 'failed', 'succeeded') \
              AND NOT EXISTS (SELECT 1 FROM backfill_date d WHERE d.instance = i.id AND d.backfill = i.backfill)",
    },
    Invariant {
        name: "A1: no event waits for its alerts",
        sql: "SELECT id FROM alert_event WHERE at < {now} - {grace} - 5000",
    },
    Invariant {
        name: "A2: an event goes to a channel once",
        sql: "SELECT a.id FROM alert a JOIN alert_delivery_item x ON x.alert = a.id \
              JOIN alert_delivery d ON d.id = x.delivery \
              JOIN alert b ON b.subject = a.subject AND b.run = a.run AND b.event = a.event AND b.id <= a.id \
              JOIN alert_delivery_item y ON y.alert = b.id JOIN alert_delivery e ON e.id = y.delivery \
              WHERE e.id <> d.id AND e.channel = d.channel AND e.project_id IS NOT DISTINCT FROM d.project_id \
              AND a.event NOT IN ('late', 'not_started')",
    },
    Invariant {
        name: "A3: a delivery that is due has an owner that is alive",
        sql: "SELECT d.id FROM alert_delivery d LEFT JOIN member m ON m.incarnation = d.owner \
              WHERE d.state = 'waiting' AND d.next_at < {now} - {grace} - 5000 \
              AND (d.owner IS NULL OR (m.state IN ('left', 'dead') AND m.state_at < {now} - {grace}))",
    },
    Invariant {
        name: "A4: what a rule of the project or of the server names is an alert",
        sql: "SELECT t.instance FROM transition t JOIN instance i ON i.id = t.instance \
              JOIN alert_rule r ON r.project_id IN (0, i.project_id) AND r.workflow_id = 0 AND r.valid_from <= t.at \
              AND (r.valid_until IS NULL OR r.valid_until > t.at) AND r.rule LIKE '%\"when\":null%' \
              AND (r.events & CASE t.to_state WHEN 'succeeded' THEN 1 WHEN 'failed' THEN 2 WHEN 'stopped' THEN 4 \
              ELSE 0 END) <> 0 \
              WHERE t.task_index IS NULL AND t.from_state <> t.to_state AND t.at < {now} - {grace} - 5000 \
              AND i.parent IS NULL AND NOT i.dry_run AND NOT EXISTS (SELECT 1 FROM alert a \
              WHERE a.instance = i.id AND a.event = t.to_state AND a.at = t.at AND a.rule LIKE r.source || '/%')",
    },
    Invariant {
        name: "A5: an alert about the end of an instance has the step that ended it",
        sql: "SELECT a.id FROM alert a JOIN instance i ON i.id = a.instance \
              WHERE a.event IN ('succeeded', 'failed', 'stopped') AND NOT EXISTS (SELECT 1 FROM transition t \
              WHERE t.instance = i.id AND t.task_index IS NULL AND t.to_state = a.event AND t.at = a.at)",
    },
    Invariant {
        name: "A6: a delivery is what its row says: tried when it ended, due while it waits",
        sql: "SELECT id FROM alert_delivery WHERE (state = 'waiting') <> (next_at IS NOT NULL) \
              OR (state IN ('delivered', 'failed') AND attempts = 0) OR (state = 'failed' AND last_error IS NULL)",
    },
    Invariant {
        name: "I19: a child belongs to an attempt of its parent",
        sql: "SELECT c.id FROM instance c WHERE c.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM attempt a \
              WHERE a.instance = c.parent AND a.number = c.parent_attempt)",
    },
    Invariant {
        name: "I19: no child outlives its parent",
        sql: "SELECT c.id FROM instance c JOIN instance p ON p.id = c.parent AND {led_by_parent} \
              WHERE p.state IN ('stopped', 'failed', 'succeeded') \
              AND c.state NOT IN ('stopped', 'failed', 'succeeded')",
    },
    Invariant {
        name: "I19: a parent ends after the ends of its children",
        sql: "SELECT c.id FROM instance c JOIN instance p ON p.id = c.parent AND {led_by_parent} \
              WHERE p.state IN ('stopped', 'failed', 'succeeded') \
              AND (SELECT max(t.id) FROM transition t WHERE t.instance = c.id AND t.task_index IS NULL) > \
              (SELECT max(t.id) FROM transition t WHERE t.instance = p.id AND t.task_index IS NULL)",
    },
    Invariant {
        name: "I20: slots of limits are held by attempts that are at a worker",
        sql: "SELECT r.instance FROM limit_request r WHERE r.state = 'holding' AND NOT EXISTS (SELECT 1 FROM attempt a \
              WHERE a.instance = r.instance AND a.task_index = r.task_index AND a.number = r.attempt \
              AND a.worker IS NOT NULL AND a.state IN ('created', 'running'))",
    },
    Invariant {
        name: "I20: a limit has as many slots in use as are held",
        sql: "SELECT l.id FROM named_limit l WHERE l.used <> (SELECT coalesce(sum(r.slots), 0) FROM limit_request r \
              WHERE r.limit_id = l.id AND r.state = 'holding')",
    },
    Invariant {
        name: "I20: an instance at rest is in the queue of no limit",
        sql: "SELECT r.instance FROM limit_request r LEFT JOIN instance i ON i.id = r.instance \
              WHERE i.id IS NULL OR i.state IN ('stopped', 'failed', 'succeeded') \
              OR (i.state IN ('queued', 'paused') AND r.state <> 'holding')",
    },
];

/// Holds for a child `c` and its parent `p` whose ends are in order: neither was begun again by a user.
const LED_BY_PARENT: &str = "NOT EXISTS (SELECT 1 FROM inbox x WHERE x.outcome = 'applied' \
    AND ((x.instance = p.id AND x.command IN ('rerun', 'run-task')) \
    OR (x.instance = c.id AND x.requested_by NOT LIKE 'instance %' \
    AND x.command IN ('recover', 'rerun', 'resume', 'run-task', 'retry-task'))))";

/// Checks every invariant; returns those that are violated with the first rows at fault. `grace_ms` bounds what
/// claims, handovers and commands may take, and how far the clocks of nodes may be from the database's.
///
/// # Panics
/// When the database does not answer.
pub async fn violations(store: &Store, grace_ms: i64) -> Vec<String> {
    let now = store.now().await.expect("the database's time");
    let mut violated = Vec::new();
    for invariant in INVARIANTS {
        let sql = invariant
            .sql
            .replace("{grace}", &grace_ms.to_string())
            .replace("{now}", &now.0.to_string())
            .replace("{led_by_parent}", LED_BY_PARENT);
        let rows = store
            .reader()
            .query_all_raw(store.statement(&format!("{sql} LIMIT 5"), []))
            .await
            .expect(invariant.name);
        let ids: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get_by_index(0)).collect();
        let ids = ids.expect("ids");
        if !ids.is_empty() {
            violated.push(format!("{}: {ids:?}", invariant.name));
        }
    }
    violated
}
