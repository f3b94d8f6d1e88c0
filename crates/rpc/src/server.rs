//! Answers other nodes: each call goes to the same link that this process uses itself.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use actix_web_lab::middleware::CatchPanic;
use actors::links::{LinkError, LocalMaster, WorkerLink};
use actors::ports::NodeIdentity;

use super::authenticate::{CallHeader, Refusal, Reply, unsigned};
use super::keepalive::set_keepalive;
use super::roles::Roles;
use super::signature::Key;
use super::wire::{self, RpcRequest};
use actors::ports::LogSource;

/// Time for the header of a call to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer than peers keep a connection that nobody uses, so that none is closed under a call.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Why a worker takes nothing for a moment.
const WAS_PAUSED: &str = "a worker that was paused and has not read its own row since";

/// What this node answers with.
#[derive(Debug, Clone)]
pub struct Served {
    /// This life; calls for another one are refused.
    pub me: NodeIdentity,
    /// Of the cluster's secret.
    pub key: Key,
    /// What runs here.
    pub roles: Roles,
    /// The logs of the attempts that ran here.
    pub logs: Arc<dyn LogSource>,
}

/// Serves other nodes on a bound listener until the returned server is stopped.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(served: Served, listener: TcpListener) -> io::Result<Server> {
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

async fn answer(request: HttpRequest, payload: Payload, served: Data<Served>) -> HttpResponse {
    let Ok(header) = CallHeader::verify(&request, &served.key) else {
        return unsigned(&request);
    };
    let done = match header.open(served.me.incarnation, payload).await {
        Ok(body) => served.act(request.path(), &body).await,
        Err(refusal) => Err(refusal),
    };
    header.answer(&served.key, done)
}

impl Served {
    /// Hands a call on to the link that it is for.
    async fn act(&self, path: &str, body: &[u8]) -> Result<Reply, Refusal> {
        if path.starts_with("/rpc/v1/worker/") {
            self.tell_worker(self.worker()?, path, body).await
        } else if path.starts_with("/rpc/v1/master/") {
            self.tell_master(self.master()?, path, body).await
        } else {
            self.tell_node(path, body).await
        }
    }

    async fn tell_worker(&self, worker: &dyn WorkerLink, path: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let me = self.me.incarnation;
        match path {
            wire::DispatchBatch::PATH => {
                // It may have lain in the socket while this process was paused, and run elsewhere by now.
                if !self.roles.pause_detector().is_revalidated().await {
                    return Err(Refusal::NotTaken(LinkError::NotDelivered(WAS_PAUSED.to_owned())));
                }
                let act = |wire::DispatchBatch(batch)| worker.dispatch(me, batch);
                done(body, act).await
            }
            wire::KillBatch::PATH => done(body, |wire::KillBatch(batch)| worker.kill(me, batch)).await,
            wire::AdoptBatch::PATH => done(body, |wire::AdoptBatch(batch)| worker.adopt(me, batch)).await,
            wire::Hello::PATH => {
                let act = |wire::Hello(from)| async move { worker.hello(me, &from).await };
                done(body, act).await
            }
            _ => Err(Refusal::NoRoute),
        }
    }

    async fn tell_master(&self, master: &dyn LocalMaster, path: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let me = self.me.incarnation;
        match path {
            wire::ReportBatch::PATH => {
                let act = |ask: wire::ReportBatch| async move { master.report(&ask.to, ask.batch).await };
                done(body, act).await
            }
            wire::RelayBatch::PATH => done(body, |wire::RelayBatch(batch)| master.relay(me, batch)).await,
            wire::SlotsFree::PATH => {
                let act =
                    |ask: wire::SlotsFree| async move { master.slots(&ask.to, ask.worker, ask.free).await };
                done(body, act).await
            }
            wire::Renewals::PATH => {
                let act =
                    |ask: wire::Renewals| async move { master.renew(&ask.to, ask.worker, ask.batch).await };
                done(body, act).await
            }
            wire::Poke::PATH => done(body, |ask: wire::Poke| master.poke(ask.id, ask.wait())).await,
            wire::Reached::PATH => done(body, |wire::Reached| master.reached()).await,
            wire::Nudge::PATH => done(body, |wire::Nudge| master.nudge()).await,
            _ => Err(Refusal::NoRoute),
        }
    }

    async fn tell_node(&self, path: &str, body: &[u8]) -> Result<Reply, Refusal> {
        match path {
            wire::Ping::PATH => done(body, |wire::Ping| async { Ok(self.me.incarnation) }).await,
            wire::HoldOpen::PATH => {
                let act = |wire::HoldOpen| async {
                    tokio::time::sleep(wire::WATCH_HELD).await;
                    Ok(())
                };
                done(body, act).await
            }
            wire::Drain::PATH => {
                let act = |wire::Drain| async {
                    self.roles.drain();
                    Ok(())
                };
                done(body, act).await
            }
            wire::ReadLog::PATH => self.read_log(&read(body)?).await,
            _ => Err(Refusal::NoRoute),
        }
    }

    async fn read_log(&self, ask: &wire::ReadLog) -> Result<Reply, Refusal> {
        let part = self
            .logs
            .read(&self.me.name, &ask.uid, (ask.offset, ask.limit))
            .await;
        let part = part.map_err(Refusal::Log)?;
        Ok(Reply {
            body: part.bytes,
            size: Some(part.size),
        })
    }

    fn worker(&self) -> Result<&dyn WorkerLink, Refusal> {
        self.roles.worker().ok_or(Refusal::NoRole("worker"))
    }

    fn master(&self) -> Result<&dyn LocalMaster, Refusal> {
        self.roles.master().ok_or(Refusal::NoRole("master"))
    }
}

/// Reads a question, has it answered, and writes the answer.
async fn done<A, F>(body: &[u8], act: impl FnOnce(A) -> F) -> Result<Reply, Refusal>
where
    A: RpcRequest,
    F: Future<Output = Result<A::Answer, LinkError>>,
{
    let answer = act(read(body)?).await?;
    let body = serde_json::to_vec(&answer).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    Ok(Reply { body, size: None })
}

fn read<A: RpcRequest>(body: &[u8]) -> Result<A, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::Unreadable(error.to_string()))
}
