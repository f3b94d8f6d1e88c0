//! Headers that no node of the cluster has written are refused.

use actix_web::test::TestRequest;
use primitives::secret::Secret;
use proptest::prelude::*;

use super::*;

fn key() -> Key {
    Key::from_secret(&Secret::new("k".repeat(32))).unwrap()
}

fn signed_headers() -> [(&'static str, String); 4] {
    let hash = hash_body(b"null");
    let signature = key().sign_call(&SignedCall {
        method: "POST",
        path: "/rpc/v1/ping",
        from: Incarnation(1),
        to: Incarnation(2),
        body_hash: &hash,
    });
    [
        (wire::FROM, "1".to_owned()),
        (wire::TO, "2".to_owned()),
        (wire::BODY_HASH, hash),
        (wire::SIGNATURE, signature),
    ]
}

fn is_admitted(headers: &[(&'static str, String)]) -> bool {
    let request = TestRequest::post().uri("/rpc/v1/ping");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.insert_header((*name, value.as_bytes()))
    });
    CallHeader::verify(&request.to_http_request(), &key()).is_ok()
}

#[test]
fn a_signed_header_is_admitted_and_needs_every_part() {
    let headers = signed_headers();
    assert!(is_admitted(&headers));
    for missing in 0..headers.len() {
        let mut rest = headers.to_vec();
        rest.remove(missing);
        assert!(!is_admitted(&rest), "without {}", headers[missing].0);
    }
}

proptest! {
    #[test]
    fn a_header_of_any_other_value_is_refused(part in 0..4usize, value in "[ -~]{0,80}") {
        let mut headers = signed_headers();
        // A number may be written in more than one way; the signature covers what it means.
        prop_assume!(value.parse::<i64>().ok() != headers[part].1.parse::<i64>().ok() || part > 1);
        prop_assume!(!value.trim().eq_ignore_ascii_case(&headers[part].1));
        headers[part].1 = value;
        prop_assert!(!is_admitted(&headers));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused(part in 0..4usize, bytes in proptest::collection::vec(0x80u8..=0xff, 1..80)) {
        let headers = signed_headers();
        let mut request = TestRequest::post().uri("/rpc/v1/ping");
        for (at, (name, value)) in headers.iter().enumerate() {
            let value = if at == part { bytes.as_slice() } else { value.as_bytes() };
            request = request.insert_header((*name, value));
        }
        prop_assert!(CallHeader::verify(&request.to_http_request(), &key()).is_err());
    }
}
