//! The message of a test.

use engine::ids::{AlertId, DeliveryId, Timestamp};
use ports::{AlertMessage, AlertView};

/// Makes the message of a test; its ids are the time, which no real ones reach, so that no receiver takes two tests for
/// one.
pub(super) fn test_message(at: Timestamp, public_url: &str) -> AlertMessage {
    let alert = AlertView {
        id: AlertId(at.0),
        event: "test".to_owned(),
        at,
        project: None,
        workflow: None,
        instance: None,
        run: None,
        scheduled_at: None,
        task: None,
        attempt: None,
        node: None,
        schedule: None,
        backfill: None,
        state: None,
        reason: None,
        error: None,
        text: "This is a test message of Porpoise: the channel works".to_owned(),
        url: public_url.to_owned(),
        failed_tasks: Vec::new(),
    };
    AlertMessage::new(DeliveryId(at.0), vec![alert])
}
