//! The queue in front of the journal, from which one write at a time is taken.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::attempts::{Attempts, DispatchDecision};
use super::messages::DispatchAttempts;
use ports::journal::{Journal, JournalError, JournalRecord};
use ports::protocol::{Dispatch, DispatchAnswer, DispatchReply, Owner};

/// Number of records above which the journal is rewritten, unless most of them are still needed.
const REWRITE_ABOVE: usize = 50_000;

/// Records per tracked attempt up to which a long journal is not rewritten.
const RECORDS_PER_ATTEMPT: usize = 8;

/// The state of the stored journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoredJournal {
    /// It has every record; this many.
    Complete(usize),
    /// A write failed: the next one replaces it.
    Incomplete,
}

/// What waits to be written to the journal.
pub(crate) struct JournalQueue {
    batches: Vec<DispatchAttempts>,
    records: Vec<JournalRecord>,
    in_flight: bool,
    stored: StoredJournal,
}

/// A batch of dispatches that is decided and is answered after the write.
#[derive(Debug)]
pub(crate) struct DecidedBatch {
    answers: Vec<DispatchAnswer>,
    from: Option<Owner>,
    reply: oneshot::Sender<DispatchReply>,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JournalWrite {
    /// Appends records, maybe none.
    Append(Vec<JournalRecord>),
    /// Replaces the journal by what is still needed.
    Replace(Vec<JournalRecord>),
}

/// What follows a write.
#[derive(Debug, Default)]
pub(crate) struct AfterWrite {
    accepted: Vec<Dispatch>,
    batches: Vec<DecidedBatch>,
}

impl JournalQueue {
    /// Begins with an empty queue before a journal that was just rewritten, or could not be.
    pub(crate) fn new(rewritten: &Result<(), JournalError>) -> Self {
        Self {
            batches: Vec::new(),
            records: Vec::new(),
            in_flight: false,
            stored: match rewritten {
                Ok(()) => StoredJournal::Complete(0),
                Err(_) => StoredJournal::Incomplete,
            },
        }
    }

    /// Queues a batch of dispatches.
    pub(crate) fn push_batch(&mut self, batch: DispatchAttempts) {
        self.batches.push(batch);
    }

    /// Queues a record.
    pub(crate) fn push_record(&mut self, record: JournalRecord) {
        self.records.push(record);
    }

    /// Whether `begin_write` would decide on dispatches.
    pub(crate) fn has_undecided_batch(&self) -> bool {
        !self.in_flight && !self.batches.is_empty()
    }

    /// Decides on the queued dispatches and takes everything queued as one write, unless one is in flight.
    pub(crate) fn begin_write(&mut self, attempts: &mut Attempts) -> Option<(JournalWrite, AfterWrite)> {
        if self.in_flight || (self.batches.is_empty() && self.records.is_empty()) {
            return None;
        }
        self.in_flight = true;
        let mut records = std::mem::take(&mut self.records);
        let mut after = AfterWrite::default();
        for batch in std::mem::take(&mut self.batches) {
            after
                .batches
                .push(decide_batch(batch, attempts, &mut records, &mut after.accepted));
        }
        Some((self.write_of(records, attempts), after))
    }

    fn write_of(&mut self, records: Vec<JournalRecord>, attempts: &Attempts) -> JournalWrite {
        let needed = attempts.len().saturating_mul(RECORDS_PER_ATTEMPT);
        match self.stored {
            StoredJournal::Complete(stored) if stored <= REWRITE_ABOVE.max(needed) => {
                self.stored = StoredJournal::Complete(stored + records.len());
                JournalWrite::Append(records)
            }
            StoredJournal::Complete(_) | StoredJournal::Incomplete => {
                let records = attempts.journal_records();
                self.stored = StoredJournal::Complete(records.len());
                JournalWrite::Replace(records)
            }
        }
    }

    /// Ends a write: returns the attempts to start and the batches to answer. Nothing of a failed write starts.
    pub(crate) fn end_write(
        &mut self,
        mut after: AfterWrite,
        written: Result<(), JournalError>,
        attempts: &mut Attempts,
    ) -> (Vec<Dispatch>, Vec<DecidedBatch>) {
        self.in_flight = false;
        if let Err(error) = written {
            tracing::error!(%error, "the worker's journal cannot be written");
            self.stored = StoredJournal::Incomplete;
            for dispatch in after.accepted.drain(..) {
                attempts.tombstone(dispatch.uid);
            }
            for batch in &mut after.batches {
                batch.refuse(&error);
            }
        }
        (after.accepted, after.batches)
    }
}

fn decide_batch(
    DispatchAttempts { to, batch, reply }: DispatchAttempts,
    attempts: &mut Attempts,
    records: &mut Vec<JournalRecord>,
    accepted: &mut Vec<Dispatch>,
) -> DecidedBatch {
    let from = batch.first().map(|dispatch| dispatch.owner.clone());
    let mut answers = Vec::with_capacity(batch.len());
    for dispatch in batch {
        answers.push(match attempts.decide_dispatch(to, &dispatch) {
            DispatchDecision::Answer(answer) => answer,
            DispatchDecision::Accept => {
                records.push(JournalRecord::Accepted {
                    uid: dispatch.uid,
                    worker: dispatch.worker,
                    owner: dispatch.owner.clone(),
                });
                accepted.push(dispatch);
                DispatchAnswer::Accepted
            }
        });
    }
    DecidedBatch { answers, from, reply }
}

impl DecidedBatch {
    fn refuse(&mut self, error: &JournalError) {
        for answer in &mut self.answers {
            if *answer == DispatchAnswer::Accepted {
                *answer = DispatchAnswer::refused(&format!("the worker cannot write its journal: {error}"));
            }
        }
    }

    /// Returns the master that waits for a slot after this reply.
    pub(crate) fn waiting_master(&self, free_slots: u32) -> Option<&Owner> {
        let is_refused = |answer: &DispatchAnswer| matches!(answer, DispatchAnswer::Refused { .. });
        let waits = free_slots == 0 || self.answers.iter().any(is_refused);
        self.from.as_ref().filter(|_| waits)
    }

    /// Replies to the master. One that is gone repeats the dispatch, and the uid is known by then.
    pub(crate) fn reply(self, free_slots: u32) {
        let answers = self.answers;
        self.reply.send(DispatchReply { answers, free_slots }).ok();
    }
}

impl JournalWrite {
    /// Performs the write.
    pub(crate) async fn perform(self, journal: Arc<dyn Journal>) -> Result<(), JournalError> {
        match self {
            Self::Append(records) if records.is_empty() => Ok(()),
            Self::Append(records) => journal.append(&records).await,
            Self::Replace(records) => journal.replace(&records).await,
        }
    }
}

#[cfg(test)]
mod tests;
