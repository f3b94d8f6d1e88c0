//! Small types and functions that every adapter needs: secrets, units, the environment, causes of errors.

pub mod data_folder;
pub mod environment;
pub mod error_chain;
pub mod private_files;
pub mod secret;
pub mod units;
