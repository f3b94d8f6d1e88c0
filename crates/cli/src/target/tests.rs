use super::*;
use primitives::environment::Environment;
use std::os::unix::fs::PermissionsExt;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_environment(&Environment::from_variables(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    ))
}

fn found(target: &Target) -> (&str, Option<&str>) {
    (target.url().as_str(), target.token().map(OriginalToken::reveal))
}

#[test]
fn the_flag_beats_the_environment_which_beats_the_context() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let bare = settings(&[("XDG_CONFIG_HOME", folder)]);
    assert_eq!(found(&Target::find(None, &bare).unwrap()).0, DEFAULT_URL);
    let context = Context {
        url: "http://context".to_owned(),
        token: Some("secret".to_owned()),
    };
    let contexts = Contexts {
        current: Some("c".to_owned()),
        contexts: [("c".to_owned(), context)].into(),
    };
    contexts.save(&bare).unwrap();
    assert_eq!(
        found(&Target::find(None, &bare).unwrap()),
        ("http://context", Some("secret"))
    );
    let env = settings(&[
        ("XDG_CONFIG_HOME", folder),
        ("PORPOISE_URL", "http://env/"),
        ("PORPOISE_TOKEN", "t"),
    ]);
    assert_eq!(
        found(&Target::find(None, &env).unwrap()),
        ("http://env", Some("t"))
    );
    assert_eq!(
        found(&Target::find(Some("http://flag"), &env).unwrap()).0,
        "http://flag"
    );
}

#[test]
fn the_token_of_a_context_goes_to_no_other_server() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(&[("XDG_CONFIG_HOME", home.path().to_str().unwrap())]);
    let context = Context {
        url: "http://context".to_owned(),
        token: Some("secret".to_owned()),
    };
    let contexts = Contexts {
        current: Some("c".to_owned()),
        contexts: [("c".to_owned(), context)].into(),
    };
    contexts.save(&settings).unwrap();
    let elsewhere = Target::find(Some("http://elsewhere"), &settings).unwrap();
    assert_eq!(found(&elsewhere).1, None);
    let hint = elsewhere.token_hint();
    assert!(hint.contains("context `c` is for http://context"), "{hint}");
}

#[test]
fn contexts_are_for_their_owner_only() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(&[("XDG_CONFIG_HOME", home.path().to_str().unwrap())]);
    Contexts::default().save(&settings).unwrap();
    let mode = fs::metadata(settings.contexts_file.unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_context_that_does_not_exist_is_not_found() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let failure = Target::find(
        None,
        &settings(&[("XDG_CONFIG_HOME", folder), ("PORPOISE_CONTEXT", "x")]),
    )
    .unwrap_err();
    assert_eq!(failure.exit, Exit::NotFound);
}

#[test]
fn a_token_is_one_line_without_blanks_inside() {
    assert_eq!(check_token(" abc-1.x_y=\r\n").unwrap().reveal(), "abc-1.x_y=");
    for (text, part) in [
        ("", "empty"),
        (" \n", "empty"),
        ("a\nb", "a line end"),
        ("a b", "` `"),
        ("ä", "`\\u{e4}`"),
    ] {
        let refusal = check_token(text).unwrap_err();
        assert!(refusal.contains(part), "{text:?}: {refusal}");
    }
}
