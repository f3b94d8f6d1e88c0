//! What a seal holds together.

use super::*;

const CALL: Sealed<'static> = Sealed {
    method: "POST",
    path: "/rpc/v1/ping",
    from: Incarnation(1),
    to: Incarnation(2),
    body: "aa",
};

const ANSWER: SealedAnswer<'static> = SealedAnswer {
    to: "ab",
    status: 200,
    size: "",
    body: "aa",
};

fn key(letter: char) -> Key {
    Key::of(&Secret::new(letter.to_string().repeat(SHORTEST))).unwrap()
}

#[test]
fn every_part_of_a_call_is_sealed() {
    let seal = key('k').seal(&CALL);
    assert!(key('k').fits(&CALL, &seal));
    let others = [
        Sealed {
            method: "GET",
            ..CALL
        },
        Sealed {
            path: "/rpc/v1/ping?",
            ..CALL
        },
        Sealed {
            from: Incarnation(3),
            ..CALL
        },
        Sealed {
            to: Incarnation(3),
            ..CALL
        },
        Sealed { body: "ab", ..CALL },
    ];
    for other in others {
        assert!(!key('k').fits(&other, &seal), "{other:?}");
    }
}

#[test]
fn every_part_of_an_answer_is_sealed() {
    let seal = key('k').seal_answer(&ANSWER);
    assert!(key('k').fits_answer(&ANSWER, &seal));
    let others = [
        SealedAnswer { to: "ac", ..ANSWER },
        SealedAnswer {
            status: 404,
            ..ANSWER
        },
        SealedAnswer { size: "1", ..ANSWER },
        SealedAnswer { body: "ab", ..ANSWER },
    ];
    for other in others {
        assert!(!key('k').fits_answer(&other, &seal), "{other:?}");
    }
}

#[test]
fn another_secret_a_cut_seal_and_no_seal_do_not_fit() {
    let seal = key('k').seal(&CALL);
    assert!(!key('l').fits(&CALL, &seal));
    for wrong in ["", "00", &seal[2..], &seal[..62], "no hex at all"] {
        assert!(!key('k').fits(&CALL, wrong), "{wrong:?}");
    }
}

#[test]
fn a_digest_names_the_secret_and_does_not_show_it() {
    assert_eq!(key('k').digest(), key('k').digest());
    assert_ne!(key('k').digest(), key('l').digest());
    assert!(!key('k').digest().contains("kkkk"));
    assert_eq!(format!("{:?}", key('k')), "Key(***)");
}

#[test]
fn a_short_secret_makes_no_key() {
    let short = Secret::new("k".repeat(SHORTEST - 1));
    assert_eq!(Key::of(&short).unwrap_err(), WeakSecret);
}
