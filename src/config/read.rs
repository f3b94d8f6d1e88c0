//! Turns the text of every key into its type.

use std::net::SocketAddr;
use std::str::FromStr;
use std::thread;

use actors::bootstrap::MasterConfig;
use actors::execution::worker_selection::WorkerSelection;

use super::sources::Gathered;
use super::{
    Auth, Cluster, Config, Consul, Database, Log, LogFormat, Mode, Rates, Role, Rpc, Secret, Server, Tls,
    Worker, amount,
};

const SHORTEST_SECRET: usize = 32;

/// Builds the configuration; `None` when something is missing or wrong, which is then among the mistakes.
pub(super) fn config(mode: Mode, from: &mut Gathered) -> Option<Config> {
    let server = server(from);
    let rpc = rpc(from);
    let database = database(from);
    let consul = consul(from);
    let rates = rates(from);
    let auth = auth(from);
    let master = master(from);
    let worker = worker(from);
    let cluster = cluster(from);
    let log = log(from);
    if mode == Mode::Cluster {
        for (key, flag) in [
            ("database.url", "--database-url"),
            ("consul.url", "--consul"),
            ("cluster.secret", "--cluster-secret-file"),
        ] {
            if !from.values.contains_key(key) {
                from.mistakes
                    .push(format!("{key}: a node of a cluster needs it ({flag})"));
            }
        }
    }
    Some(Config {
        mode,
        server: server?,
        rpc: rpc?,
        database: database?,
        consul: consul?,
        rates: rates?,
        auth: auth?,
        master: master?,
        worker: worker?,
        cluster: cluster?,
        log: log?,
    })
}

fn server(from: &mut Gathered) -> Option<Server> {
    let data = from.required("server.data", |text| Ok(text.into()));
    let listen = from.required("server.listen", address);
    let roles = from.required("server.roles", roles);
    let node_name = from.optional("server.node_name", word);
    let drain_timeout = from.required("server.drain_timeout", amount::duration);
    Some(Server {
        data: data?,
        listen: listen?,
        roles: roles?,
        node_name: node_name?,
        drain_timeout: drain_timeout?,
    })
}

fn rpc(from: &mut Gathered) -> Option<Rpc> {
    let listen = from.required("rpc.listen", address);
    let advertise = from.optional("rpc.advertise", host_and_port);
    Some(Rpc {
        listen: listen?,
        advertise: advertise?,
    })
}

fn database(from: &mut Gathered) -> Option<Database> {
    let url = from.optional("database.url", database_url);
    Some(Database { url: url? })
}

fn consul(from: &mut Gathered) -> Option<Consul> {
    let url = from.optional("consul.url", agent_url);
    let token = from.optional("consul.token", |text| Ok(Secret::new(text)));
    let http_auth = from.optional("consul.http_auth", |text| Ok(Secret::new(text)));
    let namespace = from.optional("consul.namespace", word);
    let partition = from.optional("consul.partition", word);
    let tls = consul_tls(from);
    Some(Consul {
        url: url?,
        token: token?,
        http_auth: http_auth?,
        namespace: namespace?,
        partition: partition?,
        tls: tls?,
    })
}

fn consul_tls(from: &mut Gathered) -> Option<Tls> {
    let ca_file = from.optional("consul.ca_file", |text| Ok(text.into()));
    let ca_path = from.optional("consul.ca_path", |text| Ok(text.into()));
    let server_name = from.optional("consul.server_name", word);
    let cert = from.optional("consul.cert_file", |text| Ok(text.into()));
    let key = from.optional("consul.key_file", |text| Ok(text.into()));
    let verify = from.required("consul.verify_tls", yes_or_no);
    let (cert, key) = (cert?, key?);
    if cert.is_some() != key.is_some() {
        from.mistakes
            .push("consul.cert_file and consul.key_file: one without the other proves nothing".to_owned());
    }
    Some(Tls {
        ca_file: ca_file?,
        ca_path: ca_path?,
        server_name: server_name?,
        identity: cert.zip(key),
        verify: verify?,
    })
}

fn rates(from: &mut Gathered) -> Option<Rates> {
    let per_token = from.required("api.rate_limit", natural);
    let per_address = from.required("api.anonymous_rate_limit", natural);
    Some(Rates {
        per_token: per_token?,
        per_address: per_address?,
    })
}

