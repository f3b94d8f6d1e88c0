//! Gives an attempt the connection that its task names, in the moment in which it is sent: it is stored nowhere.

use actix::Recipient;
use engine::attempt::{AttemptEnd, AttemptEvent};
use engine::connection::connection_of;
use engine::ids::Timestamp;
use engine::instance::Event;
use engine::task::TaskReport;

use crate::messages::dispatch::SendAttempt;
use crate::messages::workflow::DeliverEvents;
use ports::StoreError;
use ports::connections::{ConnectionGap, ConnectionSource};
use ports::protocol::Dispatch;

/// Whether an attempt can be sent.
pub(crate) enum DispatchReadiness {
    /// It has all that its task names.
    Ready(SendAttempt),
    /// It never can: this follows.
    Hopeless(Recipient<DeliverEvents>, Box<Event>),
    /// The store did not answer.
    Later(SendAttempt, StoreError),
}

/// Whether an attempt needs something before it can be sent.
pub(crate) fn needs_connection(dispatch: &Dispatch) -> bool {
    dispatch.connection.is_none() && connection_of(&dispatch.action).is_some()
}

/// Adds the connection.
pub(crate) async fn add_connection(
    source: &dyn ConnectionSource,
    mut send: SendAttempt,
    now: Timestamp,
) -> DispatchReadiness {
    let dispatch = &mut send.dispatch;
    let Some(used) = connection_of(&dispatch.action) else {
        return DispatchReadiness::Ready(send);
    };
    let resolved = source.resolve(&dispatch.project, used).await;
    match resolved {
        Ok(connection) => {
            dispatch.connection = Some(connection);
            DispatchReadiness::Ready(send)
        }
        Err(ConnectionGap::Unusable(why)) => {
            metrics::counter!("porpoise_dispatch_gaps_total", "kind" => "connection").increment(1);
            let report = TaskReport::Attempt {
                uid: dispatch.uid,
                event: AttemptEvent::Ended(AttemptEnd::hopeless(&why, now)),
            };
            DispatchReadiness::Hopeless(send.reply_to, Box::new(Event::Report(report)))
        }
        Err(ConnectionGap::Unavailable(error)) => DispatchReadiness::Later(send, error),
    }
}
