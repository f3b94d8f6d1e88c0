//! What an actor says of itself.

use actix::prelude::*;

use crate::messages::Observe;

/// Asks an actor what it does; none where it does not run.
pub(crate) async fn observe_actor<A>(actor: Option<&Addr<A>>) -> Option<serde_json::Value>
where
    A: Actor<Context = Context<A>> + Handler<Observe>,
{
    actor?.send(Observe).await.ok()
}
