//! How the worker leaves: nothing new is taken, ends are waited for, and what still runs late is killed.

use actix::{AsyncContext, Context, Handler};
use engine::states::KillCause;

use super::actor::WorkerActor;
use super::messages::Drain;
use crate::ports::KILL_GRACE;

impl WorkerActor {
    fn kill_all(&mut self, ctx: &mut Context<Self>) {
        self.giving_up = true;
        for uid in self.attempts.open() {
            self.order_kill(&uid, KillCause::Stop, KILL_GRACE);
            self.start_kept(&uid, ctx);
        }
    }

    /// Answers those who wait for the drain once nothing is left to do.
    pub(super) fn look_drained(&mut self) {
        if self.attempts.is_closed() && self.attempts.is_idle() {
            self.answer_drained();
        }
    }

    fn answer_drained(&mut self) {
        for done in self.drained.drain(..) {
            done.send(()).ok();
        }
    }
}

impl Handler<Drain> for WorkerActor {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) {
        self.attempts.close("the worker is draining");
        self.drained.push(drain.done);
        ctx.run_later(drain.kill_after, |worker, ctx| worker.kill_all(ctx));
        ctx.run_later(drain.give_up_after, |worker, _| worker.answer_drained());
        self.look_drained();
    }
}
