//! What nodes ask each other: for each question its path, its answer, and how long the asking side waits.

use std::time::Duration;

use actors::protocol::{
    Dispatch, DispatchReply, Kill, KillAnswer, LeaseRequest, Owner, ReattachAnswer, ReattachRequest, Report,
    ReportAnswer,
};
use engine::ids::{DispatchId, Incarnation, InstanceId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The life that asks.
pub(super) const FROM: &str = "x-porpoise-from";
/// The life that is asked.
pub(super) const TO: &str = "x-porpoise-to";
/// The SHA-256 of the call's body.
pub(super) const BODY: &str = "x-porpoise-body";
/// The signature of a call or of an answer.
pub(super) const SIGNATURE: &str = "x-porpoise-signature";
/// The size of the log that an answer holds a part of.
pub(super) const SIZE: &str = "x-porpoise-size";

/// Whoever lives at the address; only a ping may ask so.
pub(super) const ANY_INCARNATION: Incarnation = Incarnation(0);

/// The largest body: a batch of 200 dispatches with long scripts fits many times.
pub(super) const BODY_LIMIT: usize = 64 << 20;

/// A worker decides at once, but journals first.
const WORKER: Duration = Duration::from_secs(5);
/// A worker counts its slots. With the second between two greetings, a silent one is noticed within three.
const HELLO: Duration = Duration::from_secs(2);
/// A master answers after its commits, at the latest after one second.
const MASTER: Duration = Duration::from_secs(3);
/// A ping is for finding out whether somebody is there at all.
const PING: Duration = Duration::from_millis(500);
/// A call that is held open to notice the end of a node.
pub(super) const WATCH_HELD: Duration = Duration::from_secs(20);
/// A master looks at its own table.
const REACHED: Duration = Duration::from_secs(1);
/// A part of a log is read from a disk.
const LOG: Duration = Duration::from_secs(5);
/// What an answer to a poke may take beyond the time that the poke grants.
const BEYOND_WAIT: Duration = Duration::from_secs(1);

/// One question to another node.
pub(super) trait RpcRequest: Serialize + DeserializeOwned + Send + Sync {
    /// Where it goes.
    const PATH: &'static str;
    /// What comes back.
    type Answer: Serialize + DeserializeOwned;

    /// Returns how long the asking side waits, connecting included.
    fn deadline(&self) -> Duration;
}

/// Ties a question to its path, its answer and its deadline.
macro_rules! ask {
    ($name:ident at $path:literal => $answer:ty, $deadline:expr) => {
        impl RpcRequest for $name {
            const PATH: &'static str = concat!("/rpc/v1/", $path);
            type Answer = $answer;

            fn deadline(&self) -> Duration {
                $deadline(self)
            }
        }
    };
}

/// Who lives there?
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ping;
ask!(Ping at "ping" => Incarnation, |_: &Ping| PING);

/// Answered after a while: until then the connection shows that the node lives.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HoldOpen;
ask!(HoldOpen at "watch" => (), |_: &HoldOpen| WATCH_HELD + BEYOND_WAIT);

/// `WorkerLink::dispatch`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DispatchBatch(pub(super) Vec<Dispatch>);
ask!(DispatchBatch at "worker/dispatch" => DispatchReply, |_: &DispatchBatch| WORKER);

/// `WorkerLink::kill`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KillBatch(pub(super) Vec<Kill>);
ask!(KillBatch at "worker/kill" => Vec<KillAnswer>, |_: &KillBatch| WORKER);

/// `WorkerLink::adopt`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AdoptBatch(pub(super) Vec<ReattachRequest>);
ask!(AdoptBatch at "worker/adopt" => Vec<ReattachAnswer>, |_: &AdoptBatch| WORKER);

/// `WorkerLink::hello`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello(pub(super) Owner);
ask!(Hello at "worker/hello" => u32, |_: &Hello| HELLO);

/// `MasterLink::report`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReportBatch {
    pub(super) to: Owner,
    pub(super) batch: Vec<Report>,
}
ask!(ReportBatch at "master/report" => Vec<ReportAnswer>, |_: &ReportBatch| MASTER);

/// `MasterLink::relay`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RelayBatch(pub(super) Vec<Report>);
ask!(RelayBatch at "master/relay" => Vec<ReportAnswer>, |_: &RelayBatch| MASTER);

/// `MasterLink::slots`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SlotsFree {
    pub(super) to: Owner,
    pub(super) worker: Incarnation,
    pub(super) free: u32,
}
ask!(SlotsFree at "master/slots" => (), |_: &SlotsFree| MASTER);

/// `MasterLink::renew`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Renewals {
    pub(super) to: Owner,
    pub(super) worker: Incarnation,
    pub(super) batch: Vec<LeaseRequest>,
}
ask!(Renewals at "master/renew" => Vec<bool>, |_: &Renewals| MASTER);

/// `PeerLink::poke`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Poke {
    pub(super) id: InstanceId,
    pub(super) wait_ms: u64,
}
ask!(Poke at "master/poke" => (), |poke: &Poke| poke.wait() + BEYOND_WAIT);

/// `PeerLink::nudge`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Nudge;
ask!(Nudge at "master/nudge" => (), |_: &Nudge| MASTER);

/// `PeerLink::reached`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reached;
ask!(Reached at "master/reached" => Vec<Incarnation>, |_: &Reached| REACHED);

/// `PeerLink::drain`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Drain;
ask!(Drain at "node/drain" => (), |_: &Drain| MASTER);

/// A part of a log. The answer's body is the bytes themselves, its `SIZE` the size of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReadLog {
    pub(super) uid: DispatchId,
    pub(super) offset: u64,
    pub(super) limit: u64,
}
ask!(ReadLog at "logs/read" => (), |_: &ReadLog| LOG);

impl Poke {
    /// Returns how long the asked master may take.
    pub(super) fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }
}
