//! One stream of server-sent events for each client: instances, single instances, backfills, children, logs, nodes, multiplexed.
//!
//! Stored transitions carry their id as the event's id. A client that reconnects with `Last-Event-ID` misses none,
//! though it may receive some twice. Lists of nodes, backfills and parts of logs carry no
//! id.

mod backfills;
mod children;
mod lists;
mod topics;
mod transitions;

use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, get};
use actix_web_lab::sse::{Data, Event};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::auth::token_watch::TokenWatch;
use crate::http::body::Query;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::http::sse::{SseSender, last_event_id};
use crate::logs::cursor::{LogCursor, POLL_INTERVAL};
use crate::nodes::read_nodes;
use crate::nodes::views::NodeView;
use crate::stream::backfills::BackfillStream;
use crate::stream::children::ChildStream;
use crate::stream::lists::ListStream;
use crate::stream::topics::Topics;
use crate::stream::transitions::TransitionStream;

/// Time between two comparisons of the list of nodes.
const NODES_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(open_stream);
}

/// The subject of a stream.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// With commas: `instances`, `instance:ID`, `backfill:ID`, `children:ID/TASK`, `log:ID/TASK/ATTEMPT[@OFFSET]` (TASK
    /// percent-encoded), `workflows`, `schedules`, `approvals`, `alerts`, `nodes`.
    #[param(example = "instances,nodes")]
    topics: String,
}

/// Streams events of the given topics.
///
/// Events: `transition` (a stored step of an instance or a task), `log` (text of an attempt's log with
/// `offset` and `next_offset`), `backfill` (the whole backfill), `nodes` (the whole list), `children` (those of a task
/// whose state is another one) and `workflows`, `schedules`, `approvals`, `alerts` (the names of the projects in which the
/// list is another one; alerts about nodes have none), all at first and after each change.
#[utoipa::path(tag = "stream", params(StreamQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
#[get("/stream")]
async fn open_stream(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    query: Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let topics = Topics::parse_topics(&query.0.topics)?;
    topics.check_grants(&caller).await?;
    let last_id = last_event_id(&request).map(|id| {
        id.parse()
            .map_err(|_| Problem::new(Code::InvalidHeader, "`Last-Event-ID` is not one of this stream."))
    });
    let transitions = TransitionStream::subscribe(&caller, &topics, last_id.transpose()?).await?;
    let (sender, response) = SseSender::open_stream(&request);
    let client = StreamClient {
        transitions,
        logs: topics.logs,
        nodes: topics.nodes.then(NodeList::default),
        backfills: BackfillStream::follow(caller.server(), &topics.backfills),
        children: ChildStream::follow(caller.server(), &topics.children),
        lists: ListStream::follow(&topics.lists),
        token: TokenWatch::begin(),
        caller,
        sender,
    };
    actix_web::rt::spawn(client.run_stream());
    Ok(response)
}

/// One client with the position in each of its topics.
struct StreamClient {
    caller: Caller<AnyUser, System>,
    transitions: Option<TransitionStream>,
    logs: Vec<LogCursor>,
    nodes: Option<NodeList>,
    backfills: Option<BackfillStream>,
    children: Option<ChildStream>,
    lists: Option<ListStream>,
    sender: SseSender,
    token: TokenWatch,
}

/// The list of nodes that a client has.
#[derive(Default)]
struct NodeList {
    sent: Option<Vec<NodeView>>,
    read_at: Option<Instant>,
}

/// The list of nodes as an event.
#[derive(Serialize)]
struct NodesEvent<'a> {
    topic: &'static str,
    items: &'a [NodeView],
}

impl StreamClient {
    /// Sends events until the client disconnects, its token ends, or the server stops.
    async fn run_stream(mut self) {
        loop {
            let sent = self.send_new_events().await;
            if sent.is_err() || self.caller.server().is_closing() || !self.token.is_valid(&self.caller).await
            {
                return;
            }
            if !self.wait_for_events().await {
                return;
            }
        }
    }

    async fn send_new_events(&mut self) -> Result<(), ClientGone> {
        let (caller, sender) = (&self.caller, &self.sender);
        if let Some(transitions) = &mut self.transitions {
            for event in transitions.read_new(caller).await {
                send_event(sender, event).await?;
            }
        }
        if let Some(backfills) = &mut self.backfills {
            for event in backfills.read_changed(caller.server()).await {
                send_event(sender, event).await?;
            }
        }
        if let Some(children) = &mut self.children {
            for event in children.read_changed(caller.server()).await {
                send_event(sender, event).await?;
            }
        }
        if let Some(lists) = &mut self.lists {
            for event in lists.read_changed(caller).await {
                send_event(sender, event).await?;
            }
        }
        for log in &mut self.logs {
            while let Ok(Some(event)) = log.read_next(caller.server()).await {
                send_event(sender, event_without_id("log", &event)).await?;
            }
        }
        self.send_changed_nodes().await
    }

    async fn send_changed_nodes(&mut self) -> Result<(), ClientGone> {
        let Some(nodes) = &mut self.nodes else {
            return Ok(());
        };
        if nodes.read_at.is_some_and(|at| at.elapsed() < NODES_INTERVAL) {
            return Ok(());
        }
        nodes.read_at = Some(Instant::now());
        let Ok(now) = read_nodes(self.caller.server()).await else {
            return Ok(());
        };
        if nodes.sent.as_ref() == Some(&now) {
            return Ok(());
        }
        let list = NodesEvent {
            topic: "nodes",
            items: &now,
        };
        send_event(&self.sender, event_without_id("nodes", &list)).await?;
        nodes.sent = Some(now);
        Ok(())
    }

    /// Waits until there may be new events; false when the client is gone or the server stops.
    async fn wait_for_events(&mut self) -> bool {
        let has_live_log = self.logs.iter().any(|log| !log.is_at_end());
        let interval = if has_live_log {
            POLL_INTERVAL
        } else {
            NODES_INTERVAL
        };
        let mut closing = self.caller.server().state().closing.clone();
        let poll_interval = self.transitions.as_ref().map(TransitionStream::poll_interval);
        let interval = poll_interval.map_or(interval, |poll| interval.min(poll));
        tokio::select! {
            () = wait_for_commit(self.transitions.as_mut()) => true,
            () = wait_for_change(self.backfills.as_mut()) => true,
            () = wait_for_child(self.children.as_mut()) => true,
            is_open = self.sender.sleep_unless_closed(interval, &mut closing) => is_open,
        }
    }
}

async fn wait_for_commit(transitions: Option<&mut TransitionStream>) {
    match transitions {
        Some(transitions) => transitions.wait_for_commit().await,
        None => std::future::pending().await,
    }
}

async fn wait_for_change(backfills: Option<&mut BackfillStream>) {
    match backfills {
        Some(backfills) => backfills.wait_for_change().await,
        None => std::future::pending().await,
    }
}

async fn wait_for_child(children: Option<&mut ChildStream>) {
    match children {
        Some(children) => children.wait_for_change().await,
        None => std::future::pending().await,
    }
}

/// The client has disconnected.
struct ClientGone;

async fn send_event(sender: &SseSender, event: Event) -> Result<(), ClientGone> {
    if sender.send_event(event).await {
        Ok(())
    } else {
        Err(ClientGone)
    }
}

fn event_without_id(name: &'static str, data: &impl Serialize) -> Event {
    let text = serde_json::to_string(data).unwrap_or_default();
    Data::new(text).event(name).into()
}
