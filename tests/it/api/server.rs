//! One served interface in a folder of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use api::{self, ApiState, Mode, PasswordLogin, PublicAddress, Rates, UiFiles, token_hash};
use async_trait::async_trait;
use catalog::Catalog;
use egress::EgressPolicy;
use engine::connection::ResolvedConnection;
use engine::ids::{Generation, Incarnation, InstanceId};
use notify::ChannelSender;
use porpoise::telemetry::install_metrics;
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::connections::ConnectionTest;
use ports::health::HealthIssue;
use ports::node::{Node, SlotUsage};
use ports::{InstanceWriter as _, NewInstance, NodeIdentity, StoreError, Write, WriteOutcome};
use reqwest::{Method, RequestBuilder, StatusCode};
use runner::log_files::LogFiles;
use secrets::{KeyRing, SharedKeyRing};
use serde_json::Value;
use store::{Role, Store};

/// A key of secrets: 32 bytes.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

pub const ADMIN: &str = "an-administrator's-token-of-the-tests";

/// Actors that create instances and decide nothing.
pub struct Idle {
    store: Store,
    hub: CommitBroadcast,
    clock: Clock,
}

#[async_trait]
impl Node for Idle {
    fn this_node(&self) -> NodeIdentity {
        NodeIdentity {
            incarnation: Incarnation(1),
            host: "127.0.0.1:1".to_owned(),
            name: "test".to_owned(),
            generation: Generation(1),
        }
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn commit_events(&self) -> CommitBroadcast {
        self.hub.clone()
    }

    async fn create_instance(&self, new: NewInstance) -> Result<WriteOutcome, StoreError> {
        let mut written = self.store.write_batch(&[Write::Create(new)]).await?;
        Ok(written.remove(0))
    }

    fn schedules_changed(&self) {}

    fn limits_changed(&self) {}
    fn places_changed(&self) {}

    async fn notify_owner(&self, _: InstanceId, _: Duration) {}

    async fn test_connection(&self, _: &str, _: ResolvedConnection) -> ConnectionTest {
        ConnectionTest::failed("this node has no workers")
    }

    async fn drain_node(&self, _: Incarnation) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_draining(&self) -> bool {
        false
    }

    fn health_issues(&self) -> Vec<HealthIssue> {
        Vec::new()
    }

    fn slot_usage(&self) -> SlotUsage {
        SlotUsage { total: 4, used: 1 }
    }

    async fn observe(&self) -> Value {
        serde_json::json!({"db": {"queued": 0}})
    }

    async fn observe_instance(&self, _: InstanceId) -> Option<Value> {
        None
    }
}

pub struct Served {
    pub url: String,
    close: tokio::sync::watch::Sender<bool>,
    handle: actix_web::dev::ServerHandle,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

/// How a test serves.
pub struct Options {
    pub rates: Rates,
    pub address: PublicAddress,
    pub password_login: PasswordLogin,
    pub session_lifetime: Duration,
    pub ui: UiFiles,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rates: Rates {
                per_token: 0,
                per_address: 0,
            },
            address: PublicAddress::default(),
            password_login: PasswordLogin::Allowed,
            session_lifetime: Duration::from_secs(600),
            ui: UiFiles::default(),
        }
    }
}

/// Serves on a free port with the token `ADMIN`, without rate limits.
pub async fn serve() -> Served {
    serve_with(Options::default()).await
}

/// The same within limits.
pub async fn serve_at(rates: Rates) -> Served {
    serve_with(Options {
        rates,
        ..Options::default()
    })
    .await
}

/// Serves with options on a database of its own.
pub async fn serve_with(options: Options) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("porpoise.db").display());
    let store = Store::open(&url, Role::Node).await.unwrap();
    store.migrate().await.unwrap();
    serve_store(options, store, folder).await
}

/// Serves two nodes on one database: SQLite, and PostgreSQL where it is installed.
pub async fn serve_pairs() -> Vec<(Served, Served)> {
    let mut pairs = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}", folder.path().join("porpoise.db").display());
    let store = Store::open(&file, Role::Node).await.unwrap();
    store.migrate().await.unwrap();
    let made = tokio::task::spawn_blocking(crate::postgres::database).await;
    let mut stores = vec![(store, folder)];
    if let Some(url) = made.unwrap() {
        let store = Store::open(&url, Role::Node).await.unwrap();
        stores.push((store, tempfile::tempdir().unwrap()));
    }
    for (store, folder) in stores {
        let other = tempfile::tempdir().unwrap();
        let first = serve_store(Options::default(), store.clone(), folder).await;
        pairs.push((first, serve_store(Options::default(), store, other).await));
    }
    pairs
}

