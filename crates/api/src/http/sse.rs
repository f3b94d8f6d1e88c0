//! Server-sent events: the sending end of one stream.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder};
use actix_web_lab::sse::{Event, Sse};
use tokio::sync::{mpsc, watch};

use crate::state::wait_until_closing;

/// Number of events that are buffered for a slow client before its stream blocks.
const BUFFER: usize = 64;
/// Time between two comments, which keep proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Sends events to one client; counts as an open stream until it is dropped.
pub(crate) struct SseSender {
    sender: mpsc::Sender<Event>,
}

impl SseSender {
    /// Opens a stream with the response that carries it.
    pub(crate) fn open_stream(request: &HttpRequest) -> (Self, HttpResponse) {
        let (sender, receiver) = mpsc::channel(BUFFER);
        metrics::gauge!("porpoise_sse_clients").increment(1);
        let stream = Sse::from_infallible_receiver(receiver)
            .with_keep_alive(KEEP_ALIVE)
            .with_retry_duration(Duration::from_secs(1));
        (Self { sender }, stream.respond_to(request).map_into_boxed_body())
    }

    /// Sends an event; false when the client is gone.
    pub(crate) async fn send_event(&self, event: Event) -> bool {
        self.sender.send(event).await.is_ok()
    }

    /// Sleeps; false when the client disconnects in the meantime or the server is about to stop.
    pub(crate) async fn sleep_unless_closed(
        &self,
        time: Duration,
        closing: &mut watch::Receiver<bool>,
    ) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.sender.closed() => false,
            () = wait_until_closing(closing) => false,
        }
    }
}

impl Drop for SseSender {
    fn drop(&mut self) {
        metrics::gauge!("porpoise_sse_clients").decrement(1);
    }
}

/// Returns the id of the last event that a client received before it lost its stream.
pub(crate) fn last_event_id(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get("last-event-id")?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}
