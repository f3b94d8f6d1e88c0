//! Alerts: the rules of all places, the events that wait, and what becomes of them.
//!
//! An event is stored in the commit of the change, when a rule that is valid then names it. A pass makes alerts and
//! deliveries of events, and of times that have passed, and deletes the events in the same transaction; passes of all nodes
//! follow one another. A delivery is leased to one node at a time, and its outcome is stored under the epoch of the lease.

pub(crate) mod events;
pub(crate) mod rules;

mod candidates;
mod deliveries;
mod due;
mod facts;
mod failures;
mod new_alerts;
mod occurrence;
mod pass;
mod silences;
mod subjects;
mod text;
