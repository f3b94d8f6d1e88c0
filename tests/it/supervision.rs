//! The actors of a node on a real store: what a panic costs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::bootstrap;
use actors::in_process::InProcess;
use actors::local::LocalNode;
use actors::membership::liveness::LivenessMonitor;
use actors::messages::StartDrain;
use actors::messages::master::{
    CrashInstance, DeliverReports, GetHandoverCandidates, HandOverInstances, HandoverSelection, RelayReports,
    RenewLeases,
};
use actors::node_deps::{MasterConfig, NodeDeps, WorkerResources};
use actors::testing::connections::NoConnections;
use catalog::{AuditContext, Catalog, NewVersion, SourceFormat, VersionOrigin};
use engine::ids::{Epoch, Generation, Incarnation, InstanceId, Timestamp};
use engine::states::{AttemptState, InstanceState, MemberState, TaskState};
use engine::timezone::Tz;
use engine::trigger::Trigger;
use porpoise::registry::LocalRegistry;
use ports::clock::Clock;
use ports::health::HealthStatus;
use ports::node::Node;
use ports::paths::AttemptPaths;
use ports::peers::Peers;
use ports::protocol::{AttemptUpdate, LeaseAnswer, LeaseRequest, Report, ReportAnswer};
use ports::{Join, Member, MembershipStore as _, NewInstance, NodeIdentity, WriteOutcome};
use runner::journal_file::JournalFile;
use runner::limits::RunnerLimits;
use runner::log_files::LogFiles;
use runner::process::boot_id;
use runner::runners::runners;
use store::{Role, Store};

/// A node in this process, with its store.
struct NodeHarness {
    node: LocalNode,
    store: Store,
    catalog: Catalog,
    folder: tempfile::TempDir,
}

fn audit_context(at: Timestamp) -> AuditContext {
    AuditContext {
        user: "admin".to_owned(),
        source: String::new(),
        request_id: String::new(),
        at,
        key: None,
    }
}

