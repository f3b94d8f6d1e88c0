//! The way of a call to a node: this process or the network.

use std::fmt;

use async_trait::async_trait;
use engine::ids::Incarnation;

use super::calls::{Call, Reply};
use crate::protocol::Owner;

/// Why a call has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No process listens at the address. It surely did not arrive.
    #[error("{0} refuses connections")]
    Refused(String),
    /// It surely did not arrive, or was surely not accepted.
    #[error("{0} cannot be reached")]
    NotDelivered(String),
    /// It may have arrived.
    #[error("{0} did not answer")]
    NoAnswer(String),
}

impl CallError {
    /// Whether the call surely had no effect.
    pub fn is_certain(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::NotDelivered(_))
    }
}

/// The node that a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An incarnation, at the address that its row names.
    Incarnation(Incarnation),
    /// An owner. The address that it gave serves until its row has been read.
    Owner {
        /// Its incarnation.
        incarnation: Incarnation,
        /// Its address.
        host: String,
    },
    /// Whichever incarnation listens at an address; for a ping only.
    Address(String),
}

impl From<&Owner> for Destination {
    fn from(owner: &Owner) -> Self {
        Self::Owner {
            incarnation: owner.incarnation,
            host: owner.host.clone(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incarnation(incarnation) | Self::Owner { incarnation, .. } => {
                write!(f, "incarnation {incarnation}")
            }
            Self::Address(host) => write!(f, "the node at {host}"),
        }
    }
}

/// A way to nodes.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends a call once, and returns its reply.
    ///
    /// # Errors
    /// After `NoAnswer` the call may have had its effect.
    async fn call(&self, to: Destination, call: Call) -> Result<Reply, CallError>;
}
