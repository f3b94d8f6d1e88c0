//! Tokens prove who asks; only their hashes are stored.

use engine::ids::Timestamp;

use sea_orm::QueryResult;

use super::{Catalog, CatalogError, Page, PageRequest, Request, Role, UserId, sql};

const COLUMNS: &str =
    "t.id, t.user_id, u.name AS user_name, t.name, t.kind, t.created_at, t.expires_at, t.last_used";

/// How old the stored last use may get: a request a millisecond must not be a write a millisecond.
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
    pub role: Role,
    /// The token.
    pub token: TokenId,
    /// What made the token.
    pub kind: TokenKind,
    /// When the token ends; never when none.
    pub expires_at: Option<Timestamp>,
}

impl Catalog {
    /// Stores a token.
    ///
    /// # Errors
    /// `NotFound`: the user is gone.
    pub async fn create_token(&self, new: &NewToken, request: &Request) -> Result<Token, CatalogError> {
        let change = self.change(request).await?;
        let row = sql::first(
            &change.tx,
            "INSERT INTO token (name, user_id, hash, kind, created_at, expires_at) \
             SELECT $1, id, $3, $4, $5, $6 FROM user_account WHERE id = $2 AND disabled_at IS NULL \
             RETURNING id",
            vec![
                new.name.clone().into(),
                new.user.0.into(),
                new.hash.clone().into(),
                new.kind.as_str().into(),
                request.at.0.into(),
                new.expires_at.map(|at| at.0).into(),
            ],
        )
        .await?;
        let no_user = || CatalogError::NotFound {
            what: "enabled user for the token".into(),
        };
        let id: i64 = sql::get(&row.ok_or_else(no_user)?, "id")?;
        let sql =
            format!("SELECT {COLUMNS} FROM token t JOIN user_account u ON u.id = t.user_id WHERE t.id = $1");
        let stored = sql::first(&change.tx, sql, vec![id.into()]).await?;
        let token = token_row(&stored.ok_or_else(no_user)?)?;
        change.commit("token.create", "token", &id.to_string()).await?;
        Ok(token)
    }

    /// Lists the tokens of a user, or of all, newest first; without sessions, revoked and expired ones.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn tokens(
        &self,
        user: Option<UserId>,
        at: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<Token>, CatalogError> {
        let before = page.after::<i64>("tokens")?.unwrap_or(i64::MAX);
        let rows = sql::all(
            self.reader(),
            format!(
                "SELECT {COLUMNS} FROM token t JOIN user_account u ON u.id = t.user_id \
                 WHERE t.id < $1 AND t.kind = 'api' AND (t.expires_at IS NULL OR t.expires_at > $3) \
                 AND ($4 = 0 OR t.user_id = $4) ORDER BY t.id DESC LIMIT $2"
            ),
            vec![
                before.into(),
                page.rows().into(),
                at.0.into(),
                // Ids begin at 1.
                user.map_or(0_i64, |user| user.0).into(),
            ],
        )
        .await?;
        let items = rows.iter().map(token_row).collect::<Result<_, _>>()?;
        Ok(Page::cut("tokens", page, items, |token: &Token| {
            token.id.0.to_string()
        }))
    }

    /// Reads a token that is not revoked; none otherwise.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn token(&self, id: TokenId) -> Result<Option<Token>, CatalogError> {
        let sql =
            format!("SELECT {COLUMNS} FROM token t JOIN user_account u ON u.id = t.user_id WHERE t.id = $1");
        let row = sql::first(self.reader(), sql, vec![id.0.into()]).await?;
        row.as_ref().map(token_row).transpose()
    }

    /// Revokes a token; also the end of a session.
    ///
    /// # Errors
    /// `NotFound`: there is none, or it was revoked.
    pub async fn delete_token(&self, id: TokenId, request: &Request) -> Result<(), CatalogError> {
        let change = self.change(request).await?;
        let gone = sql::run(&change.tx, "DELETE FROM token WHERE id = $1", vec![id.0.into()]).await?;
        if gone == 0 {
            return Err(CatalogError::NotFound {
                what: format!("token {}", id.0),
            });
        }
        change.commit("token.delete", "token", &id.0.to_string()).await
    }

    /// Says who holds the token of this hash; none when it is unknown, revoked or expired, or its user disabled.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn authenticate(
        &self,
        token_hash: &str,
        at: Timestamp,
    ) -> Result<Option<Identity>, CatalogError> {
        let row = sql::first(
            self.reader(),
            "SELECT t.id, t.kind, t.last_used, t.expires_at, t.user_id, u.name, u.admin \
             FROM token t JOIN user_account u ON u.id = t.user_id \
             WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2) AND u.disabled_at IS NULL",
            vec![token_hash.into(), at.0.into()],
        )
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let token = TokenId(sql::get(&row, "id")?);
        let last_used: Option<i64> = sql::get(&row, "last_used")?;
        if last_used.is_none_or(|last| last < at.0 - LAST_USED_STEP_MS) {
            self.note_use(token, at).await;
        }
        let kind: String = sql::get(&row, "kind")?;
        Ok(Some(Identity {
            user: UserId(sql::get(&row, "user_id")?),
            name: sql::get(&row, "name")?,
            role: Role::from_admin_column(sql::get(&row, "admin")?),
            token,
            kind: TokenKind::from_column(&kind),
            expires_at: sql::get::<Option<i64>>(&row, "expires_at")?.map(Timestamp),
        }))
    }
}

impl Catalog {
    /// Stores that a token is in use. A failure is only logged: who may read must not depend on a write.
    async fn note_use(&self, token: TokenId, at: Timestamp) {
        let noted = sql::run(
            self.store.writer(),
            "UPDATE token SET last_used = $2 WHERE id = $1 AND (last_used IS NULL OR last_used < $2)",
            vec![token.0.into(), at.0.into()],
        )
        .await;
        if let Err(error) = noted {
            tracing::debug!(%error, token = token.0, "the last use of a token was not stored");
        }
    }
}

fn token_row(row: &QueryResult) -> Result<Token, CatalogError> {
    let millis = |column| Ok::<_, CatalogError>(sql::get::<Option<i64>>(row, column)?.map(Timestamp));
    let kind: String = sql::get(row, "kind")?;
    Ok(Token {
        id: TokenId(sql::get(row, "id")?),
        user: UserId(sql::get(row, "user_id")?),
        user_name: sql::get(row, "user_name")?,
        name: sql::get(row, "name")?,
        kind: TokenKind::from_column(&kind),
        created_at: Timestamp(sql::get(row, "created_at")?),
        expires_at: millis("expires_at")?,
        last_used: millis("last_used")?,
    })
}
