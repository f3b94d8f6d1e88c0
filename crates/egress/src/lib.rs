//! Which addresses connections to the outside may go to: those of `http` tasks, connections and channels.

mod policy;
mod resolver;

pub use policy::EgressPolicy;
pub use resolver::{EgressResolver, resolve_host};
