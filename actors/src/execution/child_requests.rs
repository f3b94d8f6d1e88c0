//! Requests of many attempts about their children, answered by the store together.
//!
//! What is requested while the store answers others is the next batch, so that a single request never waits for others to
//! come.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use engine::children::{ChildRefusal, ChildResult, ChildSummary};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use ports::fail_points::fail_point;
use ports::{
    ChildVersion, ChildWorkflowQuery, ChildrenCommit, ChildrenOutcome, ParentTask, Store, StoreError,
};

/// The largest number of requests in one batch.
const BATCH: usize = 200;

/// The most children that one batch creates; more would delay the other commits of this node.
const MAX_CREATED: usize = 400;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// The requests of one kind that wait.
pub(crate) struct RequestQueue<Q, A> {
    waiting: VecDeque<(Q, Reply<A>)>,
    is_busy: bool,
}

impl<Q, A> Default for RequestQueue<Q, A> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            is_busy: false,
        }
    }
}

/// The queue of one kind of request.
pub(crate) type SharedQueue<Q, A> = Arc<Mutex<RequestQueue<Q, A>>>;

/// Groups requests about children. Clones share the queues.
#[derive(Clone)]
pub struct ChildRequests {
    store: Arc<dyn Store>,
    versions: SharedQueue<ChildWorkflowQuery, Result<ChildVersion, ChildRefusal>>,
    creations: SharedQueue<ChildrenCommit, ChildrenOutcome>,
    lists: SharedQueue<ParentTask, Vec<ChildSummary>>,
    results: SharedQueue<ParentTask, BTreeMap<u32, ChildResult>>,
}

impl ChildRequests {
    /// Groups requests to a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            versions: Arc::default(),
            creations: Arc::default(),
            lists: Arc::default(),
            results: Arc::default(),
        }
    }

    /// Finds the version that a task starts.
    ///
    /// # Errors
    /// As the store returns.
    pub(crate) async fn find_version(
        &self,
        query: ChildWorkflowQuery,
    ) -> Result<Result<ChildVersion, ChildRefusal>, StoreError> {
        let store = Arc::clone(&self.store);
        request(
            &self.versions,
            query,
            |_| 1,
            async move |batch| store.find_child_versions(&batch).await,
        )
        .await
    }

    /// Creates children.
    ///
    /// # Errors
    /// As the store returns.
    pub(crate) async fn create(&self, commit: ChildrenCommit) -> Result<ChildrenOutcome, StoreError> {
        let store = Arc::clone(&self.store);
        let size = |commit: &ChildrenCommit| commit.instances.len() * BATCH / MAX_CREATED;
        request(&self.creations, commit, size, async move |batch| {
            fail_point("children.before_create");
            let created = store.create_children(&batch).await;
            fail_point("children.after_create");
            created
        })
        .await
    }

    /// Lists the children of an attempt.
    ///
    /// # Errors
    /// As the store returns.
    pub(crate) async fn list(&self, parent: ParentTask) -> Result<Vec<ChildSummary>, StoreError> {
        let store = Arc::clone(&self.store);
        request(
            &self.lists,
            parent,
            |_| 1,
            async move |batch| store.list_children(&batch).await,
        )
        .await
    }

    /// Reads what became of the children of an attempt.
    ///
    /// # Errors
    /// As the store returns.
    pub(crate) async fn read_results(
        &self,
        parent: ParentTask,
    ) -> Result<BTreeMap<u32, ChildResult>, StoreError> {
        let store = Arc::clone(&self.store);
        request(
            &self.results,
            parent,
            |_| 1,
            async move |batch| store.read_child_results(&batch).await,
        )
        .await
    }
}

/// Queues a request and waits for its answer. The first of a batch answers all that queue meanwhile, on this arbiter.
pub(crate) async fn request<Q: 'static, A: 'static>(
    queue: &SharedQueue<Q, A>,
    question: Q,
    size: fn(&Q) -> usize,
    answer: impl AsyncFn(Vec<Q>) -> Result<Vec<A>, StoreError> + 'static,
) -> Result<A, StoreError> {
    let (reply, answered) = oneshot::channel();
    let must_answer = {
        let mut queue = queue.lock();
        queue.waiting.push_back((question, reply));
        !std::mem::replace(&mut queue.is_busy, true)
    };
    if must_answer {
        let queue = Arc::clone(queue);
        actix_rt::spawn(async move {
            while let Some(batch) = next_batch(&queue, size) {
                answer_batch(batch, &answer).await;
            }
        });
    }
    answered
        .await
        .unwrap_or_else(|_| Err(StoreError::Uncertain("the request was given up".to_owned())))
}

/// Takes the next batch; an empty queue is free for the next request in the same moment.
fn next_batch<Q, A>(queue: &SharedQueue<Q, A>, size: fn(&Q) -> usize) -> Option<Vec<(Q, Reply<A>)>> {
    let mut queue = queue.lock();
    let (mut batch, mut total) = (Vec::new(), 0);
    while total < BATCH
        && let Some(one) = queue.waiting.pop_front()
    {
        total += size(&one.0).max(1);
        batch.push(one);
    }
    if batch.is_empty() {
        queue.is_busy = false;
        return None;
    }
    Some(batch)
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
