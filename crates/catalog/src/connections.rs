//! Connections: of a project, or shared and granted to projects.

mod granted;
mod owner;
mod puts;
pub(crate) mod references;
pub(crate) mod removal;
mod resolve;
mod stored;
mod usable;

pub use self::granted::{ConnectionGrant, GrantTarget};
pub use self::owner::ConnectionOwner;
pub use self::puts::{ConnectionChange, PutConnection};
pub use self::stored::{Connections, ListedConnection, StoredConnection, UnusableConnection};
pub use self::usable::{ConnectionAccess, UsableConnection};
