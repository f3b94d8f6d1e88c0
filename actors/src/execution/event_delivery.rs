//! Delivers events to workflow actors.

use std::time::Duration;

use actix::prelude::*;
use engine::instance::Event;

use crate::messages::workflow::{DeliverEvents, DeliveryOutcome};

/// The pause before what was not taken is sent again.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Delivers events until they are stored, or their actor has ended.
pub(crate) fn deliver<A>(to: &Recipient<DeliverEvents>, events: Vec<Event>, ctx: &mut Context<A>)
where
    A: Actor<Context = Context<A>>,
{
    if events.is_empty() {
        return;
    }
    let (to, again) = (to.clone(), events.clone());
    let delivery = actix::fut::wrap_future::<_, A>(to.send(DeliverEvents(events)));
    ctx.spawn(delivery.map(move |outcome, _, ctx| {
        if matches!(outcome, Ok(DeliveryOutcome::Later)) {
            ctx.run_later(RETRY_PAUSE, move |_, ctx| deliver(&to, again, ctx));
        }
    }));
}
