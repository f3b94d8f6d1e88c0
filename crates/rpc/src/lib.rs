//! Node to node: JSON over HTTP under `/rpc/v1`, on a port of its own, sealed with the cluster's secret.
//!
//! The same three links as in process (`actors::links`): `Links` sends, `serve` answers, and both reach what runs in
//! this process by `Roles`. Nothing here decides anything or repeats a call; it says exactly whether a message may
//! have arrived. See `docs/rpc.md`.

mod call;
mod client;
mod gate;
mod logs;
mod roles;
mod seal;
mod sentinel;
mod server;
mod socket;
mod standstill;
mod wire;

pub use client::{Hint, Links};
pub use logs::ClusterLogs;
pub use roles::Roles;
pub use seal::{Key, WeakSecret};
pub use sentinel::keep_watch;
pub use server::{Served, serve};
pub use standstill::PauseDetector;
