//! What every transport must keep: written against `WorkerLink` and `MasterLink`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use engine::definition::Work;
use engine::ids::{AttemptNumber, Epoch, Generation, InstanceId, Millis, Uid};
use engine::instance::{AttemptResult, Ended};
use engine::states::KillCause;
use tokio::sync::Notify;

use super::journal::{Line, MemoryJournal};
use super::*;
use crate::ports::{Job, JobEnd, Leftover, RunningJob};
use crate::protocol::{DispatchAnswer, Fact, Report, ReportAnswer};

const BOOT: &str = "this boot";

/// A runner whose jobs end when a test says so.
#[derive(Default)]
struct FakeRunner {
    started: Mutex<Vec<Job>>,
    endings: Mutex<HashMap<Uid, Arc<Ending>>>,
    swept: Mutex<Vec<Leftover>>,
}

#[derive(Default)]
struct Ending {
    end: Mutex<Option<JobEnd>>,
    told: Notify,
}

struct FakeJob(Arc<Ending>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Ending {
    fn finish(&self, end: JobEnd) {
        locked(&self.end).get_or_insert(end);
        self.told.notify_one();
    }
}

fn job_end(result: AttemptResult) -> JobEnd {
    JobEnd {
        result,
        exit_code: Some(0),
        error: None,
        outputs: BTreeMap::new(),
    }
}

impl FakeRunner {
    fn starts_of(&self, uid: Uid) -> usize {
        locked(&self.started)
            .iter()
            .filter(|job| job.dispatch.uid == uid)
            .count()
    }

    fn finish(&self, uid: Uid) {
        let ending = Arc::clone(&locked(&self.endings)[&uid]);
        ending.finish(job_end(AttemptResult::Succeeded));
    }
}

#[async_trait]
impl Runner for FakeRunner {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String> {
        if job.dispatch.task == "broken" {
            return Err("there is no such program".to_owned());
        }
        assert!(job.dispatch.task != "panics", "as the test wants");
        let ending = Arc::new(Ending::default());
        if job.dispatch.task == "short" {
            ending.finish(job_end(AttemptResult::Succeeded));
        }
        locked(&self.endings).insert(job.dispatch.uid, Arc::clone(&ending));
        locked(&self.started).push(job.clone());
        Ok(Box::new(FakeJob(ending)))
    }

    async fn sweep(&self, left: &[Leftover]) {
        locked(&self.swept).extend_from_slice(left);
    }
}

#[async_trait]
impl RunningJob for FakeJob {
    fn pid(&self) -> Option<i64> {
        Some(4711)
    }

    fn start_ticks(&self) -> Option<u64> {
        Some(1)
    }

    async fn wait(&mut self) -> JobEnd {
        loop {
            let told = self.0.told.notified();
            if let Some(end) = locked(&self.0.end).clone() {
                return end;
            }
            told.await;
        }
    }

    fn kill(&mut self) {
        self.0.finish(job_end(AttemptResult::Killed));
    }
}

/// Masters that take note of every report and answer as told.
#[derive(Default)]
struct FakeMasters {
    reports: Mutex<Vec<(Incarnation, Report)>>,
    batches: Mutex<Vec<usize>>,
    slots: Mutex<Vec<(Incarnation, u32)>>,
    answers: Mutex<HashMap<Incarnation, Answers>>,
}

#[derive(Clone)]
enum Answers {
    Later,
    Away,
    Moved(Owner),
}

impl FakeMasters {
    fn answer(&self, master: i64, answers: Option<Answers>) {
        match answers {
            Some(answers) => locked(&self.answers).insert(Incarnation(master), answers),
            None => locked(&self.answers).remove(&Incarnation(master)),
        };
    }

    fn ends_of(&self, uid: Uid) -> Vec<(Incarnation, Ended)> {
        let ends = locked(&self.reports).clone().into_iter();
        ends.filter(|(_, report)| report.uid == uid)
            .filter_map(|(master, report)| match report.fact {
                Fact::Ended(ended) => Some((master, ended)),
                Fact::Started { .. } => None,
            })
            .collect()
    }

    fn starts_of(&self, uid: Uid) -> usize {
        let reports = locked(&self.reports);
        let starts = reports.iter().filter(|(_, report)| report.uid == uid);
        starts
            .filter(|(_, report)| matches!(report.fact, Fact::Started { .. }))
            .count()
    }
}

#[async_trait]
impl MasterLink for FakeMasters {
    async fn report(&self, to: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        let answers = locked(&self.answers).get(&to.incarnation).cloned();
        if matches!(answers, Some(Answers::Away)) {
            return Err(LinkError::NotDelivered(to.host.clone()));
        }
        locked(&self.batches).push(batch.len());
        let mut told = Vec::new();
        for report in batch {
            locked(&self.reports).push((to.incarnation, report));
            told.push(match &answers {
                None | Some(Answers::Away) => ReportAnswer::Stored,
                Some(Answers::Later) => ReportAnswer::Later,
                Some(Answers::Moved(owner)) => ReportAnswer::Moved {
                    owner: Some(owner.clone()),
                },
            });
        }
        Ok(told)
    }

    async fn relay(&self, to: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        let told = vec![ReportAnswer::Stored; batch.len()];
        locked(&self.reports).extend(batch.into_iter().map(|report| (to, report)));
        Ok(told)
    }

    async fn slots(&self, to: &Owner, _: Incarnation, free: u32) -> Result<(), LinkError> {
        locked(&self.slots).push((to.incarnation, free));
        Ok(())
    }
}

/// A worker with everything round it.
struct House {
    worker: WorkerHandle,
    me: Incarnation,
    runner: Arc<FakeRunner>,
    masters: Arc<FakeMasters>,
    journal: Arc<MemoryJournal>,
}

async fn life(me: i64, slots: u32, journal: Arc<MemoryJournal>) -> House {
    let me = Incarnation(me);
    let runner = Arc::new(FakeRunner::default());
    let masters = Arc::new(FakeMasters::default());
    let config = WorkerConfig {
        me: Me {
            incarnation: me,
            host: "w:1".to_owned(),
            name: "w".to_owned(),
            generation: Generation(1),
        },
        slots,
        folders: Folders::in_data(std::path::Path::new("/nowhere")),
        boot_id: BOOT.to_owned(),
    };
    let ports = WorkerPorts {
        peers: Default::default(),
        runner: Arc::clone(&runner) as Arc<dyn Runner>,
        journal: Arc::clone(&journal) as Arc<dyn Journal>,
        masters: Arc::clone(&masters) as Arc<dyn MasterLink>,
        clock: Clock::starting_at(Millis(1_000_000)),
    };
    let worker = start(config, ports).await.unwrap();
    House {
        worker,
        me,
        runner,
        masters,
        journal,
    }
}

async fn house(slots: u32) -> House {
    life(7, slots, Arc::default()).await
}

fn owner(master: i64, epoch: i64) -> Owner {
    Owner {
        incarnation: Incarnation(master),
        host: format!("m{master}:1"),
        generation: Generation(1),
        epoch: Epoch(epoch),
    }
}

fn uid(instance: i64) -> Uid {
    Uid {
        generation: Generation(1),
        instance: InstanceId(instance),
        ordinal: engine::ids::Ordinal(0),
        attempt: AttemptNumber(1),
        binding: 1,
    }
}

fn dispatch(instance: i64) -> Dispatch {
    Dispatch {
        uid: uid(instance),
        worker: Incarnation(7),
        owner: owner(1, 1),
        project: "default".to_owned(),
        workflow: "w".to_owned(),
        task: "long".to_owned(),
        attempt: AttemptNumber(1),
        work: Work::Shell {
            run: ":".to_owned(),
            interpreter: "/bin/sh".to_owned(),
        },
        env: BTreeMap::from([("PORPOISE_TASK".to_owned(), "forged".to_owned())]),
        timeout_ms: None,
    }
}

fn named(instance: i64, task: &str) -> Dispatch {
    Dispatch {
        task: task.to_owned(),
        ..dispatch(instance)
    }
}

fn kill_of(instance: i64, owner: Owner) -> Kill {
    Kill {
        uid: uid(instance),
        owner,
        cause: KillCause::Stop,
    }
}

fn adopt_of(instance: i64, worker: i64, owner: Owner) -> Adopt {
    Adopt {
        uid: uid(instance),
        worker: Incarnation(worker),
        owner,
    }
}

impl House {
    async fn dispatch(&self, batch: Vec<Dispatch>) -> DispatchReply {
        self.worker.dispatch(self.me, batch).await.unwrap()
    }

    async fn kill(&self, kill: Kill) -> KillAnswer {
        self.worker.kill(self.me, vec![kill]).await.unwrap().remove(0)
    }

    async fn adopt(&self, adopt: Adopt) -> AdoptAnswer {
        self.worker.adopt(self.me, vec![adopt]).await.unwrap().remove(0)
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn until_started(&self, instance: i64) {
        self.until("started", |house| house.runner.starts_of(uid(instance)) == 1)
            .await;
    }

    async fn until_ended(&self, instance: i64) -> (Incarnation, Ended) {
        self.until("ended", |house| !house.masters.ends_of(uid(instance)).is_empty())
            .await;
        self.masters.ends_of(uid(instance)).remove(0)
    }

    fn lines_of(&self, instance: i64) -> Vec<&'static str> {
        let lines = self.journal.lines().into_iter();
        lines
            .filter_map(|line| match line {
                Line::Accepted { uid: of, .. } if of == uid(instance) => Some("accepted"),
                Line::Started { uid: of, .. } if of == uid(instance) => Some("started"),
                Line::Ended { uid: of, .. } if of == uid(instance) => Some("ended"),
                Line::Forgotten { uid: of } if of == uid(instance) => Some("forgotten"),
                _ => None,
            })
            .collect()
    }
}

fn is_refused(answer: &DispatchAnswer, because: &str) -> bool {
    matches!(answer, DispatchAnswer::Refused { reason } if reason.contains(because))
}

#[actix::test]
async fn a_short_task_reports_once_and_is_journalled_from_start_to_end() {
    let house = house(2).await;
    let reply = house.dispatch(vec![named(1, "short")]).await;
    assert_eq!(
        (reply.answers, reply.free_slots),
        (vec![DispatchAnswer::Accepted], 1)
    );
    let (master, ended) = house.until_ended(1).await;
    assert_eq!(
        (master, ended.result, ended.pid),
        (Incarnation(1), AttemptResult::Succeeded, Some(4711))
    );
    assert_eq!(house.masters.starts_of(uid(1)), 0);
    house
        .until("forgotten", |house| house.lines_of(1).contains(&"forgotten"))
        .await;
    assert_eq!(house.lines_of(1), ["accepted", "started", "ended", "forgotten"]);
    house
        .until("the slot is free", |house| house.worker.slots().used == 0)
        .await;
}

#[actix::test]
async fn a_long_task_reports_its_start_and_then_its_end() {
    let house = house(2).await;
    house.dispatch(vec![dispatch(1)]).await;
    house
        .until("start told", |house| house.masters.starts_of(uid(1)) == 1)
        .await;
    assert_eq!(house.worker.slots().used, 1);
    house.runner.finish(uid(1));
    house.until_ended(1).await;
    assert_eq!(house.masters.starts_of(uid(1)), 1);
}

#[actix::test]
async fn the_contract_s_names_are_in_the_environment_and_cannot_be_forged() {
    let house = house(2).await;
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    let env = locked(&house.runner.started)[0].dispatch.env.clone();
    assert_eq!(env["PORPOISE_TASK"], "long");
    assert_eq!(env["PORPOISE_ATTEMPT_UID"], "1-1-0-1-1");
    assert_eq!(
        (
            env["PORPOISE_INSTANCE_ID"].as_str(),
            env["PORPOISE_ATTEMPT"].as_str()
        ),
        ("1", "1")
    );
    assert_eq!(env["TRACEPARENT"].len(), 55);
    let names: BTreeSet<&str> = env.keys().map(String::as_str).collect();
    assert!(names.is_superset(&["PORPOISE_WORKFLOW", "PORPOISE_PROJECT", "PORPOISE_OUTPUT"].into()));
}

#[actix::test]
async fn a_uid_that_is_sent_again_is_accepted_and_starts_once() {
    let house = house(4).await;
    let reply = house.dispatch(vec![dispatch(1), dispatch(1)]).await;
    assert_eq!(reply.answers, vec![DispatchAnswer::Accepted; 2]);
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    house.runner.finish(uid(1));
    house
        .until("forgotten", |house| house.lines_of(1).contains(&"forgotten"))
        .await;
    let late = house.dispatch(vec![dispatch(1)]).await;
    assert_eq!(late.answers, vec![DispatchAnswer::Accepted]);
    house.dispatch(vec![named(2, "short")]).await;
    house.until_ended(2).await;
    assert_eq!(house.runner.starts_of(uid(1)), 1);
    assert_eq!(house.masters.ends_of(uid(1)).len(), 1);
}

#[actix::test]
async fn beyond_its_slots_it_refuses_and_remembers_that_it_did() {
    let house = house(1).await;
    let reply = house.dispatch(vec![dispatch(1), dispatch(2)]).await;
    assert_eq!(reply.answers[0], DispatchAnswer::Accepted);
    assert!(is_refused(&reply.answers[1], "no slot"), "{reply:?}");
    assert_eq!(reply.free_slots, 0);
    house.until_started(1).await;
    house.runner.finish(uid(1));
    house.until("free", |house| house.worker.slots().used == 0).await;
    let again = house.dispatch(vec![dispatch(2)]).await;
    assert!(
        is_refused(&again.answers[0], "called off"),
        "a refused uid never starts: {again:?}"
    );
}

#[actix::test]
async fn a_dispatch_for_another_life_is_refused() {
    let house = house(2).await;
    let other = Dispatch {
        worker: Incarnation(6),
        ..dispatch(1)
    };
    let reply = house.worker.dispatch(Incarnation(6), vec![other]).await.unwrap();
    assert!(is_refused(&reply.answers[0], "another life"));
    assert_eq!(house.worker.hello(Incarnation(6), &owner(1, 1)).await.unwrap(), 0);
    assert_eq!(house.worker.hello(house.me, &owner(1, 1)).await.unwrap(), 2);
}

#[actix::test]
async fn an_older_epoch_is_refused_for_every_kind_of_message() {
    let house = house(4).await;
    let newer = Dispatch {
        owner: owner(2, 5),
        ..dispatch(1)
    };
    house.dispatch(vec![newer]).await;
    let second = Uid {
        ordinal: engine::ids::Ordinal(1),
        ..uid(1)
    };
    let stale = Dispatch {
        uid: second,
        owner: owner(1, 4),
        ..dispatch(1)
    };
    let reply = house.dispatch(vec![stale]).await;
    assert_eq!(reply.answers, vec![DispatchAnswer::StaleEpoch { seen: Epoch(5) }]);
    assert_eq!(
        house.kill(kill_of(1, owner(1, 4))).await,
        KillAnswer::StaleEpoch { seen: Epoch(5) }
    );
    let adopted = house.adopt(adopt_of(1, 7, owner(1, 4))).await;
    assert_eq!(adopted, AdoptAnswer::StaleEpoch { seen: Epoch(5) });
    house.until_started(1).await;
    assert_eq!(house.runner.starts_of(second), 0);
}

#[actix::test]
async fn a_kill_ends_the_attempt_and_its_end_is_reported_as_killed() {
    let house = house(2).await;
    house.dispatch(vec![dispatch(1)]).await;
    assert_eq!(house.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    assert_eq!(house.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Killed);
}

#[actix::test]
async fn a_kill_for_time_is_told_as_timed_out() {
    let house = house(2).await;
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    let kill = Kill {
        cause: KillCause::Timeout,
        ..kill_of(1, owner(1, 1))
    };
    house.kill(kill).await;
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::TimedOut);
    assert!(ended.error.unwrap().contains("timed out"));
}

#[actix::test]
async fn without_its_owner_an_attempt_is_ended_ten_seconds_past_its_limit() {
    tokio::time::pause();
    let house = house(2).await;
    house
        .dispatch(vec![Dispatch {
            timeout_ms: Some(1000),
            ..dispatch(1)
        }])
        .await;
    tokio::time::sleep(Duration::from_millis(10_900)).await;
    assert_eq!(house.worker.slots().used, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.masters.ends_of(uid(1))[0].1.result, AttemptResult::TimedOut);
}

#[actix::test]
async fn a_kill_of_an_unknown_uid_tombstones_it() {
    let house = house(2).await;
    assert_eq!(
        house.kill(kill_of(1, owner(1, 1))).await,
        KillAnswer::NeverStarted
    );
    let late = house.dispatch(vec![dispatch(1)]).await;
    assert!(is_refused(&late.answers[0], "called off"));
    assert_eq!(
        house.adopt(adopt_of(1, 7, owner(2, 2))).await,
        AdoptAnswer::NeverStarted
    );
    assert_eq!(house.runner.starts_of(uid(1)), 0);
}

#[actix::test]
async fn an_end_is_told_again_until_it_is_stored() {
    tokio::time::pause();
    let house = house(2).await;
    house.masters.answer(1, Some(Answers::Away));
    house.dispatch(vec![named(1, "short")]).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    house.masters.answer(1, Some(Answers::Later));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let told = house.masters.ends_of(uid(1)).len();
    assert!(
        (5..10).contains(&told),
        "with growing waits up to 5 s, so not {told} times"
    );
    assert_eq!(house.lines_of(1), ["accepted", "started", "ended"]);
    house.masters.answer(1, None);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(house.lines_of(1).last(), Some(&"forgotten"));
    let told = house.masters.ends_of(uid(1)).len();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(house.masters.ends_of(uid(1)).len(), told);
}

#[actix::test]
async fn after_a_move_the_end_goes_to_the_new_owner() {
    let house = house(2).await;
    house.masters.answer(1, Some(Answers::Moved(owner(2, 2))));
    house.dispatch(vec![named(1, "short")]).await;
    house
        .until("told to both", |house| house.masters.ends_of(uid(1)).len() == 2)
        .await;
    let masters: Vec<Incarnation> = house
        .masters
        .ends_of(uid(1))
        .into_iter()
        .map(|(master, _)| master)
        .collect();
    assert_eq!(masters, [Incarnation(1), Incarnation(2)]);
}

#[actix::test]
async fn an_adopting_owner_gets_the_end_that_the_dead_one_could_not_take() {
    let house = house(2).await;
    house.masters.answer(1, Some(Answers::Away));
    house.dispatch(vec![named(1, "short"), dispatch(2)]).await;
    house
        .until("ended", |house| house.lines_of(1).contains(&"ended"))
        .await;
    let running = house.adopt(adopt_of(2, 7, owner(2, 2))).await;
    assert!(
        matches!(
            running,
            AdoptAnswer::Running {
                pid: Some(4711),
                started_at: Some(_)
            }
        ),
        "{running:?}"
    );
    house.adopt(adopt_of(1, 7, owner(2, 2))).await;
    assert_eq!(house.until_ended(1).await.0, Incarnation(2));
    house.runner.finish(uid(2));
    assert_eq!(house.until_ended(2).await.0, Incarnation(2));
}

#[actix::test]
async fn ends_that_come_together_travel_together() {
    let house = house(500).await;
    let batch = (1..=400).map(|instance| named(instance, "short")).collect();
    house.dispatch(batch).await;
    house
        .until("all told", |house| house.masters.ends_of(uid(400)).len() == 1)
        .await;
    house
        .until("all told", |house| {
            locked(&house.masters.batches).iter().sum::<usize>() == 400
        })
        .await;
    let batches = locked(&house.masters.batches).len();
    assert!(batches < 100, "{batches} batches for 400 ends");
}

#[actix::test]
async fn when_the_journal_cannot_be_written_nothing_starts_and_the_reason_is_told() {
    let house = house(2).await;
    house.journal.refuse_writes(Some("no space left on device"));
    let reply = house.dispatch(vec![dispatch(1)]).await;
    assert!(is_refused(&reply.answers[0], "no space left"), "{reply:?}");
    assert_eq!(house.worker.slots().used, 0);
    house.journal.refuse_writes(None);
    house.dispatch(vec![named(2, "short")]).await;
    house.until_ended(2).await;
    assert_eq!(house.runner.starts_of(uid(1)), 0);
}

#[actix::test]
async fn a_task_that_cannot_be_started_fails_in_words() {
    let house = house(2).await;
    house.dispatch(vec![named(1, "broken")]).await;
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Failed);
    assert_eq!(ended.error.as_deref(), Some("there is no such program"));
}

