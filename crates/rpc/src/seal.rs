//! What makes a call one of this cluster: HMAC-SHA256 by the secret that all nodes share.
//!
//! A seal covers where a call goes, both lives and the body; an answer's seal covers the call that it belongs to, so
//! that neither can be altered, redirected or swapped. A repeated call is harmless by its uid, epoch or key, so there
//! is no clock and no memory of seals here.

use engine::ids::Incarnation;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use primitives::secret::Secret;

/// A shorter secret could be guessed.
const SHORTEST: usize = 32;

/// The cluster's secret, ready for use. It is never printed.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// The secret is too short to seal anything with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster's secret must have at least {SHORTEST} characters")]
pub struct WeakSecret;

/// What of a call is sealed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed<'a> {
    pub(super) method: &'a str,
    /// With the query, if there is one.
    pub(super) path: &'a str,
    pub(super) from: Incarnation,
    pub(super) to: Incarnation,
    /// The body's `fingerprint`.
    pub(super) body: &'a str,
}

/// What of an answer is sealed.
#[derive(Debug, Clone, Copy)]
pub(super) struct SealedAnswer<'a> {
    /// The seal of the call.
    pub(super) to: &'a str,
    pub(super) status: u16,
    /// The size of a log, in the answer about one; else empty.
    pub(super) size: &'a str,
    /// The body's `fingerprint`.
    pub(super) body: &'a str,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    /// Makes the key of a secret.
    ///
    /// # Errors
    /// When the secret is shorter than 32 characters: the operator has to choose another.
    pub fn of(secret: &Secret) -> Result<Self, WeakSecret> {
        let text = secret.reveal();
        if text.chars().count() < SHORTEST {
            return Err(WeakSecret);
        }
        Hmac::new_from_slice(text.as_bytes())
            .map(Self)
            .map_err(|_| WeakSecret)
    }

    /// Returns what nodes compare to learn whether their secrets are the same; it fits no call and tells nothing of
    /// the secret.
    pub fn digest(&self) -> String {
        self.over("the secret of this cluster")
    }

    pub(super) fn seal(&self, call: &Sealed<'_>) -> String {
        self.over(&call.text())
    }

    pub(super) fn fits(&self, call: &Sealed<'_>, seal: &str) -> bool {
        self.is_over(&call.text(), seal)
    }

    pub(super) fn seal_answer(&self, answer: &SealedAnswer<'_>) -> String {
        self.over(&answer.text())
    }

    pub(super) fn fits_answer(&self, answer: &SealedAnswer<'_>, seal: &str) -> bool {
        self.is_over(&answer.text(), seal)
    }

    fn over(&self, text: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Compares in constant time.
    fn is_over(&self, text: &str, seal: &str) -> bool {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        hex::decode(seal).is_ok_and(|seal| mac.verify_slice(&seal).is_ok())
    }
}

impl Sealed<'_> {
    /// No part can hold a line's end, so no two calls have the same text.
    fn text(&self) -> String {
        let Self {
            method,
            path,
            from,
            to,
            body,
        } = self;
        format!("call\n{method}\n{path}\n{from}\n{to}\n{body}")
    }
}

impl SealedAnswer<'_> {
    fn text(&self) -> String {
        let Self {
            to,
            status,
            size,
            body,
        } = self;
        format!("answer\n{to}\n{status}\n{size}\n{body}")
    }
}

/// Returns the SHA-256 of a body in hex.
pub(super) fn fingerprint(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests;
