//! Signatures by HMAC-SHA256, by which receivers know the sender.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::ids::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Returns the value of `Porpoise-Signature`: over the time, a dot and the body.
pub(crate) fn sign_webhook(key: &str, at: Timestamp, body: &str) -> String {
    let seconds = at.0.div_euclid(1000);
    let code = hmac_sha256(key, &format!("{seconds}.{body}"));
    format!("t={seconds},v1={}", hex::encode(code))
}

/// Returns the `sign` of DingTalk: by the key, over the time in milliseconds, a newline and the key.
pub(crate) fn sign_dingtalk(key: &str, at: Timestamp) -> String {
    STANDARD.encode(hmac_sha256(key, &format!("{}\n{key}", at.0)))
}

/// Returns the `sign` of Feishu: by the time in seconds, a newline and the key, over nothing.
pub(crate) fn sign_feishu(key: &str, seconds: i64) -> String {
    STANDARD.encode(hmac_sha256(&format!("{seconds}\n{key}"), ""))
}

fn hmac_sha256(key: &str, text: &str) -> Vec<u8> {
    // A key of any length is one.
    let mut code = <Hmac<Sha256>>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    code.update(text.as_bytes());
    code.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_rfc_4231() {
        let code = hmac_sha256("Jefe", "what do ya want for nothing?");
        assert_eq!(
            hex::encode(code),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn signatures_are_those_of_the_code_in_the_documentation_of_each_service() {
        // Values of the documented Python code with this key and time.
        let sign = sign_dingtalk("SEC000000000000000000000", Timestamp(1_516_435_200_000));
        assert_eq!(sign, "NOgPXD/p6XUw783J093wRH4XFvzXDx8YM0c9Qhc+AIk=");
        let sign = sign_feishu("demo", 1_599_360_473);
        assert_eq!(sign, "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
        let sign = sign_webhook("whsec", Timestamp(1_700_000_000_999), "{\"a\":1}");
        let code = "8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032";
        assert_eq!(sign, format!("t=1700000000,v1={code}"));
    }
}