impl NodeHarness {
    async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("porpoise.db").display());
        let store = Store::open(&url, Role::Node).await.expect("a store");
        store.migrate().await.expect("the schema");
        let join = Join {
            name: "standalone".to_owned(),
            host: "127.0.0.1:1".to_owned(),
            roles: vec!["master".to_owned(), "worker".to_owned()],
            slots: 4,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
        };
        let joined = store.join_standalone(&join).await.expect("joined");
        let member = Member {
            incarnation: joined.incarnation,
            name: join.name,
            host: join.host,
            roles: join.roles,
            state: MemberState::Joining,
            joined_at: joined.now,
            slots: join.slots,
            worker_group: join.worker_group,
            version: join.version,
        };
        let catalog = Catalog::new(&store);
        let active = store.clone();
        let activation = Box::pin(async move {
            let activated = active
                .set_member_state(joined.incarnation, MemberState::Active)
                .await;
            activated.map_err(|error| error.to_string())
        });
        let deps = node_deps(member, joined.now, store.clone(), folder.path());
        let node = bootstrap::start(deps, activation).await.expect("a node");
        Self {
            node,
            store,
            catalog,
            folder,
        }
    }

    /// Stores a document; returns its project and its name.
    async fn save_version(&self, yaml: &str) -> (catalog::Project, String) {
        let (definition, model) =
            document::parse_document(yaml.as_bytes(), document::Format::Yaml).expect("a document");
        let project = self
            .catalog
            .projects()
            .find("default")
            .await
            .expect("read")
            .expect("the default project");
        let version = NewVersion {
            name: definition.name.clone(),
            definition: Arc::new(definition),
            model,
            source: yaml.to_owned(),
            format: SourceFormat::Yaml,
            hash: "0".repeat(64),
            origin: VersionOrigin::Document,
            default_timezone: Tz::UTC,
        };
        let at = self.node.clock().now();
        self.catalog
            .workflows()
            .save_version(project.id, &version, None, &audit_context(at))
            .await
            .expect("stored");
        (project, version.name)
    }

    async fn run(&self, yaml: &str) -> InstanceId {
        let (project, name) = self.save_version(yaml).await;
        let at = self.node.clock().now();
        let startable = self
            .catalog
            .workflows()
            .find_start_candidate("default", &name)
            .await;
        let startable = startable.expect("an answer").expect("the project");
        let target = self
            .catalog
            .workflows()
            .start_target(startable, None)
            .await
            .expect("a target");
        let start = engine::start::parse(
            &serde_json::json!({}),
            &target.definition,
            &target.project.defaults,
            Tz::UTC,
        )
        .expect("a start");
        let new = NewInstance {
            project_id: project.id.0,
            workflow_id: target.workflow_id.0,
            project: project.name,
            workflow: name,
            project_params: Default::default(),
            version: target.version,
            tasks: u32::try_from(target.definition.tasks.len()).expect("few"),
            excluded: 0,
            start,
            trigger: Trigger::Api,
            requested_by: Some("admin".to_owned()),
            owner: None,
            continued_from: None,
            request_key: None,
            at,
        };
        match self.node.create_instance(new).await.expect("created") {
            WriteOutcome::Created { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    async fn wait_for(
        &self,
        id: InstanceId,
        what: &str,
        holds: impl Fn(InstanceState, Option<TaskState>) -> bool,
    ) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let instance = self
                .catalog
                .instances()
                .find(id)
                .await
                .expect("read")
                .expect("exists");
            let task = self
                .catalog
                .tasks()
                .find(id, "t")
                .await
                .ok()
                .map(|detail| detail.task.state);
            if holds(instance.state, task) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {instance:?}, task {task:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn crash(&self, id: InstanceId) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let master = self.node.master().expect("a master");
            if master.send(CrashInstance(id)).await.expect("the master runs") {
                return;
            }
            assert!(Instant::now() < deadline, "the actor should restart");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn node_deps(me: Member, now: Timestamp, store: Store, data: &Path) -> NodeDeps {
    let identity = NodeIdentity {
        incarnation: me.incarnation,
        host: me.host.clone(),
        name: me.name.clone(),
        generation: Generation(1),
    };
    let logs = LogFiles::in_folder(data);
    let worker = WorkerResources {
        runner: Arc::new(runners(RunnerLimits::default(), &logs).expect("runners")),
        logs: Arc::new(logs),
        journal: Arc::new(JournalFile::in_data(data)),
        paths: AttemptPaths::in_data(data),
        boot_id: boot_id(),
        slots: 4,
        connections: Arc::new(NoConnections),
    };
    NodeDeps {
        this_node: me,
        generation: Generation(1),
        clock: Clock::with_source(now, store.time_source()),
        store: Arc::new(store),
        registry: Arc::new(LocalRegistry::default()),
        local: InProcess::new(identity, Arc::new(LogFiles::in_folder(data)), Arc::default()),
        transport: None,
        peers: Peers::default(),
        health: HealthStatus::default(),
        liveness: LivenessMonitor::default(),
        drain_signal: Arc::default(),
        worker: Some(worker),
        master: Some(MasterConfig::default()),
        connections: Arc::new(NoConnections),
        terminate_node: Arc::new(|actor| panic!("{actor} died")),
    }
}

#[actix_rt::test]
async fn a_panic_of_a_workflow_actor_costs_a_rebuild_and_nothing_else() {
    let harness = NodeHarness::start().await;
    let (ran, flag) = (
        harness.folder.path().join("ran"),
        harness.folder.path().join("flag"),
    );
    let script = format!(
        "echo $PORPOISE_ATTEMPT_UID >> {}; while [ ! -e {} ]; do sleep 0.05; done",
        ran.display(),
        flag.display()
    );
    let id = harness
        .run(&format!("version: 1\nname: w\ntasks:\n  t: {{ type: shell, run: '{script}' }}\n  u: {{ type: noop, needs: [t] }}\n"))
        .await;
    harness
        .wait_for(id, "t should run", |_, task| task == Some(TaskState::Running))
        .await;
    for _ in 0..3 {
        harness.crash(id).await;
    }
    std::fs::write(&flag, "").expect("the flag");
    harness
        .wait_for(id, "it should succeed", |state, _| {
            state == InstanceState::Succeeded
        })
        .await;
    let starts = std::fs::read_to_string(&ran).expect("it ran");
    assert_eq!(starts.lines().count(), 1, "the attempt ran once: {starts}");
    let detail = harness.catalog.tasks().find(id, "t").await.expect("the task");
    assert_eq!(detail.attempts.len(), 1, "no attempt was lost: {detail:?}");
    let ownership = harness
        .catalog
        .history()
        .ownership(id)
        .await
        .expect("read")
        .expect("exists");
    assert_eq!(
        ownership.log.len(),
        1,
        "a crash of an actor changes no owner: {ownership:?}"
    );
}

#[actix_rt::test]
async fn an_instance_whose_actor_keeps_panicking_gets_attention_and_others_continue() {
    let harness = NodeHarness::start().await;
    let flag = harness.folder.path().join("flag");
    let hold = format!("while [ ! -e {} ]; do sleep 0.05; done", flag.display());
    let yaml =
        |name: &str| format!("version: 1\nname: {name}\ntasks:\n  t: {{ type: shell, run: '{hold}' }}\n");
    let (bad, good) = (harness.run(&yaml("bad")).await, harness.run(&yaml("good")).await);
    harness
        .wait_for(bad, "t should run", |_, task| task == Some(TaskState::Running))
        .await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while harness
        .catalog
        .instances()
        .find(bad)
        .await
        .expect("read")
        .expect("exists")
        .attention
        .is_none()
    {
        assert!(Instant::now() < deadline, "it should get attention");
        let master = harness.node.master().expect("a master");
        master.send(CrashInstance(bad)).await.expect("the master runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let parked = harness
        .catalog
        .instances()
        .find(bad)
        .await
        .expect("read")
        .expect("exists");
    assert!(
        parked.owner.is_none(),
        "a quarantined instance has no owner: {parked:?}"
    );
    std::fs::write(&flag, "").expect("the flag");
    harness
        .wait_for(good, "the other one continues", |state, _| {
            state == InstanceState::Succeeded
        })
        .await;
}

#[actix_rt::test]
async fn waits_keep_their_length_when_the_clock_of_the_machine_is_set() {
    for by_ms in [3_600_000, -3_600_000] {
        let harness = NodeHarness::start().await;
        // The wait of `u` ends first: when it ends, that of `t` is compared with the clock too.
        let yaml =
            "version: 1\nname: w\ntasks:\n  t: { type: noop, delay: 4s }\n  u: { type: noop, delay: 1s }\n";
        let (began, id) = (Instant::now(), harness.run(yaml).await);
        harness
            .wait_for(id, "t should wait", |_, task| task == Some(TaskState::Delayed))
            .await;
        let clock = harness.node.clock();
        clock.adjust(clock.now().plus(by_ms), 0);
        let stepped = clock.now();
        harness
            .wait_for(id, "it should succeed", |state, _| {
                state == InstanceState::Succeeded
            })
            .await;
        let took = began.elapsed();
        assert!(
            (Duration::from_secs(4)..Duration::from_secs(8)).contains(&took),
            "by {by_ms} ms: {took:?}"
        );
        let instance = harness
            .catalog
            .instances()
            .find(id)
            .await
            .expect("read")
            .expect("exists");
        let ended = instance.ended_at.expect("an end").since(stepped);
        assert!(
            (2_000..8_000).contains(&ended),
            "dates follow: {ended} ms after the step"
        );
    }
}

#[actix_rt::test]
async fn a_waiter_is_notified_when_its_instance_moves_to_another_master() {
    let harness = NodeHarness::start().await;
    let flag = harness.folder.path().join("flag");
    let hold = format!("while [ ! -e {} ]; do sleep 0.05; done", flag.display());
    let yaml =
        |name: &str| format!("version: 1\nname: {name}\ntasks:\n  t: {{ type: shell, run: '{hold}' }}\n");
    let (goes, stays) = (
        harness.run(&yaml("goes")).await,
        harness.run(&yaml("stays")).await,
    );
    for id in [goes, stays] {
        let runs = |_, task| task == Some(TaskState::Running);
        harness.wait_for(id, "t should run", runs).await;
    }
    let target = another_master(&harness).await;
    let master = harness.node.master().expect("a master");
    let mut commits = harness.node.commit_events().subscribe();
    let give = |id| HandOverInstances {
        target,
        selection: HandoverSelection::These(vec![id, InstanceId(999)]),
    };
    assert_eq!(
        master.send(give(goes)).await.expect("the master runs"),
        1,
        "one is left"
    );
    let notified = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let commit = commits.recv().await.expect("the broadcast is open");
            if commit.id == goes && commit.transitions.is_empty() {
                return commit.state;
            }
        }
    });
    assert_eq!(
        notified.await.expect("the waiter is notified"),
        Some(InstanceState::Running)
    );
    let ownership = harness
        .catalog
        .history()
        .ownership(goes)
        .await
        .expect("read")
        .expect("exists");
    assert_eq!(ownership.owner, Some(target), "{ownership:?}");
    let movable = master.send(GetHandoverCandidates).await.expect("the master runs");
    assert_eq!(
        movable.iter().map(|movable| movable.id).collect::<Vec<_>>(),
        [stays]
    );
    master.send(StartDrain).await.expect("the master runs");
    assert_eq!(master.send(give(stays)).await.expect("the master runs"), 1);
    let ownership = harness
        .catalog
        .history()
        .ownership(stays)
        .await
        .expect("read")
        .expect("exists");
    assert_eq!(
        ownership.epoch,
        Epoch(1),
        "a draining master rebalances nothing: {ownership:?}"
    );
    std::fs::write(&flag, "").expect("the flag");
}

#[actix_rt::test]
async fn a_lease_is_granted_to_the_owning_epoch_and_a_loss_accepted_by_the_owner_only() {
    let harness = NodeHarness::start().await;
    let task = "t: { type: shell, run: sleep 30, on_cut_off: exclusive }";
    let id = harness
        .run(&format!("version: 1\nname: held\ntasks:\n  {task}\n"))
        .await;
    let runs = |_, task| task == Some(TaskState::Running);
    harness.wait_for(id, "t should run, with its lease", runs).await;
    let master = harness.node.master().expect("a master");
    let attempts = harness
        .catalog
        .tasks()
        .find(id, "t")
        .await
        .expect("read")
        .attempts;
    let uid = attempts[0].uid.expect("bound");
    let worker = Incarnation(1);
    let renew = |epoch| RenewLeases {
        worker,
        batch: vec![LeaseRequest {
            uid,
            epoch: Epoch(epoch),
        }],
    };
    assert_eq!(
        master.send(renew(1)).await.expect("the master runs"),
        [LeaseAnswer::Granted]
    );
    assert_eq!(
        master.send(renew(2)).await.expect("the master runs"),
        [LeaseAnswer::Denied]
    );
    let reason = "cut off".to_owned();
    let update = AttemptUpdate::Lost { reason };
    let report = Report { uid, worker, update };
    let relayed = master.send(RelayReports(vec![report.clone()])).await;
    assert_eq!(
        relayed.expect("the master runs"),
        [ReportAnswer::Later],
        "no master stores it"
    );
    let reported = master.send(DeliverReports(vec![report.clone()])).await;
    assert_eq!(reported.expect("the master runs"), [ReportAnswer::Stored]);
    let attempts = harness
        .catalog
        .tasks()
        .find(id, "t")
        .await
        .expect("read")
        .attempts;
    assert_eq!(attempts[0].state, AttemptState::Lost);
    // Its answer may be lost and the instance gone: then no master waits for the report.
    let mut unowned = report;
    unowned.uid.instance = InstanceId(id.0 + 1);
    for answer in [
        master.send(RelayReports(vec![unowned.clone()])).await,
        master.send(DeliverReports(vec![unowned])).await,
    ] {
        assert_eq!(answer.expect("the master runs"), [ReportAnswer::Stored]);
    }
}

/// Another incarnation, which only the store knows.
async fn another_master(harness: &NodeHarness) -> Incarnation {
    let join = Join {
        name: "another".to_owned(),
        host: "127.0.0.1:2".to_owned(),
        roles: vec!["master".to_owned()],
        slots: 0,
        worker_group: "default".to_owned(),
        version: "test".to_owned(),
    };
    let incarnation = harness
        .store
        .join_cluster(&join)
        .await
        .expect("joined")
        .incarnation;
    let active = harness
        .store
        .set_member_state(incarnation, MemberState::Active)
        .await;
    active.expect("active");
    incarnation
}
