use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use api::PublicAddress;
use ports::RetentionLimit;
use primitives::environment::Environment;
use proptest::prelude::*;
use secrets::KeySource;

use super::keys::KEYS;
use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from_variables(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn flags(values: &[(&'static str, &str)]) -> Flags {
    Flags {
        file: None,
        values: values
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect(),
    }
}

fn standalone(flags: &Flags, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_sources(Mode::Standalone, flags, &environment(pairs))
}

#[test]
fn defaults_are_those_of_the_contract() {
    let config = standalone(&Flags::default(), &[]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(config.server.data, PathBuf::from("./data"));
    assert_eq!(config.server.drain_timeout, Duration::from_secs(30));
    assert_eq!(config.node_name(), "standalone");
    assert_eq!(config.database_url().reveal(), "sqlite://./data/porpoise.db");
    assert!(config.worker.slots >= 8);
}

#[test]
fn the_keys_of_secrets_come_from_one_place() {
    let own = standalone(&Flags::default(), &[]).unwrap().key_source();
    assert!(matches!(own, KeySource::File(path) if path.as_os_str() == "./data/secrets.key"));
    let key = ("PORPOISE__SECRETS__KEY", "a line");
    let file = ("PORPOISE__SECRETS__KEY_FILE", "/etc/porpoise/secrets.key");
    let text = standalone(&Flags::default(), &[key]).unwrap().key_source();
    assert!(matches!(text, KeySource::Text(text) if text.reveal() == "a line"));
    // The path, and not what the file holds: it is read again.
    let named = standalone(&Flags::default(), &[file]).unwrap().key_source();
    assert!(matches!(named, KeySource::File(path) if path.as_os_str() == file.1));
    let both = standalone(&Flags::default(), &[key, file])
        .unwrap_err()
        .to_string();
    assert!(both.contains("leave one out") && !both.contains(key.1), "{both}");
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_beats_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("porpoise.toml");
    fs::write(
        &file,
        "[worker]\nslots = 3\ngroup = \"file\"\n[server]\ndata = \"file\"\nroles = [\"api\", \"master\"]\n",
    )
    .unwrap();
    let mut flags = flags(&[("server.data", "flag")]);
    flags.file = Some(file);
    let config = standalone(
        &flags,
        &[
            ("PORPOISE__SERVER__DATA", "environment"),
            ("PORPOISE__WORKER__GROUP", "environment"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.data, PathBuf::from("flag"));
    assert_eq!(config.worker.group, "environment");
    assert_eq!(config.worker.slots, 3);
    assert_eq!(config.server.roles, [Role::Master, Role::Api]);
}

#[test]
fn empty_variables_count_as_not_set() {
    let config = standalone(
        &Flags::default(),
        &[
            ("PORPOISE__AUTH__BOOTSTRAP_TOKEN", ""),
            ("PORPOISE__SERVER__LISTEN", ""),
        ],
    )
    .unwrap();
    assert!(config.auth.bootstrap_token.is_none());
    assert_eq!(config.server.listen.port(), 7070);
}

#[test]
fn all_mistakes_are_reported_together_with_their_keys() {
    let error = standalone(
        &flags(&[("server.drain_timeout", "soon")]),
        &[
            ("PORPOISE__SERVER__LISTEN", "here"),
            ("PORPOISE__WORKER__SLOT", "4"),
            ("PORPOISE__WORKER__SLOTS", "0"),
            ("PORPOISE__LOG__LEVEL", "info=loud"),
            ("PORPOISE__AUTH__BOOTSTRAP_TOKEN", "short"),
        ],
    )
    .unwrap_err();
    let text = error.to_string();
    for part in [
        "server.listen: `here`",
        "environment PORPOISE__SERVER__LISTEN",
        "worker.slot: there is no such key",
        "did you mean `worker.slots`?",
        "worker.slots: `0`",
        "log.level: `info=loud`",
        "server.drain_timeout: `soon` is not a duration",
        "(flag)",
        "auth.bootstrap_token: must have at least 32",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains("short"), "a secret is not repeated: {text}");
}

#[test]
fn the_configuration_is_not_shown_with_values_that_it_cannot_have() {
    let wrong = environment(&[("PORPOISE__WORKER__SLOTZ", "4"), ("PORPOISE__WORKER__SLOTS", "0")]);
    let text = list_keys(&Flags::default(), &wrong).unwrap_err().to_string();
    for part in ["worker.slotz: there is no such key", "worker.slots: `0`"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn secrets_come_from_files_and_are_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let token = "t".repeat(40);
    fs::write(&file, format!("{token}\n")).unwrap();
    let pairs = [
        ("PORPOISE__AUTH__BOOTSTRAP_TOKEN_FILE", file.to_str().unwrap()),
        ("PORPOISE__DATABASE__URL", "postgres://me:pass@word@db/x"),
    ];
    let config = standalone(&Flags::default(), &pairs).unwrap();
    assert_eq!(config.auth.bootstrap_token.as_ref().unwrap().reveal(), token);
    assert!(!format!("{config:?}").contains(&token));
    let shown = list_keys(&Flags::default(), &environment(&pairs)).unwrap();
    let value = |key: &str| shown.iter().find(|line| line.key == key).unwrap();
    assert_eq!(value("auth.bootstrap_token").value, "***");
    assert_eq!(value("database.url").value, "postgres://me:***@db/x");
    assert_eq!(
        value("database.url").origin.to_string(),
        "environment PORPOISE__DATABASE__URL"
    );
    assert_eq!(value("server.data").origin, Origin::Default);
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Flags {
        file: Some(folder.path().join("none.toml")),
        values: Vec::new(),
    };
    assert!(
        standalone(&missing, &[])
            .unwrap_err()
            .to_string()
            .contains("none.toml")
    );
    let broken = folder.path().join("broken.toml");
    fs::write(&broken, "[server\n").unwrap();
    let broken = Flags {
        file: Some(broken),
        values: Vec::new(),
    };
    assert!(
        standalone(&broken, &[])
            .unwrap_err()
            .to_string()
            .contains("broken.toml")
    );
}

#[test]
fn a_node_of_a_cluster_names_everything_that_it_lacks() {
    let error = Config::from_sources(Mode::Cluster, &Flags::default(), &environment(&[])).unwrap_err();
    for flag in ["--database-url", "--consul", "--cluster-secret-file"] {
        assert!(error.to_string().contains(flag), "{flag}: {error}");
    }
}

#[test]
fn things_are_kept_for_a_day_at_least_or_for_ever() {
    let limits = |pairs: &[(&str, &str)]| standalone(&Flags::default(), pairs).map(|config| config.retention);
    let defaults = limits(&[]).unwrap();
    assert_eq!(defaults.instances.to_string(), "90d");
    assert_eq!(
        (defaults.audit.to_string(), defaults.batch),
        ("365d".to_owned(), 2_000)
    );
    let never = limits(&[("PORPOISE__RETENTION__INSTANCES", "never")]).unwrap();
    assert_eq!(never.instances, RetentionLimit::Never);
    for wrong in ["23h", "soon"] {
        let mistake = limits(&[("PORPOISE__RETENTION__INSTANCES", wrong)]).unwrap_err();
        assert!(mistake.to_string().contains("retention.instances"), "{mistake}");
    }
    assert!(limits(&[("PORPOISE__RETENTION__BATCH", "0")]).is_err());
}

#[test]
fn masters_rebalance_unless_configured_otherwise() {
    assert!(standalone(&Flags::default(), &[]).unwrap().master.rebalance);
    let off = standalone(&Flags::default(), &[("PORPOISE__MASTER__REBALANCE", "false")]);
    assert!(!off.unwrap().master.rebalance);
    let wrong = standalone(&Flags::default(), &[("PORPOISE__MASTER__REBALANCE", "a bit")]);
    assert!(
        wrong
            .unwrap_err()
            .to_string()
            .contains("master.rebalance: `a bit`")
    );
}

fn node(values: &[(&'static str, &str)], pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let secret = "s".repeat(40);
    let mut all = vec![("database.url", "postgres://db/x"), ("cluster.secret", &*secret)];
    all.extend(values);
    Config::from_sources(Mode::Cluster, &flags(&all), &environment(pairs))
}

#[test]
fn the_address_of_the_agent_is_read_as_consuls_own_tools_read_it() {
    for (address, ssl, url) in [
        ("consul:8500", "", "http://consul:8500"),
        ("consul:8501", "1", "https://consul:8501"),
        ("consul:8501", "True", "https://consul:8501"),
        ("consul:8500", "false", "http://consul:8500"),
        ("http://consul:8501", "true", "https://consul:8501"),
        ("https://consul:8501", "", "https://consul:8501"),
        ("unix:///run/consul.sock", "", "unix:///run/consul.sock"),
    ] {
        let pairs = [("CONSUL_HTTP_ADDR", address), ("CONSUL_HTTP_SSL", ssl)];
        let config = node(&[], &pairs).unwrap();
        assert_eq!(config.consul.url.as_deref(), Some(url), "{address} {ssl}");
    }
    let refused = node(&[], &[("CONSUL_HTTP_ADDR", "ftp://user:pass-word@consul")]).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("consul.url: should begin with") && refused.contains("CONSUL_HTTP_ADDR"),
        "{refused}"
    );
    assert!(!refused.contains("pass-word"), "{refused}");
    let refused = node(&[], &[("CONSUL_HTTP_ADDR", "c:1"), ("CONSUL_HTTP_SSL", "yes")]).unwrap_err();
    assert!(
        refused.to_string().contains("CONSUL_HTTP_SSL: `yes`"),
        "{refused}"
    );
}

#[test]
fn every_variable_of_consuls_own_tools_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "from-the-file\n").unwrap();
    let pairs = [
        ("CONSUL_HTTP_ADDR", "consul:8501"),
        ("CONSUL_HTTP_SSL", "true"),
        ("CONSUL_HTTP_SSL_VERIFY", "FALSE"),
        ("CONSUL_HTTP_TOKEN", "from-the-variable"),
        ("CONSUL_HTTP_TOKEN_FILE", file.to_str().unwrap()),
        ("CONSUL_HTTP_AUTH", "user:pass-word"),
        ("CONSUL_CACERT", "/ca.pem"),
        ("CONSUL_CAPATH", "/ca"),
        ("CONSUL_CLIENT_CERT", "/cert.pem"),
        ("CONSUL_CLIENT_KEY", "/key.pem"),
        ("CONSUL_TLS_SERVER_NAME", "server.dc1.consul"),
        ("CONSUL_NAMESPACE", "team"),
        ("CONSUL_PARTITION", "part"),
    ];
    let consul = node(&[], &pairs).unwrap().consul;
    assert_eq!(consul.token.as_ref().unwrap().reveal(), "from-the-file");
    assert_eq!(consul.http_auth.as_ref().unwrap().reveal(), "user:pass-word");
    assert_eq!(consul.namespace.as_deref(), Some("team"));
    assert_eq!(consul.partition.as_deref(), Some("part"));
    assert_eq!(consul.tls.ca_file, Some(PathBuf::from("/ca.pem")));
    assert_eq!(consul.tls.ca_path, Some(PathBuf::from("/ca")));
    assert_eq!(consul.tls.server_name.as_deref(), Some("server.dc1.consul"));
    assert_eq!(consul.tls.identity, Some(("/cert.pem".into(), "/key.pem".into())));
    assert!(!consul.tls.verify);
    let ours = node(&[("consul.url", "http://ours:1")], &pairs).unwrap();
    assert_eq!(
        ours.consul.url.as_deref(),
        Some("http://ours:1"),
        "our own keys win"
    );
    let alone = standalone(&Flags::default(), &[("CONSUL_HTTP_TOKEN_FILE", "/none")]);
    assert!(
        alone.is_ok(),
        "a standalone process does not use Consul: {alone:?}"
    );
}

fn variable_of(key: &str) -> String {
    format!("PORPOISE__{}", key.to_ascii_uppercase().replace('.', "__"))
}

fn any_value() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "true",
        "0",
        "-1",
        "90s",
        "1h30m",
        "64MiB",
        "master,api",
        "127.0.0.1:7070",
        "host:1",
        "[::1]:0",
        "postgres://u:p@h/d",
        "https://h:8501",
        "unix:///s",
        "info,x=debug",
        "json",
        "99999999999999999999",
    ]);
    prop_oneof![words.prop_map(str::to_owned), "\\PC{0,40}"]
}

proptest! {
    #[test]
    fn any_variable_gives_a_value_or_a_mistake_with_the_name_of_its_key(
        index in 0..KEYS.len(),
        value in any_value(),
    ) {
        let key = KEYS[index].name();
        let pairs = [(variable_of(key), value)];
        let environment = Environment::from_variables(pairs);
        for mode in [Mode::Standalone, Mode::Cluster] {
            let loaded = Config::from_sources(mode, &Flags::default(), &environment);
            let listed = list_keys(&Flags::default(), &environment);
            if mode == Mode::Standalone {
                prop_assert_eq!(loaded.is_ok(), listed.is_ok());
            }
            if let Err(error) = listed {
                prop_assert!(error.mistakes.iter().all(|mistake| mistake.contains(key)), "{error}");
            }
        }
    }

    #[test]
    fn any_file_gives_a_configuration_or_mistakes(
        text in prop_oneof![
            "\\PC{0,60}",
            (0..KEYS.len(), any_value()).prop_map(|(index, value)| {
                format!("{} = {value}", KEYS[index].name())
            }),
            (0..KEYS.len(), any_value()).prop_map(|(index, value)| {
                format!("{} = [{value:?}, 1]", KEYS[index].name())
            }),
        ],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("porpoise.toml");
        fs::write(&file, text).unwrap();
        let flags = Flags { file: Some(file), values: Vec::new() };
        if let Err(error) = standalone(&flags, &[]) {
            prop_assert!(!error.mistakes.is_empty());
        }
    }
}

#[test]
fn the_public_address_is_a_path_and_an_origin() {
    let address = |base_path: &str, public_url: &str| {
        let pairs = [
            ("PORPOISE__SERVER__BASE_PATH", base_path),
            ("PORPOISE__SERVER__PUBLIC_URL", public_url),
        ];
        let pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        standalone(&Flags::default(), &pairs).map(|config| config.server.address)
    };
    for (base_path, public_url, expected) in [
        ("", "", PublicAddress::default()),
        (
            "/",
            "https://h/",
            PublicAddress::new("", Some("https://h".to_owned())),
        ),
        ("/a/b-1/", "", PublicAddress::new("/a/b-1", None)),
        (
            "/a",
            "https://H:443/a/",
            PublicAddress::new("/a", Some("https://h".to_owned())),
        ),
        (
            "/a",
            "http://h:8080",
            PublicAddress::new("/a", Some("http://h:8080".to_owned())),
        ),
    ] {
        assert_eq!(
            address(base_path, public_url).unwrap(),
            expected,
            "{base_path} {public_url}"
        );
    }
    for (base_path, public_url, part) in [
        ("a", "", "`a` is not a path"),
        ("/a//b", "", "is not a path"),
        ("/a/../b", "", "is not a path"),
        ("/a?b", "", "is not a path"),
        ("", "h:7070", "should be http:// or https://"),
        ("", "ftp://h", "should be http:// or https://"),
        ("", "https://h/?a=b", "should be http:// or https://"),
        ("/a", "https://h/b", "its path is /b"),
        ("", "https://h/b", "its path is /b"),
    ] {
        let refusal = address(base_path, public_url).unwrap_err().to_string();
        assert!(refusal.contains(part), "{base_path} {public_url}: {refusal}");
    }
    let secret = address("", "https://user:hunter2@h").unwrap_err().to_string();
    assert!(!secret.contains("hunter2"), "{secret}");
}
