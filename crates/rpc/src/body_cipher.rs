//! Hides the body of a call that holds secrets: AES-256-GCM under a key that follows from the cluster's secret.
//!
//! The signature covers the hidden body like any other; the path is bound to it, so that it is read at that path only.

use std::borrow::Cow;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::signature::Key;

/// How a hidden body begins; JSON never begins so.
const MARK: &[u8] = b"P1";

/// What the key is derived for; no call is signed over this text.
const PURPOSE: &str = "the bodies of calls that hold secrets";

/// A body cannot be hidden or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hidden body of a call cannot be read")]
pub(super) struct UnreadableBody;

/// Returns what stands for the path in the hidden reply to a call, so that neither is taken for the other.
pub(super) fn reply_path(path: &str) -> String {
    format!("reply to {path}")
}

/// Hides a body on its way to a path.
pub(super) fn hide_body(key: &Key, path: &str, body: Vec<u8>) -> Result<Vec<u8>, UnreadableBody> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| UnreadableBody)?;
    let mut hidden = body;
    cipher(key)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(path.as_bytes()),
            &mut hidden,
        )
        .map_err(|_| UnreadableBody)?;
    Ok([MARK, &nonce, &hidden].concat())
}

/// Returns the body that came to a path, hidden or not.
pub(super) fn reveal_body<'b>(
    key: &Key,
    path: &str,
    body: &'b [u8],
) -> Result<Cow<'b, [u8]>, UnreadableBody> {
    let Some(hidden) = body.strip_prefix(MARK) else {
        return Ok(body.into());
    };
    let (nonce, hidden) = hidden.split_at_checked(NONCE_LEN).ok_or(UnreadableBody)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| UnreadableBody)?;
    let mut hidden = hidden.to_vec();
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(path.as_bytes()), &mut hidden);
    Ok(opened.map_err(|_| UnreadableBody)?.to_vec().into())
}

fn cipher(key: &Key) -> Result<LessSafeKey, UnreadableBody> {
    let key = UnboundKey::new(&AES_256_GCM, &key.derive(PURPOSE));
    key.map(LessSafeKey::new).map_err(|_| UnreadableBody)
}

#[cfg(test)]
mod tests {
    use primitives::secret::Secret;

    use super::*;

    const BODY: &[u8] = br#"{"version":1,"call":{"password":"open sesame"}}"#;

    fn key(letter: &str) -> Key {
        Key::from_secret(&Secret::new(letter.repeat(32))).expect("a key")
    }

    #[test]
    fn a_hidden_body_is_read_at_its_path_by_its_cluster_only() {
        let hidden = hide_body(&key("a"), "/rpc/v1/worker/dispatch", BODY.to_vec()).expect("hidden");
        assert!(!hidden.windows(6).any(|part| part == b"sesame"), "{hidden:?}");
        let read = |key: &Key, path: &str| reveal_body(key, path, &hidden).map(Cow::into_owned);
        assert_eq!(read(&key("a"), "/rpc/v1/worker/dispatch"), Ok(BODY.to_vec()));
        assert_eq!(read(&key("a"), "/rpc/v1/worker/kill"), Err(UnreadableBody));
        assert_eq!(read(&key("b"), "/rpc/v1/worker/dispatch"), Err(UnreadableBody));
        let again = hide_body(&key("a"), "/rpc/v1/worker/dispatch", BODY.to_vec()).expect("hidden");
        assert_ne!(again, hidden, "each has its own nonce");
    }

    #[test]
    fn any_other_body_stays_or_is_refused() {
        assert_eq!(reveal_body(&key("a"), "/x", BODY), Ok(BODY.into()));
        for broken in [&b"P1"[..], b"P1short", b"P1and more than a nonce of twelve bytes"] {
            assert_eq!(reveal_body(&key("a"), "/x", broken), Err(UnreadableBody));
        }
    }
}
