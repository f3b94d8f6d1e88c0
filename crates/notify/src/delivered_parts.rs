//! Which parts of a message need no other try: members of a group, recipients of an e-mail.
//!
//! It is memory of this node alone: after its death another node sends all parts again, with the same id.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use engine::ids::DeliveryId;
use parking_lot::Mutex;

/// Time after which a message is not tried any more, and a little.
const RETENTION: Duration = Duration::from_secs(25 * 60 * 60);

/// Number of messages above which old ones are dropped.
const CAPACITY: usize = 10_000;

/// Why a part was refused; none when it was delivered.
pub(crate) type PartEnd = Option<String>;

/// Which parts of messages are settled.
#[derive(Debug, Default)]
pub(crate) struct DeliveredParts {
    messages: Mutex<HashMap<DeliveryId, MessageParts>>,
}

#[derive(Debug)]
struct MessageParts {
    since: Instant,
    ends: BTreeMap<String, PartEnd>,
}

impl DeliveredParts {
    /// Returns the parts of a message that are settled.
    pub(crate) fn settled(&self, delivery: DeliveryId) -> BTreeMap<String, PartEnd> {
        let messages = self.messages.lock();
        messages
            .get(&delivery)
            .map(|parts| parts.ends.clone())
            .unwrap_or_default()
    }

    /// Notes that parts are settled while others are not.
    pub(crate) fn settle(&self, delivery: DeliveryId, ends: BTreeMap<String, PartEnd>) {
        let mut messages = self.messages.lock();
        if messages.len() >= CAPACITY {
            messages.retain(|_, parts| parts.since.elapsed() < RETENTION);
        }
        let parts = messages.entry(delivery).or_insert_with(|| MessageParts {
            since: Instant::now(),
            ends: BTreeMap::new(),
        });
        parts.ends.extend(ends);
    }

    /// Forgets a message that is settled whole.
    pub(crate) fn forget(&self, delivery: DeliveryId) {
        self.messages.lock().remove(&delivery);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_by_message_until_it_is_forgotten() {
        let parts = DeliveredParts::default();
        parts.settle(DeliveryId(1), BTreeMap::from([("a".to_owned(), None)]));
        parts.settle(
            DeliveryId(1),
            BTreeMap::from([("b".to_owned(), Some("no".to_owned()))]),
        );
        assert_eq!(parts.settled(DeliveryId(1)).len(), 2);
        assert_eq!(parts.settled(DeliveryId(2)).len(), 0);
        parts.forget(DeliveryId(1));
        assert_eq!(parts.settled(DeliveryId(1)).len(), 0);
    }
}
