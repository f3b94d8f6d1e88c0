//! Reads instances for their actors, many at a time.
//!
//! What is requested while others are being read is the next batch: a take-over of thousands costs some dozens of reads,
//! and a single load never waits. A row that cannot be read fails its own instance and no other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use engine::ids::{Epoch, Incarnation, InstanceId};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use ports::{InstanceReader, LoadedInstance, Ownership, StoreError};

/// The largest number of instances in one read: enough for the fixed cost of a read not to count, and few enough for the
/// first actors of a take-over to work while the last ones are still being read.
const BATCH: usize = 200;

/// Concurrent reads: one is assembled here while the database answers the other. More would take the connections of other
/// readers.
const READERS: usize = 2;

type LoadReply = oneshot::Sender<Result<Option<LoadedInstance>, StoreError>>;

/// Reads instances in batches. Clones share the queue.
#[derive(Clone)]
pub struct InstanceLoader {
    store: Arc<dyn InstanceReader>,
    owner: Incarnation,
    queue: Arc<Mutex<LoadQueue>>,
}

#[derive(Default)]
struct LoadQueue {
    requests: VecDeque<(Ownership, LoadReply)>,
    readers: usize,
}

impl InstanceLoader {
    /// Makes the loader of an owner.
    pub fn new(store: Arc<dyn InstanceReader>, owner: Incarnation) -> Self {
        Self {
            store,
            owner,
            queue: Arc::default(),
        }
    }

    /// Reads an instance under its ownership; none when it has another owner or epoch now. Must be called on an arbiter.
    ///
    /// # Errors
    /// As the store returns: try again later, unless the row itself cannot be read.
    pub async fn load(&self, id: InstanceId, epoch: Epoch) -> Result<Option<LoadedInstance>, StoreError> {
        let (reply, loaded) = oneshot::channel();
        if self.enqueue(Ownership { id, epoch }, reply) == ReaderNeed::Start {
            actix_rt::spawn(self.clone().read_until_empty());
        }
        loaded
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the read was given up".to_owned())))
    }

    fn enqueue(&self, owned: Ownership, reply: LoadReply) -> ReaderNeed {
        let mut queue = self.queue.lock();
        queue.requests.push_back((owned, reply));
        if queue.readers >= READERS {
            return ReaderNeed::Enough;
        }
        queue.readers += 1;
        ReaderNeed::Start
    }

    /// Reads batch after batch until nothing is requested.
    async fn read_until_empty(self) {
        let mut slot = ReaderSlot(Some(&self));
        while let Some(batch) = self.next_batch(&mut slot) {
            let (owned, replies): (Vec<Ownership>, Vec<LoadReply>) = batch.into_iter().unzip();
            for (reply, loaded) in replies.into_iter().zip(self.read_batch(&owned).await) {
                // The actor that asked may have ended in the meantime.
                reply.send(loaded).ok();
            }
        }
    }

    /// Takes the next batch. When the queue is empty the reader's slot is released in the same moment, so that the next
    /// request starts a new reader.
    fn next_batch(&self, slot: &mut ReaderSlot<'_>) -> Option<Vec<(Ownership, LoadReply)>> {
        let mut queue = self.queue.lock();
        if queue.requests.is_empty() {
            slot.0 = None;
            queue.readers -= 1;
            return None;
        }
        let count = queue.requests.len().min(BATCH);
        Some(queue.requests.drain(..count).collect())
    }

    /// Returns one answer per request, in their order.
    async fn read_batch(&self, owned: &[Ownership]) -> Vec<Result<Option<LoadedInstance>, StoreError>> {
        match self.store.load_instances(self.owner, owned).await {
            Ok(loaded) => {
                let mut found: BTreeMap<_, _> = loaded.into_iter().map(|one| (one.rows.id, one)).collect();
                owned.iter().map(|one| Ok(found.remove(&one.id))).collect()
            }
            Err(StoreError::Rejected(_)) if owned.len() > 1 => {
                let mut found = Vec::with_capacity(owned.len());
                for one in owned {
                    let read = self
                        .store
                        .load_instances(self.owner, std::slice::from_ref(one))
                        .await;
                    found.push(read.map(|mut loaded| loaded.pop()));
                }
                found
            }
            Err(error) => owned.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

/// Whether a request needs one more reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderNeed {
    Start,
    Enough,
}

/// The slot of a reader, which is released also when the reader panics.
struct ReaderSlot<'a>(Option<&'a InstanceLoader>);

impl Drop for ReaderSlot<'_> {
    fn drop(&mut self) {
        if let Some(loader) = self.0 {
            loader.queue.lock().readers -= 1;
        }
    }
}
