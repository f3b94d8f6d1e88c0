//! The REST interface: everything under `/api`, the health checks, the metrics.
//!
//! `serve` registers the routes of every noun; `http` and `auth` hold what all of them share.

mod approvals;
mod auth;
mod backfills;
mod calendars;
mod channels;
mod connections;
mod debug;
mod explanations;
mod graphs;
mod groups;
mod health;
mod http;
mod instances;
mod limits;
mod lineage;
mod logs;
mod nodes;
mod operations;
mod projects;
mod retention;
mod routes;
mod schedules;
mod secrets;
mod serve;
mod silences;
mod state;
mod statistics;
mod stream;
mod task_instances;
mod task_types;
mod tasks;
mod threads;
mod tokens;
mod ui;
mod users;
mod workflows;

pub use self::auth::identities::token_hash;
pub use self::graphs::node_places::LayoutCache;
pub use self::http::codes::Code;
pub use self::http::problem::{Detail, Problem};
pub use self::serve::{openapi, serve};
pub use self::state::{ApiState, Mode, PasswordLogin, PublicAddress, Rates};
pub use self::threads::Threads;
pub use self::ui::embedded::EmbeddedFile;
pub use self::ui::files::UiFiles;
