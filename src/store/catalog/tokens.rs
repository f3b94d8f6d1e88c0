//! Tokens prove who asks; only their hashes are stored.

use engine::ids::Millis;

use super::{Catalog, CatalogError, Page, PageRequest, Request, Role, UserId};

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
    pub expires_at: Option<Millis>,
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
    pub created_at: Millis,
    /// When it ends by itself.
    pub expires_at: Option<Millis>,
    /// About when it was last used (to the minute).
    pub last_used: Option<Millis>,
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
}

impl Catalog {
    /// Stores a token.
    ///
    /// # Errors
    /// `NotFound`: the user is gone.
    pub async fn create_token(&self, new: &NewToken, request: &Request) -> Result<Token, CatalogError> {
        self.later()
    }

    /// Lists the tokens of a user, or of all, newest first; without sessions, revoked and expired ones.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn tokens(
        &self,
        user: Option<UserId>,
        at: Millis,
        page: &PageRequest,
    ) -> Result<Page<Token>, CatalogError> {
        self.later()
    }

    /// Reads a token that is not revoked; none otherwise.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn token(&self, id: TokenId) -> Result<Option<Token>, CatalogError> {
        self.later()
    }

    /// Revokes a token; also the end of a session.
    ///
    /// # Errors
    /// `NotFound`: there is none, or it was revoked.
    pub async fn delete_token(&self, id: TokenId, request: &Request) -> Result<(), CatalogError> {
        self.later()
    }

    /// Says who holds the token of this hash; none when it is unknown, revoked or expired, or its user disabled.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn authenticate(&self, token_hash: &str, at: Millis) -> Result<Option<Identity>, CatalogError> {
        self.later()
    }
}
