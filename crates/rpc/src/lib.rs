//! Node to node: JSON over HTTP under `/rpc/v1`, on a port of its own, signed with the cluster's secret.
//!
//! The same three links as in process (`actors::links`): `Links` sends, `serve` answers, and both reach what runs in
//! this process by `Roles`. Nothing here decides anything or repeats a call; it says exactly whether a message may
//! have arrived. See `docs/rpc.md`.

mod authenticate;
mod client;
mod keepalive;
mod logs;
mod pause_detector;
mod peer_watch;
mod request;
mod roles;
mod server;
mod signature;
mod wire;

pub use client::{Hint, Links};
pub use logs::ClusterLogs;
pub use pause_detector::PauseDetector;
pub use peer_watch::watch_peers;
pub use roles::Roles;
pub use server::{Served, serve};
pub use signature::{Key, WeakSecret};
