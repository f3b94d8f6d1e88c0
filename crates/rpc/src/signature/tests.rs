//! What a signature covers.

use super::*;

const CALL: SignedCall<'static> = SignedCall {
    method: "POST",
    path: "/rpc/v1/ping",
    from: Incarnation(1),
    to: Incarnation(2),
    body_hash: "aa",
};

const REPLY: SignedReply<'static> = SignedReply {
    call: "ab",
    status: 200,
    body_hash: "aa",
};

fn key(letter: char) -> Key {
    Key::from_secret(&Secret::new(letter.to_string().repeat(MIN_SECRET_LENGTH))).unwrap()
}

#[test]
fn every_part_of_a_call_is_signed() {
    let signature = key('k').sign_call(&CALL);
    assert!(key('k').verify_call(&CALL, &signature));
    let others = [
        SignedCall {
            method: "GET",
            ..CALL
        },
        SignedCall {
            path: "/rpc/v1/ping?",
            ..CALL
        },
        SignedCall {
            from: Incarnation(3),
            ..CALL
        },
        SignedCall {
            to: Incarnation(3),
            ..CALL
        },
        SignedCall {
            body_hash: "ab",
            ..CALL
        },
    ];
    for other in others {
        assert!(!key('k').verify_call(&other, &signature), "{other:?}");
    }
}

#[test]
fn every_part_of_a_reply_is_signed() {
    let signature = key('k').sign_reply(&REPLY);
    assert!(key('k').verify_reply(&REPLY, &signature));
    let others = [
        SignedReply { call: "ac", ..REPLY },
        SignedReply { status: 404, ..REPLY },
        SignedReply {
            body_hash: "ab",
            ..REPLY
        },
    ];
    for other in others {
        assert!(!key('k').verify_reply(&other, &signature), "{other:?}");
    }
}

#[test]
fn another_secret_a_cut_signature_and_none_are_refused() {
    let signature = key('k').sign_call(&CALL);
    assert!(!key('l').verify_call(&CALL, &signature));
    for wrong in ["", "00", &signature[2..], &signature[..62], "no hex at all"] {
        assert!(!key('k').verify_call(&CALL, wrong), "{wrong:?}");
    }
}

#[test]
fn a_digest_identifies_the_secret_without_revealing_it() {
    assert_eq!(key('k').digest(), key('k').digest());
    assert_ne!(key('k').digest(), key('l').digest());
    assert!(!key('k').digest().contains("kkkk"));
    assert_eq!(format!("{:?}", key('k')), "Key(***)");
}

#[test]
fn a_short_secret_makes_no_key() {
    let short = Secret::new("k".repeat(MIN_SECRET_LENGTH - 1));
    assert_eq!(Key::from_secret(&short).unwrap_err(), WeakSecret);
}
