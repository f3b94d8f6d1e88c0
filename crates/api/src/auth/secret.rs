//! Secrets of tokens: random, shown once, stored as hashes.

use catalog::{NewToken, TokenKind, UserId};
use engine::ids::Timestamp;
use rand::TryRngCore;

use crate::auth::identities::token_hash;
use crate::http::problem::Problem;

/// Tokens are recognisable, so that scanners of leaked secrets find them.
const PREFIX: &str = "porp_";
/// The length of the random part: 43 letters of 6 bits hold 256 random bits.
const RANDOM_LETTERS: usize = 43;

/// A new secret with its expiry.
#[derive(Debug)]
pub(crate) struct TokenSecret {
    text: String,
    expires_at: Option<Timestamp>,
}

impl TokenSecret {
    /// Draws a secret from the system's random source.
    pub(crate) fn generate(expires_at: Option<Timestamp>) -> Result<Self, Problem> {
        const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
        let mut bytes = [0_u8; RANDOM_LETTERS];
        rand::rngs::OsRng
            .try_fill_bytes(&mut bytes)
            .map_err(Problem::internal)?;
        let letters = bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
        Ok(Self {
            text: PREFIX.chars().chain(letters).collect(),
            expires_at,
        })
    }

    /// Makes the row that is stored for it.
    pub(crate) fn to_new_token(&self, user: UserId, name: &str, kind: TokenKind) -> NewToken {
        NewToken {
            user,
            name: name.to_owned(),
            kind,
            hash: self.hash(),
            expires_at: self.expires_at,
        }
    }

    /// Returns the stored form.
    pub(crate) fn hash(&self) -> String {
        token_hash(&self.text)
    }

    /// Returns the secret itself, for the one answer that shows it.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