async fn serve_store(options: Options, store: Store, folder: tempfile::TempDir) -> Served {
    let keys = KeyRing::from_lines(KEY).unwrap();
    let catalog = Catalog::new(&store).with_keys(SharedKeyRing::new(keys));
    let clock = Clock::starting_at(store.now().await.unwrap());
    catalog
        .users()
        .ensure_admin(&token_hash(ADMIN), clock.now())
        .await
        .unwrap();
    let logs = LogFiles::in_folder(folder.path().join("logs"));
    let base_path = options.address.base_path().to_owned();
    let (close, closing) = tokio::sync::watch::channel(false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}{base_path}", listener.local_addr().unwrap());
    let sender = ChannelSender::new(
        Arc::new(catalog.clone()),
        EgressPolicy::DenyMetadata,
        clock.clone(),
    );
    let state = ApiState {
        alert_sender: Arc::new(sender.unwrap()),
        node: Arc::new(Idle {
            store,
            hub: CommitBroadcast::with_capacity(64),
            clock,
        }),
        catalog,
        logs: Arc::new(logs),
        metrics: install_metrics(),
        mode: Mode::Standalone,
        version: "test",
        timezone: engine::timezone::Tz::UTC,
        rates: options.rates,
        address: options.address,
        password_login: options.password_login,
        session_lifetime: options.session_lifetime,
        ui: Arc::new(options.ui),
        layouts: Arc::default(),
        retention_requests: Arc::default(),
        rotation_requests: Arc::default(),
        bulk_requests: Arc::default(),
        closing,
    };
    let (server, _) = api::serve(state, listener).unwrap();
    let handle = server.handle();
    actix_rt::spawn(server);
    let _ = rustls::crypto::ring::default_provider().install_default();
    Served {
        url,
        close,
        handle,
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        _folder: folder,
    }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless it is a problem with this status and code; returns the pointer of its first error.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, "application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.code(), code, "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], status, "{self:?}");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{self:?}");
        for member in ["type", "title", "detail"] {
            assert!(
                body[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member}: {self:?}"
            );
        }
        body["errors"][0]["pointer"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Served {
    /// Begins a request with the administrator's token.
    pub fn ask(&self, method: &str, path: &str) -> RequestBuilder {
        self.ask_as(ADMIN, method, path)
    }

    pub fn ask_as(&self, token: &str, method: &str, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(token)
    }

    pub fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Reply {
        reply(self.ask("GET", path)).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Value) -> Reply {
        reply(self.ask(method, path).json(&body)).await
    }

    /// Stores a workflow of one no-op and starts it; returns the instance's id.
    pub async fn start(&self, workflow: &str) -> String {
        self.start_in("default", workflow).await
    }

    /// The same in a project.
    pub async fn start_in(&self, project: &str, workflow: &str) -> String {
        let document = serde_json::json!({
            "version": 1, "name": workflow, "params": {"day": "monday"}, "tasks": {"t": {"type": "noop"}}
        });
        let path = format!("/api/v1/projects/{project}/workflows/{workflow}");
        let put = self.send("PUT", &path, document).await;
        assert!(put.status < 300, "{put:?}");
        let started = self
            .send("POST", &format!("{path}/instances"), serde_json::json!({}))
            .await;
        assert_eq!(started.status, 201, "{started:?}");
        started.json()["id"].as_str().unwrap().to_owned()
    }

    /// Makes a member with a password and returns a token of its own.
    pub async fn member(&self, name: &str) -> String {
        let user = serde_json::json!({"name": name, "password": "a long password"});
        let made = self.send("POST", "/api/v1/users", user).await;
        assert_eq!(made.status, StatusCode::CREATED.as_u16(), "{made:?}");
        let login = serde_json::json!({"username": name, "password": "a long password"});
        let session = reply(self.anonymous("POST", "/api/v1/auth/login").json(&login)).await;
        assert_eq!(session.status, 200, "{session:?}");
        session.json()["token"].as_str().unwrap().to_owned()
    }

    pub async fn stop(self) {
        self.close.send(true).ok();
        self.handle.stop(false).await;
    }
}

pub async fn reply(request: RequestBuilder) -> Reply {
    let answer = request.send().await.unwrap();
    Reply {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: answer.text().await.unwrap(),
    }
}
