//! The values that attempts were given, which are masked in what they print.

use engine::ids::DispatchId;
use primitives::secret::Secret;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use secrets::{SECRET_VALUE, SealedText};

use crate::entity::{attempt_secret, secret_value};
use crate::error::CatalogError;
use crate::project_secrets::ProjectSecrets;

/// A value that an attempt was given, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenValue {
    id: i64,
    sealed: SealedText,
}

impl ProjectSecrets<'_> {
    /// Returns every value that an attempt was given, also of secrets that were changed or deleted since.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn given_to(self, attempt: &DispatchId) -> Result<Vec<GivenValue>, CatalogError> {
        let given = attempt_secret::Entity::find()
            .find_also_related(secret_value::Entity)
            .filter(attempt_secret::Column::Instance.eq(attempt.instance.0))
            .filter(attempt_secret::Column::TaskIndex.eq(i64::from(attempt.task_index.0)))
            .filter(attempt_secret::Column::Number.eq(i64::from(attempt.attempt.0)))
            .order_by_asc(attempt_secret::Column::ValueId)
            .all(self.store().reader())
            .await?;
        let values = given.into_iter().filter_map(|(_, value)| value);
        Ok(values
            .map(|value| GivenValue {
                id: value.id,
                sealed: SealedText::from_stored(value.sealed),
            })
            .collect())
    }

    /// Opens values that an attempt was given.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`: one cannot be opened, so that it could not be masked.
    pub fn open_given(self, given: &[GivenValue]) -> Result<Vec<Secret>, CatalogError> {
        let ring = self.keys().current();
        let open = |value: &GivenValue| {
            let opened = ring.open(&SECRET_VALUE.place(value.id), &value.sealed);
            opened.map_err(|why| {
                let detail = format!("a secret of the attempt cannot be masked: {why}");
                CatalogError::conflict("NO_SECRETS_KEY", detail)
            })
        };
        given.iter().map(open).collect()
    }
}
