//! The messages that wait for one worker.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::DispatchId;
use engine::spec::OnCutOff;

use crate::messages::workflow::{DeliverEvents, RecoveryCounts};
use ports::protocol::{Dispatch, Kill, ReattachRequest};

/// The largest number of messages in one request.
const BATCH: usize = 200;

/// One message for a worker.
#[derive(Clone)]
pub(crate) enum WorkerMessage {
    /// Run an attempt.
    Dispatch(Box<Dispatch>),
    /// End an attempt.
    Kill(Kill),
    /// Report the state of an attempt to its new owner.
    Reattach(ReattachRequest, Option<Arc<RecoveryCounts>>),
}

impl WorkerMessage {
    /// Returns the attempt that the message is about.
    pub(crate) fn uid(&self) -> DispatchId {
        match self {
            Self::Dispatch(dispatch) => dispatch.uid,
            Self::Kill(kill) => kill.uid,
            Self::Reattach(reattach, _) => reattach.uid,
        }
    }
}

/// A message, and the actor that receives what follows from its answer.
#[derive(Clone)]
pub(crate) struct PendingMessage {
    /// The message.
    pub(crate) message: WorkerMessage,
    /// The attempt runs only under a lease.
    pub(crate) exclusive: bool,
    /// Receives the events.
    pub(crate) reply_to: Recipient<DeliverEvents>,
}

impl PendingMessage {
    /// Makes the message that sends an attempt.
    pub(crate) fn dispatch(dispatch: Dispatch, reply_to: Recipient<DeliverEvents>) -> Self {
        Self {
            exclusive: dispatch.on_cut_off == OnCutOff::Exclusive,
            message: WorkerMessage::Dispatch(Box::new(dispatch)),
            reply_to,
        }
    }
}

/// The messages for one worker, of which one batch is in flight at a time.
#[derive(Default)]
pub(crate) struct DispatchQueue {
    messages: VecDeque<PendingMessage>,
    in_flight: bool,
}

impl DispatchQueue {
    /// Appends a message.
    pub(crate) fn push(&mut self, message: PendingMessage) {
        self.messages.push_back(message);
    }

    /// Returns the number of messages that wait.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Takes the next batch, unless one is in flight or nothing waits. A batch is of one kind, and keeps the order per
    /// attempt: a dispatch goes before its kill.
    pub(crate) fn start_batch(&mut self) -> Option<Vec<PendingMessage>> {
        if self.in_flight {
            return None;
        }
        let kind = std::mem::discriminant(&self.messages.front()?.message);
        let size = self
            .messages
            .iter()
            .take(BATCH)
            .take_while(|pending| std::mem::discriminant(&pending.message) == kind)
            .count();
        self.in_flight = true;
        Some(self.messages.drain(..size).collect())
    }

    /// Ends the batch in flight.
    pub(crate) fn finish_batch(&mut self) {
        self.in_flight = false;
    }
}
