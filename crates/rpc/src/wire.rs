//! The form of calls and replies on the wire: headers, limits, the JSON of the body.

use engine::ids::Incarnation;
use ports::rpc::calls::{Call, MasterCall, NodeCall, PROTOCOL_VERSION, Reply, WorkerCall};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The header with the incarnation that calls.
pub(super) const FROM: &str = "x-porpoise-from";
/// The header with the incarnation that is called.
pub(super) const TO: &str = "x-porpoise-to";
/// The header with the hash of the call's body.
pub(super) const BODY_HASH: &str = "x-porpoise-body";
/// The header with the signature of a call or of a reply.
pub(super) const SIGNATURE: &str = "x-porpoise-signature";

/// Whichever incarnation listens at an address; only a ping may be sent to it.
pub(super) const ANY_INCARNATION: Incarnation = Incarnation(0);

/// Bytes of the largest body: a batch of 200 dispatches with long scripts fits many times.
pub(super) const BODY_LIMIT: usize = 64 << 20;

/// The path below which all calls are.
const PREFIX: &str = "/rpc/v1/";
/// The path below which the calls to workers are.
const WORKER_PREFIX: &str = "/rpc/v1/worker/";
/// The path below which the calls to masters are.
const MASTER_PREFIX: &str = "/rpc/v1/master/";

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// No role has calls at this path.
    #[error("there is no such call")]
    NoSuchCall,
    /// The body is that of another path.
    #[error("the body holds a call of another path")]
    OtherPath,
    /// The body is not what this version expects.
    #[error("version {version} of the protocol (this node has version {PROTOCOL_VERSION}): {cause}")]
    Unreadable {
        /// The version that the message names; 0 if it names none.
        version: u32,
        /// From the parser.
        cause: serde_json::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct CallEnvelope<T> {
    version: u32,
    call: T,
}

#[derive(Serialize, Deserialize)]
struct ReplyEnvelope<T> {
    version: u32,
    reply: T,
}

#[derive(Default, Deserialize)]
struct VersionOnly {
    #[serde(default)]
    version: u32,
}

/// Writes the body of a call.
pub(super) fn encode_call(call: &Call) -> Result<Vec<u8>, serde_json::Error> {
    match call {
        Call::Worker(call) => write_call(call),
        Call::Master(call) => write_call(call),
        Call::Node(call) => write_call(call),
    }
}

/// Reads the body that came to a path.
pub(super) fn decode_call(path: &str, body: &[u8]) -> Result<Call, WireError> {
    let call = if path.starts_with(WORKER_PREFIX) {
        Call::Worker(read_call::<WorkerCall>(body)?)
    } else if path.starts_with(MASTER_PREFIX) {
        Call::Master(read_call::<MasterCall>(body)?)
    } else if path.starts_with(PREFIX) {
        Call::Node(read_call::<NodeCall>(body)?)
    } else {
        return Err(WireError::NoSuchCall);
    };
    if call.path() == path {
        Ok(call)
    } else {
        Err(WireError::OtherPath)
    }
}

/// Writes the body of a reply.
pub(super) fn encode_reply(reply: &Reply) -> Result<Vec<u8>, serde_json::Error> {
    match reply {
        Reply::Worker(reply) => write_reply(reply),
        Reply::Master(reply) => write_reply(reply),
        Reply::Node(reply) => write_reply(reply),
    }
}

/// Reads the reply to a call.
pub(super) fn decode_reply(call: &Call, body: &[u8]) -> Result<Reply, WireError> {
    match call {
        Call::Worker(_) => read_reply(body).map(Reply::Worker),
        Call::Master(_) => read_reply(body).map(Reply::Master),
        Call::Node(_) => read_reply(body).map(Reply::Node),
    }
}

fn write_call<T: Serialize>(call: &T) -> Result<Vec<u8>, serde_json::Error> {
    let version = PROTOCOL_VERSION;
    serde_json::to_vec(&CallEnvelope { version, call })
}

fn write_reply<T: Serialize>(reply: &T) -> Result<Vec<u8>, serde_json::Error> {
    let version = PROTOCOL_VERSION;
    serde_json::to_vec(&ReplyEnvelope { version, reply })
}

fn read_call<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    let envelope: CallEnvelope<T> = read(body)?;
    Ok(envelope.call)
}

fn read_reply<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    let envelope: ReplyEnvelope<T> = read(body)?;
    Ok(envelope.reply)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(body).map_err(|cause| WireError::Unreadable {
        version: version_of(body),
        cause,
    })
}

fn version_of(body: &[u8]) -> u32 {
    let read: VersionOnly = serde_json::from_slice(body).unwrap_or_default();
    read.version
}

#[cfg(test)]
mod tests;
