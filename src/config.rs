//! The configuration of a process, read once: defaults, then the file, then the environment, then flags.
//!
//! All mistakes are reported together, each with the key's name and the source of its value. A key is one entry of the
//! table in `keys`, one field in `settings` and its line in `load`.

mod error;
mod key;
mod keys;
mod load;
mod log;
mod role;
mod settings;
mod show;
mod sources;
mod values;

pub use api::{Mode, Rates};
pub use error::ConfigError;
pub use log::{Log, LogFormat};
pub use role::Role;
pub use settings::{Auth, Cluster, Config, Consul, Database, Retention, Rpc, Secrets, Server, Tls, Worker};
pub use show::{KeyLine, list_keys};
pub use sources::{Flags, Origin};

#[cfg(test)]
mod tests;
