//! The places of instances: who holds one, who waits, and the admission of what waits.
//!
//! A transaction that takes a place, or changes what is allowed, locks the places of the project; a place is given back
//! without that, by a trigger in the commit that ends the instance. Only gated instances come here.

pub(crate) mod admission;
pub(crate) mod holders;
pub(crate) mod ledger;
pub(crate) mod request;
pub(crate) mod rows;
pub(crate) mod rules;
pub(crate) mod waiters;
