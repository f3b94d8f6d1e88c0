use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use engine::ids::{Incarnation, Timestamp};
use engine::params::{SecretSlot, SlotTarget, ValueEscaping};
use engine::task::Worker;
use parking_lot::Mutex;
use ports::StoreError;

use super::*;
use crate::messages::workflow::{DeliverEvents, DeliveryOutcome};
use crate::testing::worker::test_worker::dispatch;

/// Time within which something happens.
const WITHIN: Duration = Duration::from_secs(10);

/// Answers as the test wants, and notes what it was asked.
struct Scripted {
    answers: Mutex<VecDeque<Result<Vec<GivenSecrets>, StoreError>>>,
    asked: Mutex<Vec<Vec<String>>>,
}

#[async_trait]
impl SecretSource for Scripted {
    async fn give_secrets(&self, requests: &[SecretRequest]) -> Result<Vec<GivenSecrets>, StoreError> {
        let names = requests.iter().flat_map(|request| request.names.clone());
        self.asked.lock().push(names.collect());
        self.answers.lock().pop_front().expect("a scripted answer")
    }
}

/// Keeps what it receives.
#[derive(Clone, Default)]
struct Sink {
    sent: Arc<Mutex<Vec<SendAttempt>>>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Handler<SendCompleted> for Sink {
    type Result = ();

    fn handle(&mut self, msg: SendCompleted, _: &mut Self::Context) {
        self.sent.lock().push(msg.0);
    }
}

impl Handler<DeliverEvents> for Sink {
    type Result = MessageResult<DeliverEvents>;

    fn handle(&mut self, msg: DeliverEvents, _: &mut Self::Context) -> Self::Result {
        self.events.lock().extend(msg.0);
        MessageResult(DeliveryOutcome::Stored)
    }
}

fn attempt(secret: &str, reply_to: &Addr<Sink>) -> SendAttempt {
    let mut dispatch = dispatch(1);
    dispatch.secret_slots.push(SecretSlot {
        target: SlotTarget::Env("KEY".to_owned()),
        at: 0,
        secret: secret.to_owned(),
        escaping: ValueEscaping::AsIs,
    });
    SendAttempt {
        to: Worker {
            incarnation: Incarnation(7),
            name: "w".to_owned(),
        },
        dispatch,
        reply_to: reply_to.clone().recipient(),
    }
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < until, "it does not happen in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[actix_rt::test]
async fn values_are_added_gaps_end_the_attempt_and_an_outage_is_waited_for() {
    let given = |value: &str| GivenSecrets::Values([("a".to_owned(), value.into())].into_iter().collect());
    let source = Arc::new(Scripted {
        answers: Mutex::new(VecDeque::from([
            Err(StoreError::Unavailable("away".to_owned())),
            Ok(vec![given("canary")]),
            Ok(vec![GivenSecrets::Gap(
                "the secret `b` does not exist".to_owned(),
            )]),
            Ok(vec![GivenSecrets::NotOwned]),
            Ok(vec![given("last")]),
        ])),
        asked: Mutex::default(),
    });
    let sink = Sink::default();
    let (sent, events) = (Arc::clone(&sink.sent), Arc::clone(&sink.events));
    let sink = sink.start();
    let exit_on_panic = ExitOnPanic::new("SecretActor", Arc::new(|_| {}));
    let clock = Clock::starting_at(Timestamp(1_000));
    let actor = SecretActor::new(source.clone(), clock, sink.clone().recipient(), exit_on_panic).start();
    actor.do_send(attempt("a", &sink));
    eventually(|| sent.lock().len() == 1).await;
    assert_eq!(
        sent.lock()[0].dispatch.secrets,
        [("a".to_owned(), "canary".into())].into_iter().collect()
    );
    assert!(
        !format!("{:?}", sent.lock()[0]).contains("canary"),
        "no log shows a value"
    );
    actor.do_send(attempt("b", &sink));
    eventually(|| events.lock().len() == 1).await;
    let ended = format!("{:?}", events.lock()[0]);
    assert!(
        ended.contains("`b` does not exist") && ended.contains("Permanent"),
        "{ended}"
    );
    actor.do_send(attempt("c", &sink));
    eventually(|| source.asked.lock().len() == 4).await;
    actor.do_send(attempt("a", &sink));
    eventually(|| sent.lock().len() == 2).await;
    assert_eq!(events.lock().len(), 1, "what another owner sends is left to it");
    assert_eq!(*source.asked.lock(), [["a"], ["a"], ["b"], ["c"], ["a"]]);
}
