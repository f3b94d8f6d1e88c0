//! One try of one delivery, and the storing of its outcome.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use engine::alert::next_try;
use engine::ids::{DeliveryId, Timestamp};
use ports::backoff::Backoff;
use ports::fail_points::fail_point;
use ports::{AlertMessage, AlertView, ClaimedDelivery, DeliveryEnd, DeliveryRecord, SendOutcome};

use super::alert_deps::AlertDeps;

/// Time for which other nodes leave a claimed delivery alone.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// The longest time that one try may take, with all receivers of a channel.
const TRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Time before the end of a lease in which no try begins: a node that was paused may be late.
const LEASE_RESERVE: Duration = Duration::from_secs(1);

/// The pauses before an outcome that could not be stored is stored again.
const STORE_PAUSE: Backoff = Backoff::between(Duration::from_millis(200), Duration::from_secs(5));

/// Tries a delivery and stores the outcome. A try that would not end within its lease does not begin: another node may
/// have the delivery.
pub(super) async fn deliver(deps: AlertDeps, claimed: ClaimedDelivery, claimed_at: Instant) {
    if claimed_at.elapsed() + TRY_TIMEOUT + LEASE_RESERVE > LEASE {
        tracing::warn!(delivery = %claimed.id, "a claimed delivery is left to the next claim: this node was paused");
        return;
    }
    let ClaimedDelivery {
        id,
        epoch,
        channel,
        first_try_at,
        failures,
        alerts,
    } = claimed;
    let outcome = if alerts.is_empty() {
        SendOutcome::Refused {
            error: "its alerts are deleted".to_owned(),
        }
    } else {
        let alerts = alerts.into_iter();
        let alerts = alerts.map(|alert| with_address(alert, &deps.resources.public_url));
        let message = AlertMessage::new(id, alerts.collect());
        fail_point("delivery.before_send");
        let sent = tokio::time::timeout(TRY_TIMEOUT, deps.resources.sender.deliver(&channel, &message)).await;
        fail_point("delivery.after_send");
        sent.unwrap_or_else(|_| SendOutcome::Failed {
            error: format!("no answer within {} s", TRY_TIMEOUT.as_secs()),
            retry_after: None,
        })
    };
    let end = decide_end(outcome, (first_try_at, failures), deps.clock.now());
    let result = match &end {
        DeliveryEnd::Delivered => "delivered",
        DeliveryEnd::Failed { .. } => "failed",
        DeliveryEnd::Waiting { .. } => "retried",
    };
    metrics::counter!("porpoise_alerts_sent_total", "channel" => channel.name.clone(), "result" => result)
        .increment(1);
    if let DeliveryEnd::Failed { error } | DeliveryEnd::Waiting { error, .. } = &end {
        tracing::warn!(delivery = %id, channel = channel.name, result, error, "an alert could not be delivered");
    }
    store_end(&deps, DeliveryRecord { id, epoch, end }).await;
}

/// Decides what becomes of a delivery after a try.
fn decide_end(outcome: SendOutcome, (first_try, failures): (Timestamp, u32), at: Timestamp) -> DeliveryEnd {
    match outcome {
        SendOutcome::Delivered => DeliveryEnd::Delivered,
        SendOutcome::Refused { error } => DeliveryEnd::Failed { error },
        SendOutcome::Failed { error, retry_after } => {
            let retry_after = retry_after.and_then(|wait| i64::try_from(wait.as_millis()).ok());
            match next_try(first_try, failures + 1, at, retry_after) {
                Some(next_at) => DeliveryEnd::Waiting { error, next_at },
                None => DeliveryEnd::Failed { error },
            }
        }
    }
}

/// Stores an outcome; while the database is away it is kept, since the message would be sent again without it.
async fn store_end(deps: &AlertDeps, record: DeliveryRecord) {
    for failures in 0.. {
        match deps.resources.store.record_delivery(&record).await {
            Ok(true) => return fail_point("delivery.after_record"),
            Ok(false) => {
                return tracing::warn!(
                    delivery = %record.id,
                    "the outcome of a delivery is not stored: another node has it, and may send it again"
                );
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(delivery = %record.id, %error, "the outcome of a delivery could not be stored yet");
                tokio::time::sleep(STORE_PAUSE.delay(failures)).await;
            }
            Err(error) => {
                return tracing::error!(delivery = %record.id, %error, "the store refused an outcome");
            }
        }
    }
}

/// Adds the address at which the subject is shown.
fn with_address(alert: AlertView, public_url: &str) -> AlertView {
    let path = if let Some(instance) = alert.instance {
        format!("/instances/{instance}")
    } else if let Some(backfill) = alert.backfill {
        format!("/backfills/{backfill}")
    } else {
        match (&alert.project, &alert.workflow) {
            (Some(project), Some(workflow)) => format!("/projects/{project}/workflows/{workflow}"),
            _ => "/cluster".to_owned(),
        }
    };
    AlertView {
        url: format!("{public_url}{path}"),
        ..alert
    }
}

/// Which deliveries this node tries at the moment.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    deliveries: BTreeSet<DeliveryId>,
}

impl InFlight {
    /// The number of tries.
    pub(super) fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Lists the deliveries.
    pub(super) fn deliveries(&self) -> Vec<DeliveryId> {
        self.deliveries.iter().copied().collect()
    }

    /// Begins a try.
    pub(super) fn begin(&mut self, delivery: DeliveryId) {
        self.deliveries.insert(delivery);
    }

    /// Ends a try.
    pub(super) fn end(&mut self, delivery: DeliveryId) {
        self.deliveries.remove(&delivery);
    }
}
