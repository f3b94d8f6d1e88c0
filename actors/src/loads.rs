//! Reads instances for actors that are being born, many at a time.
//!
//! What is asked for while others are being read is the next batch: a take-over of thousands costs some dozens of
//! reads, and a lone birth never waits. A row that cannot be read fails its own instance and no other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::ids::{Epoch, Incarnation, InstanceId};
use tokio::sync::oneshot;

use crate::ports::{Loaded, Store, StoreError};

/// Instances in one read: so many that what a read costs by itself does not count, and so few that the first actors
/// of a take-over work while the last ones are still being read.
const BATCH: usize = 200;

/// Reads at the same time: one is put together here while the database answers the other. More would take the
/// connections of other readers.
const READERS: usize = 2;

type Answer = oneshot::Sender<Result<Option<Loaded>, StoreError>>;

/// Reads instances in batches. Clones share the queue.
#[derive(Clone)]
pub struct Loads {
    store: Arc<dyn Store>,
    me: Incarnation,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    asked: VecDeque<(InstanceId, Epoch, Answer)>,
    readers: usize,
}

impl Loads {
    /// Makes the reader of a life.
    pub fn new(store: Arc<dyn Store>, me: Incarnation) -> Self {
        Self {
            store,
            me,
            queue: Arc::default(),
        }
    }

    /// Reads an instance under its ownership; none when it has another owner or epoch now. Has to be called on an
    /// arbiter.
    ///
    /// # Errors
    /// As the store says: try again later, unless the row itself cannot be read.
    pub async fn load(&self, id: InstanceId, epoch: Epoch) -> Result<Option<Loaded>, StoreError> {
        let (answer, answered) = oneshot::channel();
        if self.enqueue((id, epoch, answer)) {
            actix_rt::spawn(self.clone().read());
        }
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the read was given up".to_owned())))
    }

    /// Queues a question; answers whether one more reader has to begin.
    fn enqueue(&self, question: (InstanceId, Epoch, Answer)) -> bool {
        let mut queue = self.queue();
        queue.asked.push_back(question);
        let begins = queue.readers < READERS;
        queue.readers += usize::from(begins);
        begins
    }

    /// Reads batch after batch until nothing is asked for.
    async fn read(self) {
        let mut place = Place(Some(&self));
        while let Some(batch) = self.next(&mut place) {
            let (asked, answers): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|(id, epoch, answer)| ((id, epoch), answer))
                .unzip();
            for (answer, found) in answers.into_iter().zip(self.read_batch(&asked).await) {
                // Who asked may have ended meanwhile.
                answer.send(found).ok();
            }
        }
    }

    /// Takes the next batch. With an empty queue the reader's place is free in the same moment: whoever asks next
    /// begins a new one.
    fn next(&self, place: &mut Place<'_>) -> Option<Vec<(InstanceId, Epoch, Answer)>> {
        let mut queue = self.queue();
        if queue.asked.is_empty() {
            place.0 = None;
            queue.readers -= 1;
            return None;
        }
        let count = queue.asked.len().min(BATCH);
        Some(queue.asked.drain(..count).collect())
    }

    /// Answers in the order of the questions.
    async fn read_batch(&self, asked: &[(InstanceId, Epoch)]) -> Vec<Result<Option<Loaded>, StoreError>> {
        match self.store.load(self.me, asked).await {
            Ok(loaded) => {
                let mut found: BTreeMap<_, _> = loaded.into_iter().map(|one| (one.id, one)).collect();
                asked.iter().map(|(id, _)| Ok(found.remove(id))).collect()
            }
            Err(StoreError::Rejected(_)) if asked.len() > 1 => {
                let mut found = Vec::with_capacity(asked.len());
                for one in asked {
                    let read = self.store.load(self.me, std::slice::from_ref(one)).await;
                    found.push(read.map(|mut loaded| loaded.pop()));
                }
                found
            }
            Err(error) => asked.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a reader, which is free again also when the reader panics.
struct Place<'a>(Option<&'a Loads>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(loads) = self.0 {
            loads.queue().readers -= 1;
        }
    }
}
