//! How a node calls another one: typed calls over a transport, which is this process or the network.
//!
//! A call is sent once. The error says whether it may have arrived; who repeats a call is said by `OnLoss`.

pub mod calls;
pub mod client;
pub mod transport;
