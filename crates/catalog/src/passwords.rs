//! Changes of passwords by their users.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::user_account;
use crate::error::CatalogError;
use crate::tokens::TokenId;
use crate::users::UserId;
use crate::users::sessions::end_sessions;
use store::Store;

/// A new password of a user who knew the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChange {
    /// The user.
    pub user: UserId,
    /// The argon2id hash of the password that the user knew.
    pub known_hash: String,
    /// The argon2id hash of the new one.
    pub new_hash: String,
    /// The session or token that makes the change, which stays.
    pub kept: TokenId,
}

/// The passwords of users.
#[derive(Debug, Clone, Copy)]
pub struct Passwords<'a> {
    store: &'a Store,
}

impl<'a> Passwords<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Replaces a password that its user knew, which ends the user's other sessions and tokens.
    ///
    /// # Errors
    /// `Conflict` with `LOGIN_FAILED`: the password was changed in the meantime.
    pub async fn replace(
        self,
        password: &PasswordChange,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let replaced = user_account::Entity::update_many()
            .col_expr(
                user_account::Column::PasswordHash,
                Expr::value(&password.new_hash),
            )
            .filter(user_account::Column::Id.eq(password.user.0))
            .filter(user_account::Column::PasswordHash.eq(&password.known_hash))
            .exec(change.on())
            .await?;
        if replaced.rows_affected == 0 {
            let detail = "the password was changed in the meantime";
            return Err(CatalogError::conflict("LOGIN_FAILED", detail));
        }
        end_sessions(change.on(), password.user.0, Some(password.kept.0)).await?;
        change.commit("user.password", "user", &context.user).await
    }
}
