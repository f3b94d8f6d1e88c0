//! Gives jobs the values of secrets, and masks them in what becomes of the jobs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::params::fill_secret_slots;
use ports::{Job, JobEnd, Leftover, Runner, RunningJob, StartError};
use secrets::Masker;

/// Runs jobs with the values of their secrets. Only the runner below it sees both together; an end holds none, so that
/// neither the journal nor a report does.
pub struct SecretRunner {
    runner: Arc<dyn Runner>,
}

impl SecretRunner {
    /// Wraps a runner.
    pub fn new(runner: Arc<dyn Runner>) -> Self {
        Self { runner }
    }
}

#[async_trait]
impl Runner for SecretRunner {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
        if !job.dispatch.needs_secrets() {
            return self.runner.start(job).await;
        }
        let others = job.dispatch.connection_secrets();
        let values = job
            .dispatch
            .secrets
            .values()
            .chain(&others)
            .map(|value| value.reveal());
        let masker = Masker::new(values).map_err(|error| StartError::permanent(error.to_string()))?;
        match self.runner.start(&with_values(job)?).await {
            Ok(job) => Ok(Box::new(MaskedJob { job, masker })),
            Err(error) => Err(StartError {
                reason: masker.mask_text(&error.reason),
                ..error
            }),
        }
    }

    fn unavailable_reason(&self) -> Option<String> {
        self.runner.unavailable_reason()
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        self.runner.kill_leftovers(left).await;
    }

    fn remove_leftover_files(&self, work: &Path) {
        self.runner.remove_leftover_files(work);
    }
}

/// Puts the values into a copy of the job.
fn with_values(job: &Job) -> Result<Job, StartError> {
    let mut job = job.clone();
    let dispatch = &mut job.dispatch;
    let value_of = |name: &str| dispatch.secrets.get(name).map(|value| value.reveal());
    let filled = fill_secret_slots(
        &dispatch.secret_slots,
        value_of,
        &mut dispatch.env,
        &mut dispatch.action.fields,
    );
    filled.map_err(|error| StartError::permanent(error.to_string()))?;
    Ok(job)
}

/// A job whose end is masked.
struct MaskedJob {
    job: Box<dyn RunningJob>,
    masker: Masker,
}

#[async_trait]
impl RunningJob for MaskedJob {
    fn pid(&self) -> Option<i64> {
        self.job.pid()
    }

    fn start_ticks(&self) -> Option<u64> {
        self.job.start_ticks()
    }

    async fn wait(&mut self) -> JobEnd {
        let end = self.job.wait().await;
        let mask = |text: String| self.masker.mask_text(&text);
        JobEnd {
            error: end.error.map(mask),
            outputs: end
                .outputs
                .into_iter()
                .map(|(name, value)| (name, mask(value)))
                .collect(),
            ..end
        }
    }

    fn kill(&mut self, grace: Duration) {
        self.job.kill(grace);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use engine::attempt::{AttemptResult, FailureKind};
    use engine::ids::{AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, TaskIndex};
    use engine::params::{SecretSlot, SlotTarget, ValueEscaping};
    use engine::spec::OnCutOff;
    use engine::task_type::PreparedAction;
    use ports::protocol::{Dispatch, Owner};

    use super::*;

    const VALUE: &str = "canary-0123456789";

    /// Notes the variable that its jobs get, and ends them with it everywhere.
    #[derive(Default)]
    struct Echo {
        seen: Arc<Mutex<Option<String>>>,
        refuses: bool,
    }

    struct EchoedJob(String);

    #[async_trait]
    impl RunningJob for EchoedJob {
        fn pid(&self) -> Option<i64> {
            None
        }

        fn start_ticks(&self) -> Option<u64> {
            None
        }

        async fn wait(&mut self) -> JobEnd {
            JobEnd {
                result: AttemptResult::Failed,
                exit_code: Some(1),
                error: Some(format!("no such key: {}", self.0)),
                failure: FailureKind::Transient,
                outputs: BTreeMap::from([("key".to_owned(), self.0.clone())]),
            }
        }

        fn kill(&mut self, _: Duration) {}
    }

    #[async_trait]
    impl Runner for Echo {
        async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
            let value = job.dispatch.env["KEY"].clone();
            *self.seen.lock().expect("no panic") = Some(value.clone());
            if self.refuses {
                return Err(StartError::permanent(format!("cannot start with {value}")));
            }
            Ok(Box::new(EchoedJob(value)))
        }

        async fn kill_leftovers(&self, _: &[Leftover]) {}
    }

    fn job(value: Option<&str>) -> Job {
        let uid = DispatchId {
            generation: Generation(1),
            instance: InstanceId(1),
            task_index: TaskIndex(0),
            attempt: AttemptNumber(1),
            dispatch_number: 1,
        };
        let owner = Owner {
            incarnation: Incarnation(1),
            host: "h".to_owned(),
            generation: Generation(1),
            epoch: Epoch(1),
        };
        let dispatch = Dispatch {
            uid,
            worker: Incarnation(2),
            owner,
            project: "default".to_owned(),
            workflow: "w".to_owned(),
            task: "t".to_owned(),
            attempt: AttemptNumber(1),
            action: PreparedAction {
                task_type: "shell".to_owned(),
                fields: Default::default(),
            },
            env: BTreeMap::from([("KEY".to_owned(), "<>".to_owned())]),
            secret_slots: vec![SecretSlot {
                target: SlotTarget::Env("KEY".to_owned()),
                at: 1,
                secret: "key".to_owned(),
                escaping: ValueEscaping::AsIs,
            }],
            secrets: value
                .map(|value| ("key".to_owned(), value.into()))
                .into_iter()
                .collect(),
            outputs: BTreeMap::new(),
            timeout_ms: None,
            on_cut_off: OnCutOff::Continue,
            connection: None,
        };
        Job {
            dispatch,
            workdir: "/nonexistent".into(),
            output: "/nonexistent".into(),
        }
    }

    #[tokio::test]
    async fn a_job_gets_the_value_and_its_end_does_not_show_it() {
        let echo = Echo::default();
        let seen = Arc::clone(&echo.seen);
        let runner = SecretRunner::new(Arc::new(echo));
        let mut running = runner.start(&job(Some(VALUE))).await.expect("it starts");
        assert_eq!(
            seen.lock().expect("no panic").as_deref(),
            Some("<canary-0123456789>")
        );
        let end = running.wait().await;
        assert_eq!(end.error.as_deref(), Some("no such key: <***>"));
        assert_eq!(end.outputs["key"], "<***>");
    }

    #[tokio::test]
    async fn what_cannot_start_says_why_without_the_value() {
        let refusing = Echo {
            refuses: true,
            ..Echo::default()
        };
        let error = SecretRunner::new(Arc::new(refusing))
            .start(&job(Some(VALUE)))
            .await
            .err();
        assert_eq!(error.expect("it is refused").reason, "cannot start with <***>");
        let error = SecretRunner::new(Arc::new(Echo::default()))
            .start(&job(None))
            .await
            .err();
        let error = error.expect("the value is missing");
        assert_eq!(error.failure, FailureKind::Permanent);
        assert!(error.reason.contains("`key`"), "{}", error.reason);
    }
}
