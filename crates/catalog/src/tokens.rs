//! Tokens prove who asks; only their hashes are stored.

use engine::ids::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};

use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{token, user_account};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::users::{UserId, UserRole};
use store::Store;

/// Age that the stored last use may reach: a request a millisecond must not be a write a millisecond.
const LAST_USED_STEP_MS: i64 = 60_000;

/// The row of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

/// What made a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A user, for a program.
    Api,
    /// A log-in.
    Session,
}

impl TokenKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Session => "session",
        }
    }

    fn from_column(kind: &str) -> Self {
        if kind == Self::Session.as_str() {
            Self::Session
        } else {
            Self::Api
        }
    }
}

/// A token to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose.
    pub user: UserId,
    /// For people.
    pub name: String,
    /// What makes it.
    pub kind: TokenKind,
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its row.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// The user's name.
    pub user_name: String,
    /// For people.
    pub name: String,
    /// What made it.
    pub kind: TokenKind,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// About when it was last used (to the minute).
    pub last_used: Option<Timestamp>,
}

/// Who a valid token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// What the user may do without a grant.
    pub role: UserRole,
    /// The token.
    pub token: TokenId,
    /// What made the token.
    pub kind: TokenKind,
    /// When the token ends; never when none.
    pub expires_at: Option<Timestamp>,
}

/// A token with its user.
#[derive(FromQueryResult)]
struct TokenOfUser {
    id: i64,
    user_id: i64,
    user_name: String,
    admin: bool,
    name: String,
    kind: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used: Option<i64>,
}

impl From<TokenOfUser> for Token {
    fn from(row: TokenOfUser) -> Self {
        Self {
            id: TokenId(row.id),
            user: UserId(row.user_id),
            user_name: row.user_name,
            name: row.name,
            kind: TokenKind::from_column(&row.kind),
            created_at: Timestamp(row.created_at),
            expires_at: row.expires_at.map(Timestamp),
            last_used: row.last_used.map(Timestamp),
        }
    }
}

impl From<TokenOfUser> for Identity {
    fn from(row: TokenOfUser) -> Self {
        Self {
            user: UserId(row.user_id),
            name: row.user_name,
            role: if row.admin {
                UserRole::Admin
            } else {
                UserRole::Member
            },
            token: TokenId(row.id),
            kind: TokenKind::from_column(&row.kind),
            expires_at: row.expires_at.map(Timestamp),
        }
    }
}

/// The tokens.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    store: &'a Store,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Stores a token.
    ///
    /// # Errors
    /// `NotFound`: the user is gone.
    pub async fn create(self, new: &NewToken, context: &AuditContext) -> Result<Token, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        // Locked, so that the user is neither disabled nor deleted in between.
        let user = user_account::Entity::find_by_id(new.user.0)
            .filter(user_account::Column::DisabledAt.is_null())
            .lock(LockType::Share)
            .one(change.on())
            .await?
            .ok_or_else(|| CatalogError::not_found("enabled user for the token"))?;
        let row = token::ActiveModel {
            name: Set(new.name.clone()),
            user_id: Set(user.id),
            hash: Set(new.hash.clone()),
            kind: Set(new.kind.as_str().to_owned()),
            created_at: Set(context.at.0),
            expires_at: Set(new.expires_at.map(|at| at.0)),
            ..token::ActiveModel::default()
        };
        let stored = token::Entity::insert(row)
            .exec_with_returning(change.on())
            .await?;
        change
            .commit("token.create", "token", &stored.id.to_string())
            .await?;
        Ok(Token {
            id: TokenId(stored.id),
            user: UserId(user.id),
            user_name: user.name,
            name: stored.name,
            kind: new.kind,
            created_at: context.at,
            expires_at: new.expires_at,
            last_used: None,
        })
    }

    /// Lists the tokens of a user, or of all, newest first; without sessions, revoked and expired ones.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        user: Option<UserId>,
        at: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<Token>, CatalogError> {
        let before = page.after::<i64>("tokens")?.unwrap_or(i64::MAX);
        let rows = select_with_user()
            .filter(token::Column::Id.lt(before))
            .filter(token::Column::Kind.eq(TokenKind::Api.as_str()))
            .filter(is_valid_at(at))
            .apply_if(user, |query, user| query.filter(token::Column::UserId.eq(user.0)))
            .order_by_desc(token::Column::Id)
            .limit(page.rows())
            .into_model::<TokenOfUser>()
            .all(self.store.reader())
            .await?;
        let items = rows.into_iter().map(Token::from).collect();
        Ok(Page::cut("tokens", page, items, |token: &Token| {
            token.id.0.to_string()
        }))
    }

    /// Reads a token that is not revoked; none otherwise.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, id: TokenId) -> Result<Option<Token>, CatalogError> {
        let row = select_with_user()
            .filter(token::Column::Id.eq(id.0))
            .into_model::<TokenOfUser>()
            .one(self.store.reader())
            .await?;
        Ok(row.map(Token::from))
    }

    /// Revokes a token; also the end of a session.
    ///
    /// # Errors
    /// `NotFound`: there is none, or it was revoked.
    pub async fn delete(self, id: TokenId, context: &AuditContext) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let deleted = token::Entity::delete_by_id(id.0).exec(change.on()).await?;
        if deleted.rows_affected == 0 {
            return Err(CatalogError::not_found(format!("token {}", id.0)));
        }
        change.commit("token.delete", "token", &id.0.to_string()).await
    }

    /// Reads who holds the token of this hash; none when it is unknown, revoked or expired, or its user disabled.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn authenticate(
        self,
        token_hash: &str,
        at: Timestamp,
    ) -> Result<Option<Identity>, CatalogError> {
        let row = select_with_user()
            .filter(token::Column::Hash.eq(token_hash))
            .filter(is_valid_at(at))
            .filter(user_account::Column::DisabledAt.is_null())
            .into_model::<TokenOfUser>()
            .one(self.store.reader())
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if row.last_used.is_none_or(|last| last < at.0 - LAST_USED_STEP_MS) {
            self.record_use(TokenId(row.id), at).await;
        }
        Ok(Some(row.into()))
    }

    /// Stores that a token is in use. A failure is only logged: who may read must not depend on a write.
    async fn record_use(self, id: TokenId, at: Timestamp) {
        let is_older = Condition::any()
            .add(token::Column::LastUsed.is_null())
            .add(token::Column::LastUsed.lt(at.0));
        let updated = token::Entity::update_many()
            .col_expr(token::Column::LastUsed, Expr::value(at.0))
            .filter(token::Column::Id.eq(id.0))
            .filter(is_older)
            .exec(self.store.writer())
            .await;
        if let Err(error) = updated {
            tracing::debug!(%error, token = id.0, "the last use of a token was not stored");
        }
    }
}

/// Selects the columns of `TokenOfUser`.
fn select_with_user() -> Select<token::Entity> {
    token::Entity::find()
        .inner_join(user_account::Entity)
        .column_as(user_account::Column::Name, "user_name")
        .column(user_account::Column::Admin)
}

/// The condition of a token that has not expired.
fn is_valid_at(at: Timestamp) -> Condition {
    Condition::any()
        .add(token::Column::ExpiresAt.is_null())
        .add(token::Column::ExpiresAt.gt(at.0))
}
