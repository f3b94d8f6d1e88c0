use super::*;

fn keys() -> Vec<String> {
    vec!["user:a".to_owned(), "from:1".to_owned()]
}

#[tokio::test]
async fn only_the_right_password_fits() {
    let passwords = Passwords::new();
    let stored = passwords
        .hash_password("correct horse".to_owned(), "/password")
        .await
        .unwrap();
    assert!(stored.starts_with("$argon2id$"), "{stored}");
    assert!(
        passwords
            .verify_password("correct horse".to_owned(), Some(stored.clone()))
            .await
            .unwrap()
    );
    assert!(
        !passwords
            .verify_password("correct hors".to_owned(), Some(stored))
            .await
            .unwrap()
    );
    assert!(
        !passwords
            .verify_password("a password that no user has".to_owned(), None)
            .await
            .unwrap()
    );
    assert!(
        passwords
            .hash_password("short".to_owned(), "/password")
            .await
            .is_err()
    );
}

#[test]
fn the_sixth_failure_makes_the_account_and_the_address_wait() {
    let passwords = Passwords::new();
    for _ in 0..FREE_FAILURES {
        assert!(passwords.check_allowed(&keys()).is_ok());
        passwords.record_failure(&keys());
    }
    assert!(passwords.check_allowed(&keys()).is_ok());
    passwords.record_failure(&keys());
    assert_eq!(
        passwords.check_allowed(&keys()).unwrap_err().code(),
        Code::TooManyRequests
    );
    passwords.record_success("user:a");
    assert!(passwords.check_allowed(&["user:a".to_owned()]).is_ok());
    assert!(passwords.check_allowed(&["from:1".to_owned()]).is_err());
}

#[test]
fn waits_grow_up_to_a_limit() {
    let after = |count| {
        Failures {
            count,
            last: Instant::now(),
        }
        .remaining_delay()
    };
    assert!(after(FREE_FAILURES + 2) > after(FREE_FAILURES + 1));
    assert!(after(1000) <= MAX_DELAY && after(1000) > MAX_DELAY / 2);
}
