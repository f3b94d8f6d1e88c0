//! Answers the calls of other nodes with what runs in this process.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use actix_web_lab::middleware::CatchPanic;
use engine::ids::Incarnation;
use ports::rpc::calls::{Call, WorkerCall};
use ports::rpc::transport::{CallError, Destination, Transport};

use super::authenticate::{CallHeader, Refusal, unsigned};
use super::body_cipher::{hide_body, reply_path, reveal_body};
use super::keepalive::set_keepalive;
use super::pause_detector::PauseDetector;
use super::signature::Key;
use super::wire;

/// Time for the header of a call to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(1);

/// Idle time after which a connection is closed; longer than at the client, so that none is closed under a call.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What this node answers with.
#[derive(Clone)]
pub struct ServerConfig {
    /// This incarnation; calls for another one are refused.
    pub this_node: Incarnation,
    /// Verifies calls, and signs replies.
    pub key: Key,
    /// Answers the calls.
    pub local: Arc<dyn Transport>,
    /// Consulted before attempts are started.
    pub pause_detector: PauseDetector,
}

/// Serves other nodes on a bound listener until the returned server is stopped.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(served: ServerConfig, listener: TcpListener) -> io::Result<Server> {
    let served = Data::new(served);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(served.clone())
            .default_service(web::to(answer))
            .wrap(CatchPanic::default())
    });
    Ok(server
        .workers(1)
        .on_connect(|connection, _| set_keepalive(connection))
        .client_request_timeout(HEADER_TIMEOUT)
        .client_disconnect_timeout(HEADER_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run())
}

async fn answer(request: HttpRequest, payload: Payload, served: Data<ServerConfig>) -> HttpResponse {
    let Ok(header) = CallHeader::verify(&request, &served.key) else {
        return unsigned(&request);
    };
    let reply = match header.read_body(served.this_node, payload).await {
        Ok(body) => served.answer(request.path(), &body).await,
        Err(refusal) => Err(refusal),
    };
    header.sign_reply(&served.key, reply)
}

impl ServerConfig {
    /// Passes a call on, and writes the reply.
    async fn answer(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let body = reveal_body(&self.key, path, body)?;
        let call = wire::decode_call(path, &body)?;
        let shows_secrets = call.reply_may_show_secrets();
        // It may have waited in the socket while this process was paused, and its attempts run elsewhere by now.
        let starts_attempts = matches!(call, Call::Worker(WorkerCall::Dispatch { .. }));
        if starts_attempts && !self.pause_detector.is_revalidated().await {
            let paused = "a worker that was paused and has not read its own row since".to_owned();
            return Err(Refusal::from(CallError::NotDelivered(paused)));
        }
        let to = Destination::Incarnation(self.this_node);
        let reply = self.local.call(to, call).await?;
        let body = wire::encode_reply(&reply);
        let body = body.map_err(|error| Refusal::from(CallError::NoAnswer(error.to_string())))?;
        if !shows_secrets {
            return Ok(body);
        }
        let hidden = hide_body(&self.key, &reply_path(path), body);
        hidden.map_err(|error| Refusal::from(CallError::NoAnswer(error.to_string())))
    }
}
