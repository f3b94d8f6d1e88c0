//! The threads that answer requests, and how to know that each has taken up what was handed to it.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::yield_now;

/// A thread that has let everything else go on this often has taken up what waited for it; one go takes up many.
const GOES: u32 = 16;

/// The threads of one server.
#[derive(Debug, Clone)]
pub struct Threads {
    count: usize,
    /// Passed twice for each question: when it is asked, and when it is answered.
    gate: Arc<Barrier>,
}

impl Threads {
    /// As many as do nothing but wait for the database, mostly.
    pub(super) fn of_this_machine() -> Self {
        let count = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
        Self {
            count,
            gate: Arc::new(Barrier::new(count + 1)),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns when each thread has gone round: what was accepted before has a task that answers it.
    ///
    /// It does not return when a thread is stuck, or ended; ask once at a time, with a deadline.
    pub async fn gone_round(&self) {
        self.gate.wait().await;
        self.gate.wait().await;
    }

    /// Runs on each of the threads.
    pub(super) async fn go_round(self) {
        loop {
            self.gate.wait().await;
            for _ in 0..GOES {
                yield_now().await;
            }
            self.gate.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_asks_is_answered_after_everything_that_was_handed_over_before() {
        let threads = Threads::of_this_machine();
        for _ in 0..threads.count() {
            tokio::spawn(threads.clone().go_round());
        }
        let taken_up = Arc::new(AtomicU32::new(0));
        let (hand_over, mut handed_over) = mpsc::unbounded_channel::<()>();
        let counter = Arc::clone(&taken_up);
        tokio::spawn(async move {
            while handed_over.recv().await.is_some() {
                counter.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        for question in 1..=3 {
            hand_over.send(()).unwrap();
            let gone_round = tokio::time::timeout(Duration::from_secs(10), threads.gone_round());
            gone_round.await.expect("every thread goes round");
            assert_eq!(taken_up.load(Ordering::Relaxed), question);
        }
    }
}
