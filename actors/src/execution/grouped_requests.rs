//! Requests that are answered together.
//!
//! What is requested while others are answered is the next batch, so that a single request never waits for others to
//! come.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use ports::StoreError;

type Reply<A> = oneshot::Sender<Result<A, StoreError>>;

/// The requests of one kind that wait.
struct RequestQueue<Q, A> {
    waiting: VecDeque<(Q, Reply<A>)>,
    is_busy: bool,
}

/// Groups requests of one kind. Clones share the queue.
pub(crate) struct GroupedRequests<Q, A> {
    queue: Arc<Mutex<RequestQueue<Q, A>>>,
    /// The largest number of requests in one batch.
    batch: usize,
}

impl<Q, A> Clone for GroupedRequests<Q, A> {
    fn clone(&self) -> Self {
        Self {
            queue: Arc::clone(&self.queue),
            batch: self.batch,
        }
    }
}

impl<Q: 'static, A: 'static> GroupedRequests<Q, A> {
    /// Groups at most `batch` requests.
    pub(crate) fn new(batch: usize) -> Self {
        let queue = RequestQueue {
            waiting: VecDeque::new(),
            is_busy: false,
        };
        Self {
            queue: Arc::new(Mutex::new(queue)),
            batch,
        }
    }

    /// Queues a request and waits for its answer. The first of a batch answers all that queue meanwhile, on this arbiter.
    pub(crate) async fn request(
        &self,
        question: Q,
        answer: impl AsyncFn(Vec<Q>) -> Result<Vec<A>, StoreError> + 'static,
    ) -> Result<A, StoreError> {
        let (reply, answered) = oneshot::channel();
        let must_answer = {
            let mut queue = self.queue.lock();
            queue.waiting.push_back((question, reply));
            !std::mem::replace(&mut queue.is_busy, true)
        };
        if must_answer {
            let requests = self.clone();
            actix_rt::spawn(async move {
                while let Some(batch) = requests.next_batch() {
                    answer_batch(batch, &answer).await;
                }
            });
        }
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::Uncertain("the request was given up".to_owned())))
    }

    /// Takes the next batch; an empty queue is free for the next request in the same moment.
    fn next_batch(&self) -> Option<Vec<(Q, Reply<A>)>> {
        let mut queue = self.queue.lock();
        let count = queue.waiting.len().min(self.batch);
        if count == 0 {
            queue.is_busy = false;
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }
}

async fn answer_batch<Q, A>(
    batch: Vec<(Q, Reply<A>)>,
    answer: &impl AsyncFn(Vec<Q>) -> Result<Vec<A>, StoreError>,
) {
    let (questions, replies): (Vec<Q>, Vec<Reply<A>>) = batch.into_iter().unzip();
    match answer(questions).await {
        // The attempt that asked may have ended in the meantime.
        Ok(answers) => replies.into_iter().zip(answers).for_each(|(reply, answer)| {
            reply.send(Ok(answer)).ok();
        }),
        Err(error) => replies.into_iter().for_each(|reply| {
            reply.send(Err(error.clone())).ok();
        }),
    }
}