#[actix::test]
async fn a_master_that_was_told_of_no_slot_hears_when_one_is_free() {
    let house = house(1).await;
    house.dispatch(vec![dispatch(1)]).await;
    assert_eq!(house.worker.hello(house.me, &owner(3, 1)).await.unwrap(), 0);
    house.until_started(1).await;
    house.runner.finish(uid(1));
    house
        .until("slots pushed", |house| !locked(&house.masters.slots).is_empty())
        .await;
    assert_eq!(*locked(&house.masters.slots), [(Incarnation(3), 1)]);
}

#[actix::test]
async fn a_new_life_ends_what_was_left_and_knows_what_had_ended() {
    let first = house(4).await;
    first.masters.answer(1, Some(Answers::Away));
    first
        .dispatch(vec![dispatch(1), named(2, "short"), named(3, "short")])
        .await;
    first
        .until("written", |house| {
            house.lines_of(1).len() == 2 && house.lines_of(2).len() == 3
        })
        .await;
    first.masters.answer(1, None);
    let second = life(8, 4, Arc::clone(&first.journal)).await;
    let swept = locked(&second.runner.swept).clone();
    assert!(
        swept.iter().any(|left| left.uid == uid(1)
            && left.pid == Some(4711)
            && left.boot_id.as_deref() == Some(BOOT))
    );
    assert!(!swept.iter().any(|left| left.uid == uid(2)));
    assert_eq!(second.adopt(adopt_of(1, 7, owner(2, 2))).await, AdoptAnswer::Lost);
    let done = second.adopt(adopt_of(2, 7, owner(2, 2))).await;
    let stored = !second.masters.ends_of(uid(2)).is_empty();
    assert!(matches!(done, AdoptAnswer::Done { .. }) || stored, "{done:?}");
    assert_eq!(
        second.adopt(adopt_of(9, 7, owner(2, 2))).await,
        AdoptAnswer::NeverStarted
    );
    assert_eq!(
        second.adopt(adopt_of(9, 5, owner(2, 2))).await,
        AdoptAnswer::Lost,
        "nothing is known of life 5"
    );
    assert_eq!(second.runner.starts_of(uid(1)), 0);
}

