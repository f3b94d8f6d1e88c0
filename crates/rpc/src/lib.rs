//! Calls between nodes over the network: JSON over HTTP, signed with the cluster's secret, on a port of its own.
//!
//! `HttpTransport` sends the calls of `actors::rpc`, `serve` answers them with what runs in this process. Neither
//! decides anything or repeats a call; the error says exactly whether a call may have arrived. See `docs/rpc.md`.

mod authenticate;
mod body_cipher;
mod http;
mod keepalive;
mod logs;
mod pause_detector;
mod peer_watch;
mod request;
mod server;
mod signature;
mod wire;

pub use http::{HttpConfig, HttpTransport, OnBrokenConnection, ping};
pub use logs::ClusterLogs;
pub use pause_detector::PauseDetector;
pub use peer_watch::watch_peers;
pub use server::{ServerConfig, serve};
pub use signature::{Key, WeakSecret};
