//! One stream of server-sent events per client: instances, single instances, logs and nodes, multiplexed.
//!
//! Stored steps carry their id as the event's id, and a client that comes back with `Last-Event-ID` misses
//! none; it may see some twice. Lists of nodes and parts of logs carry no id.

mod feed;
mod steps;
mod topics;

use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, get};
use actix_web_lab::sse::{Data, Event};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) use self::feed::{Feed, last_event_id};
use self::steps::Steps;
use self::topics::Topics;
use super::access::{Authorised, Everything, SignedIn};
use super::body::Query;
use super::codes::Code;
use super::logs::{LOOK_AGAIN, LogCursor};
use super::node_views::NodeView;
use super::nodes::read_nodes;
use super::problem::Problem;

/// How often the list of nodes is compared.
const NODES_EVERY: Duration = Duration::from_secs(1);
/// A stream whose token was revoked ends within this time.
const CHECK_EVERY: Duration = Duration::from_secs(4);

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(open_stream);
}

/// What a stream tells about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// With commas: `instances`, `instance:ID`, `log:ID/TASK/ATTEMPT[@OFFSET]` (TASK percent-encoded), `nodes`.
    #[param(example = "instances,nodes")]
    topics: String,
}

/// Streams events of the given topics.
///
/// Events: `transition` (a stored step of an instance or a task), `log` (text of an attempt's log with
/// `offset` and `next_offset`) and `nodes` (the whole list, at first and after each change).
#[utoipa::path(tag = "stream", params(StreamQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
#[get("/api/v1/stream")]
async fn open_stream(
    who: Authorised<SignedIn, Everything>,
    request: HttpRequest,
    query: Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let topics = Topics::read(&query.0.topics)?;
    topics.authorise(&who).await?;
    let seen = match last_event_id(&request).map(|id| id.parse()) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => {
            return Err(Problem::new(
                Code::InvalidHeader,
                "`Last-Event-ID` is not one of this stream.",
            ));
        }
    };
    let steps = Steps::begin(&who, &topics, seen).await?;
    let (feed, answer) = Feed::open(&request);
    let listener = Listener {
        steps,
        logs: topics.logs,
        nodes: topics.nodes.then(Nodes::default),
        checked: Instant::now(),
        who,
        feed,
    };
    actix_web::rt::spawn(listener.run());
    Ok(answer)
}

/// One client.
struct Listener {
    who: Authorised<SignedIn, Everything>,
    steps: Option<Steps>,
    logs: Vec<LogCursor>,
    nodes: Option<Nodes>,
    feed: Feed,
    checked: Instant,
}

/// What the client was told about nodes.
#[derive(Default)]
struct Nodes {
    told: Option<Vec<NodeView>>,
    looked: Option<Instant>,
}

/// The list of nodes as an event.
#[derive(Serialize)]
struct NodesEvent<'a> {
    topic: &'static str,
    items: &'a [NodeView],
}

impl Listener {
    /// Tells the client until it goes, may not listen any more, or the server stops.
    async fn run(mut self) {
        loop {
            let told = self.tell().await;
            if told.is_err() || *self.who.server.state.closing.borrow() || !self.still_allowed().await {
                return;
            }
            if !self.sleep().await {
                return;
            }
        }
    }

    /// Sends what is new; an error means that the client is gone.
    async fn tell(&mut self) -> Result<(), Gone> {
        let (who, feed) = (&self.who, &self.feed);
        if let Some(steps) = &mut self.steps {
            for event in steps.read(who).await {
                feed.send(event).await.then_some(()).ok_or(Gone)?;
            }
        }
        for log in &mut self.logs {
            while let Ok(Some(event)) = log.advance(&who.server).await {
                feed.send(event_of("log", &event))
                    .await
                    .then_some(())
                    .ok_or(Gone)?;
            }
        }
        self.tell_nodes().await
    }

    async fn tell_nodes(&mut self) -> Result<(), Gone> {
        let Some(nodes) = &mut self.nodes else {
            return Ok(());
        };
        if nodes.looked.is_some_and(|at| at.elapsed() < NODES_EVERY) {
            return Ok(());
        }
        nodes.looked = Some(Instant::now());
        let Ok(now) = read_nodes(&self.who.server).await else {
            return Ok(());
        };
        if nodes.told.as_ref() == Some(&now) {
            return Ok(());
        }
        let event = event_of(
            "nodes",
            &NodesEvent {
                topic: "nodes",
                items: &now,
            },
        );
        nodes.told = Some(now);
        self.feed.send(event).await.then_some(()).ok_or(Gone)
    }

    /// Whether the token still stands; without a database the last answer holds.
    async fn still_allowed(&mut self) -> bool {
        if self.checked.elapsed() < CHECK_EVERY {
            return true;
        }
        self.checked = Instant::now();
        !matches!(self.who.catalog().token(self.who.identity.token).await, Ok(None))
    }

    /// Waits until something may be new; false when the client is gone.
    async fn sleep(&mut self) -> bool {
        let live_logs = self.logs.iter().any(|log| !log.done);
        let mut most = if live_logs { LOOK_AGAIN } else { NODES_EVERY };
        let Some(steps) = &mut self.steps else {
            return self
                .feed
                .pause(most, &mut self.who.server.state.closing.clone())
                .await;
        };
        most = most.min(steps.patience());
        let mut closing = self.who.server.state.closing.clone();
        tokio::select! {
            () = steps.heard() => true,
            goes_on = self.feed.pause(most, &mut closing) => goes_on,
        }
    }
}

/// The client is gone.
struct Gone;

/// Makes an event without an id.
fn event_of(name: &'static str, data: &impl Serialize) -> Event {
    let text = serde_json::to_string(data).unwrap_or_default();
    Data::new(text).event(name).into()
}
