//! The registry calls the runner of a task type.

use std::path::PathBuf;
use std::sync::Arc;

use ports::{Job, Leftover, Runner, RunnerRegistry, StartError};

use crate::testing::worker::fakes::FakeRunner;
use crate::testing::worker::test_worker::{dispatch, uid};

fn job() -> Job {
    Job {
        dispatch: dispatch(1),
        workdir: PathBuf::new(),
        output: PathBuf::new(),
    }
}

fn registry(shell: &Arc<FakeRunner>, http: &Arc<FakeRunner>) -> RunnerRegistry {
    RunnerRegistry::default()
        .with(&["shell", "python"], Arc::clone(shell) as Arc<dyn Runner>)
        .with(&["http"], Arc::clone(http) as Arc<dyn Runner>)
}

#[tokio::test]
async fn a_job_starts_in_the_runner_of_its_task_type() {
    let (shell, http) = (Arc::default(), Arc::default());
    let registry = registry(&shell, &http);
    registry.start(&job()).await.map(drop).unwrap();
    assert_eq!((shell.starts_of(uid(1)), http.starts_of(uid(1))), (1, 0));
    assert_eq!(
        registry.task_types().collect::<Vec<_>>(),
        ["http", "python", "shell"]
    );
}

#[tokio::test]
async fn a_job_without_a_runner_does_not_start() {
    let refused = RunnerRegistry::default().start(&job()).await.map(drop);
    let reason = "this worker has no runner for tasks of type `shell`";
    assert_eq!(refused, Err(StartError::from(reason.to_owned())));
}

#[tokio::test]
async fn leftovers_are_killed_by_every_runner_once() {
    let (shell, http) = (Arc::default(), Arc::default());
    let left = Leftover {
        uid: uid(1),
        pid: None,
        start_ticks: None,
        boot_id: None,
        output: PathBuf::new(),
    };
    registry(&shell, &http).kill_leftovers(&[left]).await;
    assert_eq!(
        (shell.killed_leftovers().len(), http.killed_leftovers().len()),
        (1, 1)
    );
}
