//! Authentication and authorisation of every request.

pub(crate) mod access;
pub(crate) mod credential;
mod csrf;
pub(crate) mod guard;
pub(crate) mod identities;
pub(crate) mod limits;
pub(crate) mod login;
pub(crate) mod objects;
pub(crate) mod password;
pub(crate) mod secret;
pub(crate) mod server;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod test_quota;
pub(crate) mod token_watch;