#[actix::test]
async fn a_result_of_an_earlier_life_is_delivered_by_the_next() {
    let first = house(4).await;
    first.masters.answer(1, Some(Answers::Away));
    first.dispatch(vec![named(2, "short")]).await;
    first.until("written", |house| house.lines_of(2).len() == 3).await;
    let second = life(8, 4, Arc::clone(&first.journal)).await;
    second.until_ended(2).await;
    let reports = locked(&second.masters.reports).clone();
    assert_eq!(
        reports[0].1.worker,
        Incarnation(7),
        "in the name of the life that ran it"
    );
}

#[actix::test]
async fn a_drain_takes_nothing_new_and_waits_until_ends_are_stored() {
    let house = house(4).await;
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    let worker = house.worker.clone();
    let drained = actix_rt::spawn(async move { worker.drain(Duration::from_secs(60)).await });
    let mut instance = 2;
    loop {
        let reply = house.dispatch(vec![named(instance, "short")]).await;
        if is_refused(&reply.answers[0], "draining") {
            break;
        }
        instance += 1;
        tokio::task::yield_now().await;
    }
    assert!(!drained.is_finished());
    house.runner.finish(uid(1));
    drained.await.unwrap();
    assert_eq!(house.masters.ends_of(uid(1)).len(), 1);
}

#[actix::test]
async fn what_a_drain_kills_is_lost_and_not_reported() {
    tokio::time::pause();
    let first = house(4).await;
    first.dispatch(vec![dispatch(1)]).await;
    first.worker.drain(Duration::from_secs(30)).await;
    assert_eq!(first.worker.slots().used, 0);
    assert_eq!(first.masters.ends_of(uid(1)), []);
    let second = life(8, 4, Arc::clone(&first.journal)).await;
    assert_eq!(second.adopt(adopt_of(1, 7, owner(2, 2))).await, AdoptAnswer::Lost);
}

#[actix::test]
async fn an_attempt_whose_actor_panics_is_swept_and_fails() {
    let house = house(2).await;
    house.dispatch(vec![named(1, "panics")]).await;
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Failed);
    assert_eq!(locked(&house.runner.swept).len(), 1);
    house
        .until("the slot is free", |house| house.worker.slots().used == 0)
        .await;
}
