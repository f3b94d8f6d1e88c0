//! The places of instances: who holds one, who waits, and the admission of what waits.
//!
//! Whoever takes a place, or changes what is allowed, holds the lock of the project; a place is given back without it, by
//! a trigger in the commit that ends the instance. Only gated instances come here.

pub(crate) mod admission;
pub(crate) mod ledger;
pub(crate) mod request;
pub(crate) mod rows;
pub(crate) mod rules;
pub(crate) mod waiters;
