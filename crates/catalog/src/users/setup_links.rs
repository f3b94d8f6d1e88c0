//! Links by which a user sets a password without knowing one; only their hashes are stored.

use engine::ids::Timestamp;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{setup_link, user_account};
use crate::error::CatalogError;
use crate::users::sessions::end_sessions;
use crate::users::{Credentials, User};
use store::Store;

/// A link to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSetupLink {
    /// The name of the user whose password it sets.
    pub user: String,
    /// SHA-256 of its token, in hex.
    pub hash: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// The links that set passwords.
#[derive(Debug, Clone, Copy)]
pub struct SetupLinks<'a> {
    store: &'a Store,
}

impl<'a> SetupLinks<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Stores a link.
    ///
    /// # Errors
    /// `NotFound`: there is no enabled user of that name.
    pub async fn create(self, new: &NewSetupLink, context: &AuditContext) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        // Locked, so that the user is neither disabled nor deleted in between.
        let user = user_account::Entity::find()
            .filter(user_account::Column::Name.eq(&new.user))
            .filter(user_account::Column::DisabledAt.is_null())
            .lock(LockType::Share)
            .one(change.on())
            .await?
            .ok_or_else(|| CatalogError::not_found(format!("enabled user `{}`", new.user)))?;
        let row = setup_link::ActiveModel {
            user_id: Set(user.id),
            hash: Set(new.hash.clone()),
            created_at: Set(context.at.0),
            expires_at: Set(new.expires_at.0),
            ..setup_link::ActiveModel::default()
        };
        setup_link::Entity::insert(row)
            .exec_without_returning(change.on())
            .await?;
        change.commit("auth.setup_link", "user", &new.user).await
    }

    /// Reads whose password the link of this hash sets; none when it is unknown, used or over, or its user disabled.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_user(self, hash: &str, at: Timestamp) -> Result<Option<User>, CatalogError> {
        let reader = self.store.reader();
        let Some(link) = select_valid(hash, at).one(reader).await? else {
            return Ok(None);
        };
        let user = select_enabled_user(link.user_id).one(reader).await?;
        Ok(user.map(|row| Credentials::from(row).user))
    }

    /// Uses the link up and sets the password. A password that was there before is changed, which ends the user's
    /// sessions and tokens. None as in `find_user`; of two uses at the same time one gets none.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn use_up(
        self,
        hash: &str,
        password_hash: &str,
        context: &AuditContext,
    ) -> Result<Option<User>, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let Some(link) = select_valid(hash, context.at).one(change.on()).await? else {
            return Ok(None);
        };
        // The user before the link, in the order of every other change of a user.
        let user = select_enabled_user(link.user_id)
            .lock(LockType::Update)
            .one(change.on())
            .await?;
        let Some(user) = user else {
            return Ok(None);
        };
        let used = setup_link::Entity::delete_by_id(link.id)
            .exec(change.on())
            .await?;
        if used.rows_affected == 0 {
            return Ok(None);
        }
        let row = user_account::ActiveModel {
            id: Unchanged(user.id),
            password_hash: Set(Some(password_hash.to_owned())),
            ..user_account::ActiveModel::default()
        };
        user_account::Entity::update(row)
            .exec_without_returning(change.on())
            .await?;
        let credentials = Credentials::from(user);
        if credentials.password_hash.is_some() {
            end_sessions(change.on(), credentials.user.id.0, None).await?;
        }
        change
            .commit("auth.setup", "user", &credentials.user.name)
            .await?;
        Ok(Some(User {
            has_password: true,
            ..credentials.user
        }))
    }
}

fn select_valid(hash: &str, at: Timestamp) -> sea_orm::Select<setup_link::Entity> {
    setup_link::Entity::find()
        .filter(setup_link::Column::Hash.eq(hash))
        .filter(setup_link::Column::ExpiresAt.gt(at.0))
}

fn select_enabled_user(id: i64) -> sea_orm::Select<user_account::Entity> {
    user_account::Entity::find_by_id(id).filter(user_account::Column::DisabledAt.is_null())
}
