//! What users prefer: an object that only they read, and that means nothing to the server.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;
use serde_json::Value;

use crate::audited_transaction::AuditedTransaction;
use crate::columns::parse_json;
use crate::context::AuditContext;
use crate::entity::user_preference;
use crate::error::CatalogError;
use crate::users::UserId;
use store::Store;

/// The preferences of users.
#[derive(Debug, Clone, Copy)]
pub struct Preferences<'a> {
    store: &'a Store,
}

impl<'a> Preferences<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Reads a user's preferences; none when nothing was stored.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, user: UserId) -> Result<Option<Value>, CatalogError> {
        let row = user_preference::Entity::find_by_id(user.0)
            .one(self.store.reader())
            .await?;
        row.map(|row| parse_json("preferences", &row.preferences))
            .transpose()
    }

    /// Replaces a user's preferences.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn put(
        self,
        user: UserId,
        preferences: &Value,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = user_preference::ActiveModel {
            user_id: Set(user.0),
            preferences: Set(preferences.to_string()),
            updated_at: Set(context.at.0),
        };
        let replace = OnConflict::column(user_preference::Column::UserId)
            .update_columns([
                user_preference::Column::Preferences,
                user_preference::Column::UpdatedAt,
            ])
            .to_owned();
        user_preference::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(change.on())
            .await?;
        change.commit("user.preferences", "user", &context.user).await
    }
}
