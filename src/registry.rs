//! The registry of incarnations: Consul for a cluster, this process itself for a standalone node.

mod consul;
mod local;

pub use consul::ConsulRegistry;
pub use local::LocalRegistry;
