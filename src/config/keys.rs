//! The table of every key: its name, its default, what it means.

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it is.
    Plain,
    /// With its password masked; may also come from a file.
    Url,
    /// Never; may also come from a file.
    Secret,
}

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// `section.key`.
    pub(super) name: &'static str,
    /// The default as text; empty when there is none.
    pub(super) default: &'static str,
    /// How it is shown.
    pub(super) kind: Kind,
    /// For people.
    pub(super) about: &'static str,
}

const fn plain(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key {
        name,
        default,
        kind: Kind::Plain,
        about,
    }
}

const fn hidden(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key {
        name,
        default: "",
        kind,
        about,
    }
}

/// Every key, in the order of `config show`.
pub(super) const KEYS: &[Key] = &[
    plain(
        "server.data",
        "./data",
        "folder of the database, the logs and the journal",
    ),
    plain(
        "server.listen",
        "127.0.0.1:7070",
        "address of REST and the web UI",
    ),
    plain(
        "server.roles",
        "master,worker,api",
        "roles of a node of a cluster",
    ),
    plain("server.node_name", "", "name of the node"),
    plain("server.drain_timeout", "30s", "how long a drain may take"),
    plain("rpc.listen", "127.0.0.1:7071", "address between nodes"),
    plain("rpc.advertise", "", "HOST:PORT that other nodes use"),
    hidden("database.url", Kind::Url, "postgres://… or sqlite://…"),
    hidden(
        "consul.url",
        Kind::Url,
        "address of the Consul agent: http://…, https://… or unix:///…",
    ),
    hidden("consul.token", Kind::Secret, "ACL token of the Consul agent"),
    hidden(
        "consul.http_auth",
        Kind::Secret,
        "USER:PASSWORD for a proxy in front of the Consul agent",
    ),
    plain("consul.namespace", "", "namespace of Consul (Enterprise only)"),
    plain(
        "consul.partition",
        "",
        "admin partition of Consul (Enterprise only)",
    ),
    plain(
        "consul.ca_file",
        "",
        "certificates that may sign the agent's; the machine's when not set",
    ),
    plain(
        "consul.ca_path",
        "",
        "folder of such files, without consul.ca_file",
    ),
    plain(
        "consul.server_name",
        "",
        "name in the agent's certificate, when it is not that of its address",
    ),
    plain("consul.cert_file", "", "our certificate towards the agent"),
    plain("consul.key_file", "", "its key"),
    plain(
        "consul.verify_tls",
        "true",
        "whether the agent's certificate is checked",
    ),
    plain(
        "api.rate_limit",
        "0",
        "requests a second with one token, twice as many at once; 0 for no limit",
    ),
    plain(
        "api.anonymous_rate_limit",
        "100",
        "the same without a valid token, from one address",
    ),
    hidden(
        "auth.bootstrap_token",
        Kind::Secret,
        "first token of the user admin, at least 32 characters",
    ),
    plain("auth.session_lifetime", "12h", "how long a login lasts"),
    plain(
        "master.worker_choice",
        "least_loaded",
        "how a master chooses among workers with free slots: least_loaded, round_robin, random, weighted (by slots)",
    ),
    plain(
        "master.rebalance",
        "true",
        "whether a master gives instances to masters that have fewer, slowly, after one has joined",
    ),
    plain("worker.group", "default", "worker group that this node serves"),
    plain(
        "worker.slots",
        "",
        "attempts at the same time; max(8, 4 x CPUs) when not set",
    ),
    plain("worker.log_limit", "64MiB", "most bytes of one attempt's log"),
    hidden(
        "cluster.secret",
        Kind::Secret,
        "signs calls between nodes, at least 32 characters",
    ),
    plain(
        "cluster.flapping_deaths",
        "3",
        "declared deaths of an address within 5 minutes after which its next life waits to join; 0 for no limit",
    ),
    plain(
        "log.level",
        "info,sea_orm_migration=warn,actix_server=warn",
        "level or list of target=level",
    ),
    plain("log.format", "auto", "auto, text or json"),
];

/// Finds a key by its name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Finds the secret key whose `_file` twin has this name.
pub(super) fn find_file_twin(name: &str) -> Option<&'static Key> {
    name.strip_suffix("_file")
        .and_then(find)
        .filter(|key| key.kind != Kind::Plain)
}

/// Returns the known name that is nearest to a wrong one, if any is near.
pub(super) fn nearest(wrong: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| (strsim::damerau_levenshtein(wrong, key.name), key.name))
        .filter(|(distance, _)| *distance <= 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
