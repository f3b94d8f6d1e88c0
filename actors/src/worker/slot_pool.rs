//! The slots of a worker, with the reasons for which none of them is free.

use super::drain::DrainPhase;

/// A fixed number of slots.
#[derive(Debug)]
pub(crate) struct SlotPool {
    total: u32,
    used: u32,
    drain: DrainPhase,
    unavailable: Option<String>,
}

impl SlotPool {
    /// Makes a pool whose slots are all free.
    pub(crate) fn new(total: u32) -> Self {
        Self {
            total,
            used: 0,
            drain: DrainPhase::Serving,
            unavailable: None,
        }
    }

    /// Returns how many slots there are.
    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    /// Returns how many slots are in use.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// Returns how many attempts may start now.
    pub(crate) fn free(&self) -> u32 {
        match self.closed_reason() {
            Some(_) => 0,
            None => self.total.saturating_sub(self.used),
        }
    }

    fn closed_reason(&self) -> Option<&str> {
        match self.drain {
            DrainPhase::Serving => self.unavailable.as_deref(),
            DrainPhase::Draining | DrainPhase::Killing => Some("the worker is draining"),
        }
    }

    /// Takes a slot; the error says why none is free.
    pub(crate) fn take(&mut self) -> Result<(), &str> {
        if self.free() == 0 {
            return Err(self.closed_reason().unwrap_or("no slot is free"));
        }
        self.used += 1;
        Ok(())
    }

    /// Returns a slot.
    pub(crate) fn release(&mut self) {
        self.used = self.used.saturating_sub(1);
    }

    /// Closes the pool while there is a reason.
    pub(crate) fn set_unavailable(&mut self, reason: Option<String>) {
        self.unavailable = reason;
    }

    /// Whether jobs cannot be started at the moment.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.unavailable.is_some()
    }

    /// Returns how far the drain has gone.
    pub(crate) fn drain_phase(&self) -> DrainPhase {
        self.drain
    }

    /// Enters a phase of the drain, unless a later one has begun; the pool is closed from the first one on.
    pub(crate) fn enter_drain_phase(&mut self, phase: DrainPhase) {
        self.drain = self.drain.max(phase);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_no_free_slot_is_the_drain_then_the_machine_then_the_use() {
        let mut slots = SlotPool::new(1);
        slots.take().unwrap();
        assert_eq!(slots.free(), 0);
        assert_eq!(slots.take(), Err("no slot is free"));
        slots.set_unavailable(Some("the disk is full".to_owned()));
        assert_eq!(slots.take(), Err("the disk is full"));
        slots.enter_drain_phase(DrainPhase::Draining);
        assert_eq!(slots.take(), Err("the worker is draining"));
    }

    #[test]
    fn a_slot_is_free_again_after_its_release_and_when_the_machine_recovers() {
        let mut slots = SlotPool::new(2);
        slots.take().unwrap();
        slots.set_unavailable(Some("the disk is full".to_owned()));
        slots.release();
        assert_eq!(slots.free(), 0);
        slots.set_unavailable(None);
        assert_eq!((slots.free(), slots.used()), (2, 0));
    }
}
