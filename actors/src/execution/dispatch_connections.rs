//! Gives an attempt the connection that its task names, in the moment in which it is sent: it is stored nowhere.

use engine::attempt::{AttemptEnd, AttemptEvent};
use engine::connection::connection_of;
use engine::ids::Timestamp;
use engine::instance::Event;
use engine::task::TaskReport;

use ports::StoreError;
use ports::connections::{ConnectionGap, ConnectionSource};
use ports::protocol::Dispatch;

/// Whether an attempt can be sent.
pub(crate) enum DispatchReadiness {
    /// It has all that its task names.
    Ready(Box<Dispatch>),
    /// It never can: this follows.
    Hopeless(Box<Event>),
    /// The store did not answer.
    Later(Box<Dispatch>, StoreError),
}

/// Whether an attempt needs something before it can be sent.
pub(crate) fn needs_connection(dispatch: &Dispatch) -> bool {
    dispatch.connection.is_none() && connection_of(&dispatch.action).is_some()
}

/// Adds the connection.
pub(crate) async fn add_connection(
    source: &dyn ConnectionSource,
    mut dispatch: Box<Dispatch>,
    now: Timestamp,
) -> DispatchReadiness {
    let Some(used) = connection_of(&dispatch.action) else {
        return DispatchReadiness::Ready(dispatch);
    };
    let resolved = source.resolve(&dispatch.project, used).await;
    match resolved {
        Ok(connection) => {
            dispatch.connection = Some(connection);
            DispatchReadiness::Ready(dispatch)
        }
        Err(ConnectionGap::Unusable(why)) => {
            let report = TaskReport::Attempt {
                uid: dispatch.uid,
                event: AttemptEvent::Ended(AttemptEnd::hopeless(&why, now)),
            };
            DispatchReadiness::Hopeless(Box::new(Event::Report(report)))
        }
        Err(ConnectionGap::Unavailable(error)) => DispatchReadiness::Later(dispatch, error),
    }
}
