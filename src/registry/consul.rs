//! The register of lives in Consul: one service per life, kept up by one TTL check.
//!
//! Consul only lists; what may be believed of a list is decided in `actors::registry`. So an answer that Consul
//! itself does not vouch for becomes an error here, and never an empty list.

mod client;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actors::ports::REGISTRY_LEASE;
use actors::ports::{Member, Registry, RegistryError, View};
use async_trait::async_trait;
use engine::ids::Incarnation;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde_json::json;

use crate::config::Consul;
use primitives::error_chain::with_causes;

use client::Agent;
use refusal::{refusal, unavailable};

/// The service that every node registers.
const SERVICE: &str = "porpoise";

/// A beat that takes longer is late; the next one is due 100 ms after it.
const BEAT_WITHIN: Duration = Duration::from_millis(400);

/// Calls that answer at once when all is well.
const CALL_WITHIN: Duration = Duration::from_secs(2);

/// Consul's own floor for the removal of what stays critical: a broom for rows of dead lives.
const FORGET_AFTER: &str = "1m";

/// The client of a Consul agent.
#[derive(Debug)]
pub struct ConsulRegistry {
    agent: Agent,
    has_token: bool,
    /// Beats have a connection of their own, so that nothing else can hold them up.
    beats: Client,
    calls: Client,
}

impl ConsulRegistry {
    /// Makes the client; connects to nothing yet.
    ///
    /// # Errors
    /// In words, when the address is missing, or when a certificate or the token cannot be used.
    pub fn new(config: &Consul) -> Result<Self, String> {
        // An error says that another part of this process has chosen the same provider before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let agent = Agent::of(config)?;
        let client = || {
            let built = client::builder(config, &agent)?.build();
            built.map_err(|error| with_causes(&error))
        };
        Ok(Self {
            beats: client()?,
            calls: client()?,
            has_token: config.token.is_some(),
            agent,
        })
    }

    fn at(&self, path: &str) -> Url {
        self.agent.at(path)
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, RegistryError> {
        let answer = self.agent.by_us(request).send().await.map_err(unavailable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.map_err(unavailable)?;
        Err(refusal(status.as_u16(), &text, self.has_token))
    }

    async fn view(&self, query: &[(&str, String)], within: Duration) -> Result<View, RegistryError> {
        let path = self.at(&format!("/v1/health/service/{SERVICE}"));
        let request = self.calls.get(path).query(&[("passing", "true")]).query(query);
        let answer = self.sent(request.timeout(within)).await?;
        let index = index_of_a_led_answer(answer.headers())?;
        let entries: Vec<Entry> = answer.json().await.map_err(unavailable)?;
        let present = entries
            .iter()
            .filter_map(|entry| incarnation_in(&entry.service.id));
        Ok(View {
            index,
            present: present.collect::<BTreeSet<_>>(),
        })
    }

    /// Drops lives of the same host that were registered at this agent before. What it misses, Consul drops after
    /// a minute.
    async fn drop_older_lives(&self, me: &Member) -> Result<(), RegistryError> {
        let request = self.calls.get(self.at("/v1/agent/services"));
        let request = request.query(&[("filter", format!("Service == \"{SERVICE}\""))]);
        let answer = self.sent(request.timeout(CALL_WITHIN)).await?;
        let services: BTreeMap<String, Service> = answer.json().await.map_err(unavailable)?;
        let here = address(&me.host);
        let older = services
            .values()
            .filter(|service| (service.address.as_str(), service.port) == here)
            .filter_map(|service| incarnation_in(&service.id))
            .filter(|other| *other < me.incarnation);
        for other in older {
            self.deregister(other).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Registry for ConsulRegistry {
    async fn register(&self, me: &Member) -> Result<(), RegistryError> {
        let (address, port) = address(&me.host);
        let id = service_id(me.incarnation);
        let service = json!({
            "ID": id, "Name": SERVICE, "Tags": me.roles, "Address": address, "Port": port,
            "Meta": { "incarnation": me.incarnation.to_string(), "version": me.version },
            // Critical, so that a life which never beats is never present.
            "Check": {
                "CheckID": format!("service:{id}"), "TTL": format!("{}ms", REGISTRY_LEASE.as_millis()),
                "Status": "critical", "DeregisterCriticalServiceAfter": FORGET_AFTER,
            },
        });
        let request = self
            .calls
            .put(self.at("/v1/agent/service/register"))
            .json(&service);
        self.sent(request.timeout(CALL_WITHIN)).await?;
        self.drop_older_lives(me).await
    }

    async fn heartbeat(&self, me: Incarnation) -> Result<(), RegistryError> {
        let path = format!("/v1/agent/check/pass/service:{}", service_id(me));
        self.sent(self.beats.put(self.at(&path)).timeout(BEAT_WITHIN))
            .await
            .map(drop)
    }

    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError> {
        let milliseconds = wait.as_millis();
        // To Consul no wait means five minutes.
        if after == 0 || milliseconds == 0 {
            return self.view(&[], CALL_WITHIN).await;
        }
        let query = [
            ("index", after.to_string()),
            ("wait", format!("{milliseconds}ms")),
        ];
        // Consul adds up to a sixteenth of the wait, so that its clients do not all come back at once.
        let within = wait + wait / 16 + CALL_WITHIN;
        self.view(&query, within).await
    }

    async fn confirm(&self) -> Result<View, RegistryError> {
        self.view(&[("consistent", String::new())], CALL_WITHIN).await
    }

    async fn deregister(&self, me: Incarnation) -> Result<(), RegistryError> {
        let path = format!("/v1/agent/service/deregister/{}", service_id(me));
        match self
            .sent(self.calls.put(self.at(&path)).timeout(CALL_WITHIN))
            .await
        {
            Ok(_) | Err(RegistryError::NotRegistered) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// One line of the list of passing services.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "Service")]
    service: Service,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    port: u16,
}

fn service_id(life: Incarnation) -> String {
    format!("{SERVICE}-{life}")
}

/// Reads an id of ours; whoever uses the service's name with another id is none of us.
fn incarnation_in(id: &str) -> Option<Incarnation> {
    let number = id.strip_prefix(SERVICE)?.strip_prefix('-')?;
    number.parse().ok().map(Incarnation)
}

fn address(host: &str) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().unwrap_or(0)),
        None => (host, 0),
    }
}

/// Without a leader Consul answers from memory, and after a loss of its state from nothing.
fn index_of_a_led_answer(headers: &HeaderMap) -> Result<u64, RegistryError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text("X-Consul-Knownleader") != Some("true") {
        return Err(RegistryError::Unavailable("Consul has no leader".to_owned()));
    }
    text("X-Consul-Index")
        .and_then(|index| index.parse().ok())
        .ok_or_else(|| RegistryError::Unavailable("Consul's answer has no index".to_owned()))
}

#[cfg(test)]
mod tests;
