//! One call of each kind with its reply, in which every answer and update occurs.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::attempt::{AttemptEnd, AttemptResult, FailureKind};
use engine::connection::ResolvedConnection;
use engine::ids::{
    AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, TaskIndex, Timestamp,
};
use engine::spec::OnCutOff;
use engine::states::KillCause;
use engine::task_type::PreparedAction;
use ports::connections::ConnectionTest;
use ports::protocol::{
    AttemptUpdate, Dispatch, DispatchAnswer, DispatchReply, Kill, KillAnswer, LeaseAnswer, LeaseRequest,
    Owner, ReattachAnswer, ReattachRequest, Report, ReportAnswer,
};
use ports::rpc::calls::{Call, MasterCall, MasterReply, NodeCall, NodeReply, Reply, WorkerCall, WorkerReply};
use ports::{LimitKey, LogPart};
use serde_json::{Map, json};

/// Every call with its reply.
pub(super) fn samples() -> Vec<(Call, Reply)> {
    let worker = |(call, reply)| (Call::Worker(call), Reply::Worker(reply));
    let master = |(call, reply)| (Call::Master(call), Reply::Master(reply));
    let node = |(call, reply)| (Call::Node(call), Reply::Node(reply));
    let mut samples: Vec<(Call, Reply)> = Vec::new();
    samples.extend(worker_samples().into_iter().map(worker));
    samples.extend(master_samples().into_iter().chain(hint_samples()).map(master));
    samples.extend(node_samples().into_iter().map(node));
    samples
}

/// The time that a `CheckInbox` call grants in the samples.
pub(super) const INBOX_WAIT: Duration = Duration::from_millis(250);

fn worker_samples() -> Vec<(WorkerCall, WorkerReply)> {
    vec![
        (
            WorkerCall::Dispatch { batch: dispatches() },
            WorkerReply::Dispatched(DispatchReply {
                answers: vec![
                    DispatchAnswer::Accepted,
                    DispatchAnswer::refused("there is no slot"),
                    DispatchAnswer::StaleEpoch { seen: Epoch(6) },
                ],
                free_slots: 2,
            }),
        ),
        (
            WorkerCall::Kill { batch: kills() },
            WorkerReply::Killing {
                answers: vec![
                    KillAnswer::Killing,
                    KillAnswer::NeverStarted,
                    KillAnswer::StaleEpoch { seen: Epoch(6) },
                ],
            },
        ),
        (
            WorkerCall::Reattach {
                batch: vec![ReattachRequest {
                    uid: uid(0),
                    worker: Incarnation(7),
                    owner: owner(),
                }],
            },
            WorkerReply::Reattached {
                answers: reattach_answers(),
            },
        ),
        (
            WorkerCall::PollSlots { from: owner() },
            WorkerReply::FreeSlots { free: 3 },
        ),
        (
            WorkerCall::TestConnection {
                connection: ResolvedConnection {
                    name: "bastion".to_owned(),
                    connection_type: "ssh".to_owned(),
                    fields: Map::from_iter([("host".to_owned(), "bastion".into())]),
                    secrets: Vec::new(),
                },
            },
            WorkerReply::ConnectionTested(ConnectionTest {
                ok: true,
                detail: "logged in to bastion as etl".to_owned(),
                latency_ms: 12,
                accepted_key: Some("bastion ssh-ed25519 AAAA".to_owned()),
            }),
        ),
    ]
}

fn master_samples() -> Vec<(MasterCall, MasterReply)> {
    vec![
        (
            MasterCall::Report {
                owner: owner(),
                batch: reports(),
            },
            MasterReply::Reported {
                answers: vec![
                    ReportAnswer::Stored,
                    ReportAnswer::Moved { owner: Some(owner()) },
                    ReportAnswer::Moved { owner: None },
                    ReportAnswer::Later,
                ],
            },
        ),
        (
            MasterCall::Relay { batch: reports() },
            MasterReply::Reported {
                answers: vec![ReportAnswer::Stored; 3],
            },
        ),
        (
            MasterCall::OfferSlots {
                owner: owner(),
                worker: Incarnation(7),
                free: 3,
            },
            MasterReply::Done {},
        ),
        (
            MasterCall::RenewLeases {
                owner: owner(),
                worker: Incarnation(7),
                batch: vec![LeaseRequest {
                    uid: uid(0),
                    epoch: Epoch(5),
                }],
            },
            MasterReply::Leases {
                answers: vec![LeaseAnswer::Granted, LeaseAnswer::Denied],
            },
        ),
        (
            MasterCall::CheckInbox {
                instance: InstanceId(42),
                wait_ms: u64::try_from(INBOX_WAIT.as_millis()).unwrap(),
            },
            MasterReply::Done {},
        ),
        (MasterCall::Reconcile {}, MasterReply::Done {}),
        (
            MasterCall::ReachableWorkers {},
            MasterReply::ReachableWorkers {
                workers: vec![Incarnation(7), Incarnation(8)],
            },
        ),
    ]
}

