//! Nodes of a cluster in this process, each with a server on a port of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actors::links::{LinkError, LocalMaster, MasterLink, WorkerLink};
use actors::membership::peers::Peers;
use actors::ports::{Member, MemberStatus, NodeIdentity};
use actors::protocol::{LeaseRequest, Owner, Report, ReportAnswer};
use async_trait::async_trait;
use engine::ids::{Epoch, Generation, Incarnation, InstanceId, Timestamp};
use engine::states::MemberState;
use primitives::secret::Secret;
use rpc::{Key, Links, Roles, Served, serve};
use runner::log_files::LogFiles;
use tokio::sync::Notify;

/// The key of a secret that is one letter again and again.
pub(super) fn key(letter: char) -> Key {
    Key::from_secret(&Secret::new(letter.to_string().repeat(32))).unwrap()
}

/// A life at an address.
pub(super) fn me(incarnation: i64, host: &str) -> NodeIdentity {
    NodeIdentity {
        incarnation: Incarnation(incarnation),
        host: host.to_owned(),
        name: format!("node-{incarnation}"),
        generation: Generation(1),
    }
}

/// The row of a living node.
pub(super) fn living(me: &NodeIdentity) -> MemberStatus {
    MemberStatus {
        member: Member {
            incarnation: me.incarnation,
            name: me.name.clone(),
            host: me.host.clone(),
            roles: vec!["master".to_owned(), "worker".to_owned()],
            state: MemberState::Active,
            joined_at: Timestamp(0),
            slots: 4,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
        },
        heartbeat_age_ms: 0,
    }
}

/// An owner at that address.
pub(super) fn owner(me: &NodeIdentity) -> Owner {
    Owner {
        incarnation: me.incarnation,
        host: me.host.clone(),
        generation: me.generation,
        epoch: Epoch(1),
    }
}

/// A node that answers on a port of its own until it is dropped.
pub(super) struct Node {
    /// Who answers.
    pub(super) me: NodeIdentity,
    /// What it answers with.
    pub(super) roles: Roles,
    /// Rung when it is told to drain.
    pub(super) drain: Arc<Notify>,
    handle: ServerHandle,
}

impl Node {
    /// Serves a life without roles yet.
    pub(super) fn serve(incarnation: i64) -> Self {
        Self::serve_logs(incarnation, PathBuf::from("/nowhere").as_path())
    }

    /// Serves a life with the logs of a folder.
    pub(super) fn serve_logs(incarnation: i64, logs: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let me = me(incarnation, &listener.local_addr().unwrap().to_string());
        let drain = Arc::new(Notify::new());
        let roles = Roles::new(Arc::clone(&drain));
        let served = Served {
            me: me.clone(),
            key: key('k'),
            roles: roles.clone(),
            logs: Arc::new(LogFiles::in_folder(logs)),
        };
        let server = serve(served, listener).unwrap();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self {
            me,
            roles,
            drain,
            handle,
        }
    }

    /// Gives it a worker.
    pub(super) fn with_worker(self, worker: Arc<dyn WorkerLink>) -> Self {
        self.roles.set_worker(worker);
        self
    }

    /// Gives it a master.
    pub(super) fn with_master(self, master: Arc<dyn LocalMaster>) -> Self {
        self.roles.set_master(master);
        self
    }

    /// Stops it and waits until its port is closed.
    pub(super) async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The order is given here; nobody waits until it is carried out.
        drop(self.handle.stop(false));
    }
}

/// The way of a life that serves nothing itself, and the hints that it was given.
pub(super) struct Caller {
    /// The way.
    pub(super) links: Links,
    /// Whose connections were refused or broke.
    pub(super) hints: Arc<Mutex<Vec<Incarnation>>>,
}

impl Caller {
    /// Knows these nodes.
    pub(super) fn of(key: Key, incarnation: i64, known: &[&NodeIdentity]) -> Self {
        let peers = Peers::default();
        let rows = known.iter().map(|me| living(me)).collect();
        peers.update(rows, tokio::time::Instant::now());
        let hints: Arc<Mutex<Vec<Incarnation>>> = Arc::default();
        let heard = Arc::clone(&hints);
        let hint = Arc::new(move |life| heard.lock().unwrap().push(life));
        let me = me(incarnation, "127.0.0.1:1");
        let links = Links::new(me, key, peers, Roles::new(Arc::default()), hint);
        Self { links, hints }
    }

    /// The lives that were hinted at.
    pub(super) fn hinted(&self) -> Vec<Incarnation> {
        self.hints.lock().unwrap().clone()
    }
}

/// A master that takes note and answers what it is built to answer.
#[derive(Default)]
pub(super) struct NotingMaster {
    /// What it was told, in words.
    pub(super) told: Mutex<Vec<String>>,
    /// How long it takes for a report.
    pub(super) delay: Duration,
}

impl NotingMaster {
    fn note(&self, what: String) {
        self.told.lock().unwrap().push(what);
    }

    /// What it was told so far.
    pub(super) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

#[async_trait]
impl MasterLink for NotingMaster {
    async fn report(&self, to: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        self.note(format!("report of {} to {}", batch.len(), to.incarnation));
        tokio::time::sleep(self.delay).await;
        Ok(vec![ReportAnswer::Stored; batch.len()])
    }

    async fn relay(&self, to: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        self.note(format!("relay of {} to {to}", batch.len()));
        Ok(vec![ReportAnswer::Stored; batch.len()])
    }

    async fn slots(&self, to: &Owner, worker: Incarnation, free: u32) -> Result<(), LinkError> {
        self.note(format!("{free} slots of {worker} to {}", to.incarnation));
        Ok(())
    }

    async fn renew(
        &self,
        to: &Owner,
        worker: Incarnation,
        batch: Vec<LeaseRequest>,
    ) -> Result<Vec<bool>, LinkError> {
        self.note(format!(
            "{} leases of {worker} to {}",
            batch.len(),
            to.incarnation
        ));
        Ok(vec![true; batch.len()])
    }
}

#[async_trait]
impl LocalMaster for NotingMaster {
    async fn poke(&self, id: InstanceId, wait: Duration) -> Result<(), LinkError> {
        self.note(format!("poke of {id} for {} ms", wait.as_millis()));
        Ok(())
    }

    async fn nudge(&self) -> Result<(), LinkError> {
        self.note("nudge".to_owned());
        Ok(())
    }

    async fn reached(&self) -> Result<Vec<Incarnation>, LinkError> {
        self.note("reached".to_owned());
        Ok(vec![Incarnation(4)])
    }
}
