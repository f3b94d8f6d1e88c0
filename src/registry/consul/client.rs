//! How the agent is reached: by TCP or a socket in the file system, plainly or by TLS, as whom.

use std::error::Error;
use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, RequestBuilder, Url};

use super::CALL_TIMEOUT;
use crate::config::Consul;
use primitives::error_chain::with_causes;
use primitives::secret::Secret;

/// The address of an agent, with the namespace and partition of its calls.
pub(super) struct Agent {
    url: Url,
    /// `USER:PASSWORD`, or the user alone.
    login: Option<Secret>,
    socket: Option<PathBuf>,
    /// The name to look up, when the URL holds the one of the certificate instead.
    look_up: Option<String>,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its address may hold a password.
        f.debug_struct("Agent").finish_non_exhaustive()
    }
}

impl Agent {
    /// Reads the agent's address from the configuration.
    pub(super) fn from_config(config: &Consul) -> Result<Self, String> {
        let text = config.url.as_ref().ok_or("consul.url: is not set")?;
        let socket = text.strip_prefix("unix://").map(PathBuf::from);
        let address = if socket.is_some() {
            "http://localhost"
        } else {
            text
        };
        let mut url = Url::parse(address).map_err(|error| format!("consul.url: {error}"))?;
        let mut look_up = None;
        if let Some(name) = config
            .tls
            .server_name
            .as_deref()
            .filter(|_| url.scheme() == "https")
        {
            if name.parse::<IpAddr>().is_ok() {
                return Err(format!("consul.server_name: `{name}` is an address, not a name"));
            }
            look_up = url
                .host_str()
                .map(|host| host.trim_matches(['[', ']']).to_owned());
            url.set_host(Some(name))
                .map_err(|error| format!("consul.server_name: `{name}`: {error}"))?;
        }
        if let Some(partition) = &config.partition {
            url.query_pairs_mut().append_pair("partition", partition);
        }
        Ok(Self {
            url,
            login: config.http_auth.clone(),
            socket,
            look_up,
        })
    }

    /// Adds the credentials.
    pub(super) fn authenticate(&self, request: RequestBuilder) -> RequestBuilder {
        let Some(login) = &self.login else { return request };
        match login.reveal().split_once(':') {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request.basic_auth(login.reveal(), Some("")),
        }
    }

    /// The address of one of its calls.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let below = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&below);
        url
    }
}

/// Prepares a client of the agent.
pub(super) fn builder(config: &Consul, agent: &Agent) -> Result<ClientBuilder, String> {
    let second = Duration::from_secs(1);
    // A connection that the network dropped ends within seconds, even when idle.
    let mut builder = Client::builder()
        .no_proxy()
        // The token would go wherever the answer points.
        .redirect(Policy::none())
        .connect_timeout(CALL_TIMEOUT)
        .tcp_user_timeout(3 * second)
        .tcp_keepalive(2 * second)
        .tcp_keepalive_interval(second)
        .tcp_keepalive_retries(3)
        .default_headers(headers(config)?);
    if let Some(socket) = &agent.socket {
        builder = builder.unix_socket(socket.as_path());
    }
    if let Some(host) = &agent.look_up {
        builder = builder.dns_resolver(Always(host.clone()));
    }
    if agent.url.scheme() == "http" {
        // Without certificates the start is faster, and a machine that has none still works.
        return Ok(builder.tls_certs_only([]));
    }
    if let Some(signers) = signers(config)? {
        builder = builder.tls_certs_only(signers);
    }
    if let Some((cert, key)) = &config.tls.identity {
        let both = [pem(cert)?, pem(key)?].concat();
        builder = builder.identity(Identity::from_pem(&both).map_err(|error| wrong(cert, &error))?);
    }
    Ok(builder.tls_danger_accept_invalid_certs(!config.tls.verify))
}

/// Looks up one name, whatever name is asked for.
struct Always(String);

impl Resolve for Always {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            // The client puts the port of the URL in.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The certificates that may sign the agent's; none: those of the machine. A file wins over a folder, as in Consul's
/// own tools.
fn signers(config: &Consul) -> Result<Option<Vec<Certificate>>, String> {
    let files = match (&config.tls.ca_file, &config.tls.ca_path) {
        (Some(file), _) => vec![file.clone()],
        (None, Some(folder)) => {
            let entries = fs::read_dir(folder).map_err(|error| wrong(folder, &error))?;
            let files = entries.flatten().map(|entry| entry.path());
            let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
            files.sort();
            files
        }
        (None, None) => return Ok(None),
    };
    let mut signers = Vec::new();
    for file in &files {
        let found = Certificate::from_pem_bundle(&pem(file)?);
        signers.extend(found.map_err(|error| wrong(file, &error))?);
    }
    if signers.is_empty() {
        return Err("consul.ca_file, consul.ca_path: there is no certificate".to_owned());
    }
    Ok(Some(signers))
}

fn headers(config: &Consul) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &config.token {
        let mut value = HeaderValue::from_str(token.reveal())
            .map_err(|_| "consul.token: has characters that no header may have")?;
        value.set_sensitive(true);
        headers.insert("X-Consul-Token", value);
    }
    if let Some(namespace) = &config.namespace {
        let value = HeaderValue::from_str(namespace)
            .map_err(|_| format!("consul.namespace: `{namespace}` is no name"))?;
        headers.insert("X-Consul-Namespace", value);
    }
    Ok(headers)
}

fn pem(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| wrong(file, &error))
}

fn wrong(file: &Path, error: &dyn Error) -> String {
    format!("{}: {}", file.display(), with_causes(error))
}
