//! The sending end of one stream of events.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder};
use actix_web_lab::sse::{Event, Sse};
use tokio::sync::{mpsc, watch};

use super::super::waits::closed;

/// Events that may wait for a slow client before its stream stands still.
const BUFFER: usize = 64;
/// A comment goes out so often, so that proxies do not take a quiet stream for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Sends events to one client, and counts as an open stream as long as it lives.
pub(in super::super) struct Feed {
    sender: mpsc::Sender<Event>,
}

impl Feed {
    /// Makes a stream and the answer that carries it.
    pub(in super::super) fn open(request: &HttpRequest) -> (Self, HttpResponse) {
        let (sender, receiver) = mpsc::channel(BUFFER);
        metrics::gauge!("porpoise_sse_clients").increment(1);
        let stream = Sse::from_infallible_receiver(receiver)
            .with_keep_alive(KEEP_ALIVE)
            .with_retry_duration(Duration::from_secs(1));
        (Self { sender }, stream.respond_to(request).map_into_boxed_body())
    }

    /// Sends an event; false when the client is gone.
    pub(in super::super) async fn send(&self, event: Event) -> bool {
        self.sender.send(event).await.is_ok()
    }

    /// Sleeps; false when the client goes meanwhile, or the server is about to stop.
    pub(in super::super) async fn pause(&self, time: Duration, closing: &mut watch::Receiver<bool>) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.sender.closed() => false,
            () = closed(closing) => false,
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        metrics::gauge!("porpoise_sse_clients").decrement(1);
    }
}

/// Returns the id of the last event that a client saw before it lost its stream.
pub(in super::super) fn last_event_id(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get("last-event-id")?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}
