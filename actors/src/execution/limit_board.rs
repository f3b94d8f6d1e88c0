//! What the actors of one master share about limits: which projects are capped, their weights, and the actors that wait
//! for room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::InstanceId;
use engine::limits::ProjectCap;
use parking_lot::Mutex;

use crate::messages::limits::{LimitNotice, LimitsChanged, LookOrigin};
use ports::{LimitKey, ProjectShare};

#[derive(Default)]
struct BoardEntries {
    /// The actors of instances, with the projects of these.
    actors: BTreeMap<InstanceId, (String, Recipient<LimitNotice>)>,
    /// The projects that are capped, or have another weight than 1.
    shares: BTreeMap<String, ProjectShare>,
}

/// The shared knowledge of limits. Clones share it.
#[derive(Clone)]
pub struct LimitBoard {
    entries: Arc<Mutex<BoardEntries>>,
    /// Looks at the queues of limits.
    looker: Recipient<LimitsChanged>,
}

impl LimitBoard {
    /// Makes an empty board; `looker` looks at limits that have changed.
    pub fn new(looker: Recipient<LimitsChanged>) -> Self {
        Self {
            entries: Arc::default(),
            looker,
        }
    }

    /// Registers the actor of an instance of a project.
    pub(crate) fn register(&self, instance: InstanceId, project: &str, actor: Recipient<LimitNotice>) {
        let entry = (project.to_owned(), actor);
        self.entries.lock().actors.insert(instance, entry);
    }

    /// Removes the actor of an instance.
    pub(crate) fn unregister(&self, instance: InstanceId) {
        self.entries.lock().actors.remove(&instance);
    }

    /// Returns whether the attempts of a project are counted.
    pub(crate) fn cap_of(&self, project: &str) -> ProjectCap {
        let entries = self.entries.lock();
        entries
            .shares
            .get(project)
            .map(|share| share.cap)
            .unwrap_or_default()
    }

    /// Replaces what is known of projects; the actors of those whose cap came or went are notified.
    pub(crate) fn replace_shares(&self, shares: Vec<ProjectShare>) {
        let mut entries = self.entries.lock();
        let shares: BTreeMap<String, ProjectShare> = shares
            .into_iter()
            .map(|share| (share.project.clone(), share))
            .collect();
        let old = std::mem::replace(&mut entries.shares, shares);
        let capped = |shares: &BTreeMap<String, ProjectShare>| -> BTreeSet<String> {
            let counted = shares.values().filter(|share| share.cap == ProjectCap::Counted);
            counted.map(|share| share.project.clone()).collect()
        };
        let (before, after) = (capped(&old), capped(&entries.shares));
        let changed: BTreeSet<&String> = before.symmetric_difference(&after).collect();
        if changed.is_empty() {
            return;
        }
        for (project, actor) in entries.actors.values() {
            if changed.contains(project) {
                actor.do_send(LimitNotice::CapChanged);
            }
        }
    }

    /// Sends a notice to the actor of an instance, if it runs here.
    pub(crate) fn notify(&self, instance: InstanceId, notice: LimitNotice) {
        let entries = self.entries.lock();
        if let Some((_, actor)) = entries.actors.get(&instance) {
            actor.do_send(notice);
        }
    }

    /// Lets the queues of limits be looked at after a commit of this master.
    pub(crate) fn look_at(&self, keys: BTreeSet<LimitKey>) {
        if !keys.is_empty() {
            self.looker.do_send(LimitsChanged {
                keys: Some(keys),
                origin: LookOrigin::Commit,
            });
        }
    }

    /// Passes the request of another node on.
    pub(crate) fn forward(&self, changed: LimitsChanged) {
        self.looker.do_send(changed);
    }
}
