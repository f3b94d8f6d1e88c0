//! Secrets of the fake: each has its own name as its value.

use async_trait::async_trait;

use crate::testing::store::FakeStore;
use ports::StoreError;
use ports::secrets::{GivenSecrets, SecretRequest, SecretSource};

#[async_trait]
impl SecretSource for FakeStore {
    async fn give_secrets(&self, requests: &[SecretRequest]) -> Result<Vec<GivenSecrets>, StoreError> {
        let given = requests.iter().map(|request| {
            let value_of = |name: &String| (name.clone(), name.as_str().into());
            GivenSecrets::Values(request.names.iter().map(value_of).collect())
        });
        Ok(given.collect())
    }
}