fn hint_samples() -> Vec<(MasterCall, MasterReply)> {
    vec![
        (
            MasterCall::LookAgain {
                instances: vec![InstanceId(42), InstanceId(43)],
                tasks: vec![(InstanceId(44), TaskIndex(2))],
            },
            MasterReply::Done {},
        ),
        (
            MasterCall::CheckLimits {
                limits: vec![LimitKey {
                    project: "retail".to_owned(),
                    name: "warehouse".to_owned(),
                }],
            },
            MasterReply::Done {},
        ),
    ]
}

fn node_samples() -> Vec<(NodeCall, NodeReply)> {
    vec![
        (
            NodeCall::Ping {},
            NodeReply::Alive {
                incarnation: Incarnation(7),
            },
        ),
        (NodeCall::Watch {}, NodeReply::Done {}),
        (NodeCall::Drain {}, NodeReply::Done {}),
        (
            NodeCall::ReadLog {
                uid: uid(0),
                offset: 2,
                limit: 4,
            },
            NodeReply::Log(LogPart {
                bytes: b"23\xff5".to_vec(),
                next_offset: 6,
                size: 10,
            }),
        ),
    ]
}

fn uid(task: u32) -> DispatchId {
    format!("1-42-{task}-1-1").parse().unwrap()
}

fn owner() -> Owner {
    Owner {
        incarnation: Incarnation(2),
        host: "node-2:7071".to_owned(),
        generation: Generation(1),
        epoch: Epoch(5),
    }
}

fn dispatches() -> Vec<Dispatch> {
    let actions = [
        ("shell", json!({"run": "echo done", "interpreter": "/bin/sh"})),
        ("python", json!({"run": "print('done')", "python": "python3"})),
        (
            "http",
            json!({
                "request": {"method": "POST", "url": "http://example.com/", "headers": {"Accept": "text/plain"}},
                "expect": {"status": [200, 204]},
            }),
        ),
        ("noop", json!({})),
    ];
    let policies = [
        OnCutOff::Continue,
        OnCutOff::Exclusive,
        OnCutOff::StopAfter { ms: 30_000 },
        OnCutOff::Continue,
    ];
    let with_policy = actions.into_iter().zip(policies).zip(0..);
    with_policy
        .map(|(((task_type, fields), on_cut_off), ordinal)| Dispatch {
            uid: uid(ordinal),
            worker: Incarnation(7),
            owner: owner(),
            project: "default".to_owned(),
            workflow: "nightly".to_owned(),
            task: format!("task-{ordinal}"),
            attempt: AttemptNumber(1),
            action: PreparedAction {
                task_type: task_type.to_owned(),
                fields: fields.as_object().cloned().unwrap_or_default(),
            },
            env: BTreeMap::from([("DAY".to_owned(), "2026-01-31".to_owned())]),
            secret_slots: Vec::new(),
            secrets: Default::default(),
            outputs: BTreeMap::new(),
            timeout_ms: Some(60_000),
            on_cut_off,
            connection: None,
        })
        .collect()
}

fn kills() -> Vec<Kill> {
    let causes = [KillCause::Stop, KillCause::Timeout];
    let kill = |(cause, ordinal)| Kill {
        uid: uid(ordinal),
        owner: owner(),
        cause,
    };
    causes.into_iter().zip(0..).map(kill).collect()
}

fn end(result: AttemptResult) -> AttemptEnd {
    AttemptEnd {
        result,
        exit_code: Some(1),
        error: Some("the process ended with code 1".to_owned()),
        failure: FailureKind::Transient,
        outputs: BTreeMap::from([("rows".to_owned(), "12".to_owned())]),
        pid: Some(4711),
        started_at: Some(Timestamp(1_700_000_000_000)),
        log_bytes: Some(4_096),
        ended_at: Timestamp(1_700_000_060_000),
    }
}

fn reattach_answers() -> Vec<ReattachAnswer> {
    vec![
        ReattachAnswer::Running {
            pid: Some(4711),
            started_at: Some(Timestamp(1_700_000_000_000)),
        },
        ReattachAnswer::Done {
            end: end(AttemptResult::Failed),
        },
        ReattachAnswer::NeverStarted,
        ReattachAnswer::Lost {
            reason: "its processes could not be checked".to_owned(),
        },
        ReattachAnswer::StaleEpoch { seen: Epoch(6) },
    ]
}

fn reports() -> Vec<Report> {
    let updates = [
        AttemptUpdate::Started {
            pid: Some(4711),
            at: Timestamp(1_700_000_000_000),
        },
        AttemptUpdate::Ended(end(AttemptResult::Succeeded)),
        AttemptUpdate::Lost {
            reason: "no master was reached for 30 s".to_owned(),
        },
    ];
    let report = |(update, ordinal)| Report {
        uid: uid(ordinal),
        worker: Incarnation(7),
        update,
    };
    updates.into_iter().zip(0..).map(report).collect()
}