fn auth(from: &mut Gathered) -> Option<Auth> {
    let bootstrap_token = from.optional("auth.bootstrap_token", long_secret);
    let session_lifetime = from.required("auth.session_lifetime", amount::duration);
    Some(Auth {
        bootstrap_token: bootstrap_token?,
        session_lifetime: session_lifetime?,
    })
}

fn cluster(from: &mut Gathered) -> Option<Cluster> {
    let secret = from.optional("cluster.secret", long_secret);
    let flapping_deaths = from.required("cluster.flapping_deaths", natural);
    Some(Cluster {
        secret: secret?,
        flapping_deaths: flapping_deaths?,
    })
}

fn master(from: &mut Gathered) -> Option<MasterConfig> {
    let choice = from.required("master.worker_choice", |text| match text {
        "least_loaded" => Ok(WorkerSelection::LeastLoaded),
        "round_robin" => Ok(WorkerSelection::RoundRobin),
        "random" => Ok(WorkerSelection::Random),
        "weighted" => Ok(WorkerSelection::Weighted),
        other => Err(format!(
            "`{other}` is not one of least_loaded, round_robin, random, weighted"
        )),
    });
    let rebalance = from.required("master.rebalance", yes_or_no);
    Some(MasterConfig {
        selection: choice?,
        rebalance: rebalance?,
    })
}

fn worker(from: &mut Gathered) -> Option<Worker> {
    let group = from.required("worker.group", word);
    let slots = from.optional("worker.slots", positive);
    let log_limit = from.required("worker.log_limit", amount::size);
    Some(Worker {
        group: group?,
        slots: slots?.unwrap_or_else(default_slots),
        log_limit: log_limit?,
    })
}

fn log(from: &mut Gathered) -> Option<Log> {
    let level = from.required("log.level", levels);
    let format = from.required("log.format", |text| match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("`{other}` is not one of auto, text, json")),
    });
    Some(Log {
        level: level?,
        format: format?,
    })
}

/// Returns max(8, 4 x CPUs).
fn default_slots() -> u32 {
    let cpus = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cpus).unwrap_or(1).saturating_mul(4).max(8)
}

impl Gathered {
    fn required<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.optional(key, parse)?;
        if value.is_none() {
            self.mistakes.push(format!("{key}: must not be empty"));
        }
        value
    }

    /// `None` after a mistake, `Some(None)` when nothing is set.
    fn optional<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let Some(found) = self.values.get(key).filter(|found| !found.text.is_empty()) else {
            return Some(None);
        };
        match parse(&found.text) {
            Ok(value) => Some(Some(value)),
            Err(why) => {
                self.mistakes.push(format!("{key}: {why} ({})", found.origin));
                None
            }
        }
    }
}

fn word(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn levels(text: &str) -> Result<String, String> {
    let wrong = |error| format!("`{text}` is no level and no list of target=level: {error}");
    tracing_subscriber::EnvFilter::try_new(text).map_err(wrong)?;
    Ok(text.to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    SocketAddr::from_str(text).map_err(|_| format!("`{text}` is not an address such as 127.0.0.1:7070"))
}

fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not HOST:PORT")),
    }
}

fn positive(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("`{text}` is not a whole number above 0")),
    }
}

fn natural(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a whole number from 0 on"))
}

/// Takes what Consul's tools take for yes and no, too.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("`{text}` is not true or false")),
    }
}

/// The text is not repeated: it may hold a password.
fn agent_url(text: &str) -> Result<String, String> {
    if ["http://", "https://", "unix:///"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("should begin with http://, https:// or unix:///".to_owned())
    }
}

fn database_url(text: &str) -> Result<Secret, String> {
    if ["postgres://", "postgresql://", "sqlite:"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        Ok(Secret::new(text))
    } else {
        Err("should begin with postgres:// or sqlite://".to_owned())
    }
}

fn long_secret(text: &str) -> Result<Secret, String> {
    if text.chars().count() < SHORTEST_SECRET {
        return Err(format!("must have at least {SHORTEST_SECRET} characters"));
    }
    Ok(Secret::new(text))
}

fn roles(text: &str) -> Result<Vec<Role>, String> {
    let mut roles = Vec::new();
    for name in text.split(',').map(str::trim) {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == name);
        roles.push(role.ok_or_else(|| format!("`{name}` is not one of master, worker, api"))?);
    }
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}
