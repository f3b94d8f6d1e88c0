//! One key, and what it seals.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use primitives::secret::Secret;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Bytes of a key's hash that name it.
const ID_BYTES: usize = 4;

/// What a key is known by: the first hex digits of its SHA-256. It says nothing about the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Takes an id out of a stored text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no key. Neither the text nor a part of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is {KEY_BYTES} bytes in base64; make one with `openssl rand -base64 {KEY_BYTES}`")]
pub struct WrongKey;

/// A key that seals and opens.
pub struct SealingKey {
    id: KeyId,
    key: LessSafeKey,
}

impl SealingKey {
    /// Reads a key as it stands in a key file.
    ///
    /// # Errors
    /// The text is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, WrongKey> {
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| WrongKey)?);
        Self::from_bytes(&bytes)
    }

    /// Takes the bytes of a key.
    ///
    /// # Errors
    /// There are not 32 of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrongKey> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| WrongKey)?;
        let hash = digest(&SHA256, bytes);
        Ok(Self {
            id: KeyId(hex::encode(&hash.as_ref()[..ID_BYTES])),
            key: LessSafeKey::new(key),
        })
    }

    /// Makes a new key, as the line of a key file.
    ///
    /// # Panics
    /// When the system has no random bytes.
    pub fn generate_base64() -> Secret {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill_random(bytes.as_mut());
        Secret::new(STANDARD.encode(*bytes))
    }

    /// Returns what the key is known by.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Seals a text; only a holder of the key who names the same context opens it.
    ///
    /// # Panics
    /// When the system has no random bytes.
    pub fn seal(&self, context: &[u8], text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.seal_bytes(context, text.as_bytes()))
    }

    /// Seals bytes; see `seal`.
    ///
    /// # Panics
    /// When the system has no random bytes.
    pub fn seal_bytes(&self, context: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce);
        let mut body = bytes.to_vec();
        // A text is far below the 64 GiB that one nonce can seal.
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
            .unwrap_or_else(|_| unreachable!("a text is never too long to be sealed"));
        [&nonce[..], &body[..]].concat()
    }

    /// Opens what `seal` made with the same context; none when it is something else.
    pub fn open(&self, context: &[u8], sealed: &str) -> Option<Secret> {
        let text = self.open_bytes(context, &URL_SAFE_NO_PAD.decode(sealed).ok()?)?;
        str::from_utf8(&text).ok().map(Secret::new)
    }

    /// Opens what `seal_bytes` made with the same context; none when it is something else.
    pub fn open_bytes(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .key
            .open_in_place(nonce, Aad::from(context), &mut body)
            .ok()?
            .len();
        body.truncate(length);
        Some(body)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealingKey").field(&self.id).finish()
    }
}

fn fill_random(bytes: &mut [u8]) {
    SystemRandom::new()
        .fill(bytes)
        .unwrap_or_else(|_| panic!("the system has no random bytes"));
}
