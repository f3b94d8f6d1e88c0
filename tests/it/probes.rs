//! The standing probes, and what shows that each of them can fail.

#[path = "../equipment/probes.rs"]
mod standing;

pub(crate) use standing::{PROBES, violations};

mod planted;
