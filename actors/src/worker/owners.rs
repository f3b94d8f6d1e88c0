//! The newest owner of each instance, as far as messages have named one.

use std::collections::{BTreeSet, HashMap};

use engine::ids::{Epoch, InstanceId};

use ports::protocol::Owner;

/// Number of owners above which those of instances without an attempt here are dropped.
const MAX_OWNERS: usize = 100_000;

/// The owners by instance; an older one never replaces a newer one.
#[derive(Debug, Default)]
pub(crate) struct InstanceOwners {
    owners: HashMap<InstanceId, Owner>,
}

impl InstanceOwners {
    /// Returns the owner of an instance.
    pub(crate) fn get(&self, instance: InstanceId) -> Option<&Owner> {
        self.owners.get(&instance)
    }

    /// Keeps the owner of an instance; the error is the epoch of a newer one.
    pub(crate) fn observe(&mut self, instance: InstanceId, owner: &Owner) -> Result<(), Epoch> {
        if let Some(newest) = self.owners.get(&instance)
            && (owner.generation, owner.epoch) < (newest.generation, newest.epoch)
        {
            return Err(newest.epoch);
        }
        self.owners.insert(instance, owner.clone());
        Ok(())
    }

    /// Drops the owners of instances without an attempt here, when there are too many.
    pub(crate) fn trim(&mut self, tracked: impl Iterator<Item = InstanceId>) {
        if self.owners.len() > MAX_OWNERS {
            let tracked: BTreeSet<InstanceId> = tracked.collect();
            self.owners.retain(|instance, _| tracked.contains(instance));
        }
    }
}
