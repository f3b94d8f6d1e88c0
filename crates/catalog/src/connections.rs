//! Connections: of a project, or shared and granted to projects.

mod granted;
mod owner;
mod puts;
pub(crate) mod references;
mod resolve;
mod secret_lookup;
pub(crate) mod stored;

pub use self::granted::{ConnectionGrant, GrantTarget};
pub use self::owner::ConnectionOwner;
pub use self::puts::{ConnectionChange, PutConnection};
pub use self::references::{ConnectionAccess, UsableConnection};
pub use self::stored::{Connections, ListedConnection, StoredConnection, UnusableConnection};
