//! The worker threads of the HTTP server, and a barrier that every accepted connection has passed.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::yield_now;

/// Yields after which a thread has started a task for every connection handed to it; one yield starts many.
const YIELDS: u32 = 16;

/// The threads of one server.
#[derive(Debug, Clone)]
pub struct Threads {
    count: usize,
    /// Passed twice for each `quiesce`: at its beginning and at its end.
    barrier: Arc<Barrier>,
}

impl Threads {
    /// One thread per core, two to eight: they mostly wait for the database.
    pub(super) fn for_this_machine() -> Self {
        let count = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
        Self {
            count,
            barrier: Arc::new(Barrier::new(count + 1)),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns when each connection that was accepted before the call has a task that answers it.
    ///
    /// It does not return when a thread is stuck or has ended: call it once at a time, with a deadline.
    pub async fn quiesce(&self) {
        self.barrier.wait().await;
        self.barrier.wait().await;
    }

    /// Runs on each of the threads.
    pub(super) async fn quiesce_loop(self) {
        loop {
            self.barrier.wait().await;
            for _ in 0..YIELDS {
                yield_now().await;
            }
            self.barrier.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    async fn count_received(mut handed_over: mpsc::UnboundedReceiver<()>, counter: Arc<AtomicU32>) {
        while handed_over.recv().await.is_some() {
            counter.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn quiesce_returns_after_everything_handed_over_before_has_started() {
        let threads = Threads::for_this_machine();
        for _ in 0..threads.count() {
            tokio::spawn(threads.clone().quiesce_loop());
        }
        let taken_up = Arc::new(AtomicU32::new(0));
        let (hand_over, handed_over) = mpsc::unbounded_channel::<()>();
        tokio::spawn(count_received(handed_over, Arc::clone(&taken_up)));
        for question in 1..=3 {
            hand_over.send(()).unwrap();
            let quiesced = tokio::time::timeout(Duration::from_secs(10), threads.quiesce());
            quiesced.await.expect("every thread passes the barrier");
            assert_eq!(taken_up.load(Ordering::Relaxed), question);
        }
    }
}
