//! Reaches what connections name: databases, hosts, services and mail servers.
//!
//! A name is resolved once, and the connection goes to an address that was checked. What fails is said in words, and no
//! word repeats a secret.

mod dial;
mod failure;
mod http;
mod mysql;
mod postgresql;
mod smtp;
mod socket_forwarder;
mod sqlite;
mod ssh;
mod tester;

pub use self::http::{HttpConnection, HttpConnectionError, Redirects};
pub use self::smtp::{MailFailure, open_mail_session};
pub use self::sqlite::SqliteFolders;
pub use self::tester::{TestLimits, WorkerConnectionTester};
