//! The signature that makes a call one of this cluster: HMAC-SHA256 by the secret that all nodes share.
//!
//! A signature covers where a call goes, both incarnations and the body; that of a reply covers the call that it
//! answers. So neither can be altered, redirected or swapped. A repeated call is harmless by its uid, epoch or key, so
//! there is no clock and no memory of signatures here.

use engine::ids::Incarnation;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use primitives::secret::Secret;

/// Characters that a secret needs to resist guessing.
const MIN_SECRET_LENGTH: usize = 32;

/// The cluster's secret, ready to sign with. It is never printed.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// The secret is too short to sign anything with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster's secret must have at least {MIN_SECRET_LENGTH} characters")]
pub struct WeakSecret;

/// The parts of a call that its signature covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedCall<'a> {
    pub(super) method: &'a str,
    /// With the query, if there is one.
    pub(super) path: &'a str,
    pub(super) from: Incarnation,
    pub(super) to: Incarnation,
    pub(super) body_hash: &'a str,
}

/// The parts of a reply that its signature covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedReply<'a> {
    /// The signature of the call.
    pub(super) call: &'a str,
    pub(super) status: u16,
    pub(super) body_hash: &'a str,
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
    pub fn from_secret(secret: &Secret) -> Result<Self, WeakSecret> {
        let text = secret.reveal();
        if text.chars().count() < MIN_SECRET_LENGTH {
            return Err(WeakSecret);
        }
        Hmac::new_from_slice(text.as_bytes())
            .map(Self)
            .map_err(|_| WeakSecret)
    }

    /// Returns what nodes compare to learn whether their secrets are the same; it signs no call and reveals nothing
    /// of the secret.
    pub fn digest(&self) -> String {
        self.sign_text("the secret of this cluster")
    }

    /// Returns the bytes of a key for another purpose than signing, which reveal nothing of the secret.
    pub(super) fn derive(&self, purpose: &str) -> Vec<u8> {
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    pub(super) fn sign_call(&self, call: &SignedCall<'_>) -> String {
        self.sign_text(&call.text())
    }

    pub(super) fn verify_call(&self, call: &SignedCall<'_>, signature: &str) -> bool {
        self.verify_text(&call.text(), signature)
    }

    pub(super) fn sign_reply(&self, reply: &SignedReply<'_>) -> String {
        self.sign_text(&reply.text())
    }

    pub(super) fn verify_reply(&self, reply: &SignedReply<'_>, signature: &str) -> bool {
        self.verify_text(&reply.text(), signature)
    }

    fn sign_text(&self, text: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Compares in constant time.
    fn verify_text(&self, text: &str, signature: &str) -> bool {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        hex::decode(signature).is_ok_and(|signature| mac.verify_slice(&signature).is_ok())
    }
}

impl SignedCall<'_> {
    /// No part can hold a line break, so no two calls have the same text.
    fn text(&self) -> String {
        let Self {
            method,
            path,
            from,
            to,
            body_hash,
        } = self;
        format!("call\n{method}\n{path}\n{from}\n{to}\n{body_hash}")
    }
}

impl SignedReply<'_> {
    fn text(&self) -> String {
        let Self {
            call,
            status,
            body_hash,
        } = self;
        format!("reply\n{call}\n{status}\n{body_hash}")
    }
}

/// Returns the SHA-256 of a body in hex.
pub(super) fn hash_body(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests;
