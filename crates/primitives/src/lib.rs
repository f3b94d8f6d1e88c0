//! Small things that every adapter needs: hex, secrets, the environment, errors in readable words.

pub mod data_folder;
pub mod environment;
pub mod error_chain;
pub mod hex;
pub mod secret;
