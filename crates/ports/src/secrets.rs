//! The values of secrets on their way from a master to the attempts that are given them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::ids::{DispatchId, Epoch, Incarnation};
use primitives::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::StoreError;

/// The values that an attempt is given, by the names of their secrets. They are serialized for the call that brings
/// them to a worker, whose body is encrypted, and nowhere else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretValues(BTreeMap<String, Secret>);

impl SecretValues {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of a secret.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Returns every value.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }
}

impl FromIterator<(String, Secret)> for SecretValues {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Serialize for SecretValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.reveal())))
    }
}

impl<'de> Deserialize<'de> for SecretValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        let values = texts.into_iter().map(|(name, value)| (name, Secret::new(value)));
        Ok(Self(values.collect()))
    }
}

/// The request of an owner for the values that one of its attempts is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRequest {
    /// The attempt.
    pub uid: DispatchId,
    /// Its owner.
    pub owner: Incarnation,
    /// The epoch of the owner.
    pub epoch: Epoch,
    /// The names of the secrets of the instance's project.
    pub names: Vec<String>,
    /// Other values that it is given, those of its connection, which are to be masked in what it prints.
    pub others: Vec<Secret>,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenSecrets {
    /// The values; it is stored that the attempt was given them, so that they are masked wherever it shows them.
    Values(SecretValues),
    /// A secret is missing or cannot be opened, in words for the user: the attempt fails, and so would the next.
    Gap(String),
    /// The instance has another owner, which sends the attempt.
    NotOwned,
}

/// Gives values of secrets to attempts.
#[async_trait]
pub trait SecretSource: Send + Sync + 'static {
    /// Answers requests, in their order.
    ///
    /// # Errors
    /// Nothing was given; try again.
    async fn give_secrets(&self, requests: &[SecretRequest]) -> Result<Vec<GivenSecrets>, StoreError>;
}
