//! The masters that found no free slot, in the order in which they are notified of one.

use std::collections::VecDeque;
use std::time::Duration;

use engine::ids::Incarnation;

use ports::protocol::Owner;
use ports::rpc::client::RpcClient;

/// Time after which a notification counts as lost; the master's next poll repeats the number.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(2);

/// A queue of masters; each is in it once.
#[derive(Debug, Default)]
pub(crate) struct WaitingMasters {
    queue: VecDeque<Owner>,
}

impl WaitingMasters {
    /// Appends a master that waits for a slot.
    pub(crate) fn push(&mut self, master: &Owner) {
        let is_queued = |queued: &Owner| queued.incarnation == master.incarnation;
        if !self.queue.iter().any(is_queued) {
            self.queue.push_back(master.clone());
        }
    }

    /// Takes the next master to notify after an attempt of `reporting_to` ended. That one learns of the slot from the
    /// report of the end, so it comes last, and only if none of its attempts runs here.
    pub(crate) fn take_next(
        &mut self,
        reporting_to: Option<Incarnation>,
        has_open_attempt: impl Fn(Incarnation) -> bool,
    ) -> Option<Owner> {
        let other = |master: &Owner| Some(master.incarnation) != reporting_to;
        let without_attempt = |master: &Owner| !has_open_attempt(master.incarnation);
        let queue = self.queue.iter();
        let place = queue
            .clone()
            .position(other)
            .or_else(|| queue.clone().position(without_attempt))?;
        self.queue.remove(place)
    }

    /// Takes every master.
    pub(crate) fn take_all(&mut self) -> Vec<Owner> {
        std::mem::take(&mut self.queue).into()
    }

    /// Returns the incarnations that wait.
    pub(crate) fn incarnations(&self) -> Vec<Incarnation> {
        self.queue.iter().map(|master| master.incarnation).collect()
    }
}

/// Notifies a master of free slots. A lost message is harmless: the master polls every second.
pub(crate) async fn notify_of_slots(masters: RpcClient, master: Owner, worker: Incarnation, free: u32) {
    let sent = tokio::time::timeout(NOTIFY_TIMEOUT, masters.offer_slots(&master, worker, free)).await;
    if !matches!(sent, Ok(Ok(()))) {
        tracing::debug!(master = %master.incarnation, "free slots were not delivered; the next poll returns them");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::worker::test_worker::owner;

    fn waiting(masters: &[i64]) -> WaitingMasters {
        let mut waiting = WaitingMasters::default();
        masters.iter().for_each(|master| waiting.push(&owner(*master, 1)));
        waiting
    }

    #[test]
    fn a_master_waits_once_and_in_its_turn() {
        let mut waiting = waiting(&[1, 2, 1]);
        assert_eq!(waiting.incarnations(), [Incarnation(1), Incarnation(2)]);
        let next = waiting.take_next(None, |_| true).unwrap();
        assert_eq!(next.incarnation, Incarnation(1));
        assert_eq!(waiting.incarnations(), [Incarnation(2)]);
    }

    #[test]
    fn the_master_of_the_ended_attempt_is_notified_only_if_it_has_no_other_here() {
        let owner_of_ended = Some(Incarnation(1));
        let mut both = waiting(&[1, 2]);
        let next = both.take_next(owner_of_ended, |_| true).unwrap();
        assert_eq!(next.incarnation, Incarnation(2));
        assert_eq!(both.take_next(owner_of_ended, |_| true), None);
        let last = both.take_next(owner_of_ended, |_| false).unwrap();
        assert_eq!(last.incarnation, Incarnation(1));
    }
}
