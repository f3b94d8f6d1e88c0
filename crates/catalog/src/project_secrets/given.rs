//! The values that attempts were given, which are masked in what they print.

use engine::ids::DispatchId;
use primitives::secret::Secret;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrets::{SECRET_VALUE, SealedText};

use crate::entity::{attempt_secret, secret_value};
use crate::error::CatalogError;
use crate::project_secrets::ProjectSecrets;

impl ProjectSecrets<'_> {
    /// Returns every value that an attempt was given, also of secrets that were changed or deleted since.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`: a value cannot be opened, so that it could not be masked.
    pub async fn given_to(self, attempt: &DispatchId) -> Result<Vec<Secret>, CatalogError> {
        let given = attempt_secret::Entity::find()
            .find_also_related(secret_value::Entity)
            .filter(attempt_secret::Column::Instance.eq(attempt.instance.0))
            .filter(attempt_secret::Column::TaskIndex.eq(i64::from(attempt.task_index.0)))
            .filter(attempt_secret::Column::Number.eq(i64::from(attempt.attempt.0)))
            .all(self.store().reader())
            .await?;
        let ring = self.keys().current();
        let values = given.into_iter().filter_map(|(_, value)| value);
        values
            .map(|value| {
                let opened = ring.open(
                    &SECRET_VALUE.place(value.id),
                    &SealedText::from_stored(value.sealed),
                );
                opened.map_err(|why| {
                    let detail = format!("a secret of the attempt cannot be masked: {why}");
                    CatalogError::conflict("NO_SECRETS_KEY", detail)
                })
            })
            .collect()
    }
}
