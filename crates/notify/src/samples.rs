//! Alerts of tests.

use engine::ids::{AlertId, DeliveryId, InstanceId, Run, Timestamp};
use ports::{AlertMessage, AlertView, FailedTaskView};

/// The time of the alerts: 2026-01-31T08:00:00Z.
pub(crate) const AT: Timestamp = Timestamp(1_769_846_400_000);

/// An alert about an instance that failed.
pub(crate) fn sample_alert() -> AlertView {
    AlertView {
        id: AlertId(7),
        event: "failed".to_owned(),
        at: AT,
        project: Some("sales".to_owned()),
        workflow: Some("nightly".to_owned()),
        instance: Some(InstanceId(41)),
        run: Some(Run(1)),
        scheduled_at: None,
        task: None,
        attempt: None,
        node: None,
        schedule: None,
        backfill: None,
        state: Some("failed".to_owned()),
        reason: Some("a task failed".to_owned()),
        error: Some("exit code 1 <&>".to_owned()),
        text: "sales/nightly failed: a task failed".to_owned(),
        url: "http://porpoise.example:8080/instances/41".to_owned(),
        failed_tasks: vec![FailedTaskView {
            task: "load".to_owned(),
            attempt: Some(2),
            state: "failed".to_owned(),
            error: Some("exit code 1 <&>".to_owned()),
        }],
    }
}

/// A message of alerts.
pub(crate) fn message(alerts: Vec<AlertView>) -> AlertMessage {
    AlertMessage::new(DeliveryId(9), alerts)
}
