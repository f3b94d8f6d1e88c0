use super::*;
use crate::attempt::{AttemptEnd, AttemptEvent, AttemptResult};
use crate::ids::{AttemptNumber, DispatchId, Epoch, Generation, InstanceId, TaskIndex, Timestamp};
use crate::instance::tests_support as fixture;
use crate::limits::TaskLimits;
use crate::spec::duration::HumanDuration;
use crate::spec::model::{Output, TaskDefinition};
use crate::spec::values::ParamType;
use crate::states::{KillCause, OnTimeout, TaskState};
use crate::task_type::ExecutionSite;

fn definition() -> TaskDefinition {
    let mut task = fixture::with_retries(1, 30, fixture::task("a", &[]));
    task.timeout_ms = Some(1000);
    task.on_timeout = OnTimeout::Both;
    task
}

fn context(task: &TaskDefinition, mode: InstanceMode, at: i64) -> StepContext<'_> {
    StepContext {
        task,
        site: ExecutionSite::Worker,
        delay_ms: task.delay_ms,
        retry: task.retry.unwrap_or_default(),
        timeout_ms: task.timeout_ms,
        worker_group: "default",
        limits: TaskLimits::NONE,
        mode,
        at: Timestamp(at),
        epoch: Epoch(1),
        generation: Generation(1),
        instance: InstanceId(42),
        task_index: TaskIndex(0),
    }
}

fn uid(attempt: u32) -> DispatchId {
    DispatchId {
        generation: Generation(1),
        instance: InstanceId(42),
        task_index: TaskIndex(0),
        attempt: AttemptNumber(attempt),
        dispatch_number: 1,
    }
}

fn ended(attempt: u32, result: AttemptResult) -> TaskEvent {
    TaskEvent::Report(TaskReport::Attempt {
        uid: uid(attempt),
        event: AttemptEvent::Ended(AttemptEnd {
            result,
            ..AttemptEnd::succeeded(Timestamp(0))
        }),
    })
}

fn bound() -> TaskEvent {
    TaskEvent::Report(TaskReport::SlotGranted {
        task_index: TaskIndex(0),
        worker: fixture::worker(),
    })
}

/// Every kind of event, as it concerns the first attempt.
fn events() -> Vec<TaskEvent> {
    let reason = || "for a reason".to_owned();
    let uid = uid(1);
    vec![
        TaskEvent::Ready,
        TaskEvent::Skip { reason: reason() },
        TaskEvent::NeverStart { reason: reason() },
        bound(),
        TaskEvent::Report(TaskReport::NoSlot {
            task_index: TaskIndex(0),
            reason: reason(),
        }),
        TaskEvent::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Started {
                pid: Some(1),
                at: Timestamp(0),
            },
        }),
        ended(1, AttemptResult::Succeeded),
        TaskEvent::Report(TaskReport::CompletedInline {
            task_index: TaskIndex(0),
            attempt: AttemptNumber(1),
        }),
        TaskEvent::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::NotStarted { reason: reason() },
        }),
        TaskEvent::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Lost { reason: reason() },
        }),
        TaskEvent::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::LossDeferred { reason: reason() },
        }),
        TaskEvent::Due,
        TaskEvent::Suspend,
        TaskEvent::Resumed,
        TaskEvent::End {
            cause: KillCause::Stop,
            reason: "stopped".into(),
        },
        TaskEvent::Abandon,
        TaskEvent::Force { reason: reason() },
    ]
}

/// One row in each state, reached by steps where steps lead there.
fn in_state(state: TaskState) -> Task {
    let task = definition();
    let after = |events: Vec<TaskEvent>, mode| {
        events.into_iter().fold(Task::unstarted(), |row, event| {
            step(&context(&task, mode, 0), row, event).task
        })
    };
    let ready = TaskEvent::Ready;
    let open = |mut more: Vec<TaskEvent>| {
        let mut events = vec![TaskEvent::Ready];
        events.append(&mut more);
        after(events, InstanceMode::Open)
    };
    let started = || {
        TaskEvent::Report(TaskReport::Attempt {
            uid: uid(1),
            event: AttemptEvent::Started {
                pid: None,
                at: Timestamp(0),
            },
        })
    };
    match state {
        TaskState::Pending => Task::unstarted(),
        TaskState::Delayed => {
            let mut delayed = definition();
            delayed.delay_ms = Some(500);
            step(
                &context(&delayed, InstanceMode::Open, 0),
                Task::unstarted(),
                ready,
            )
            .task
        }
        TaskState::Waiting => open(vec![]),
        TaskState::Dispatched => open(vec![bound()]),
        TaskState::Running => open(vec![bound(), started()]),
        TaskState::WaitingRetry => open(vec![bound(), ended(1, AttemptResult::Failed)]),
        TaskState::Succeeded => open(vec![bound(), ended(1, AttemptResult::Succeeded)]),
        TaskState::Killed => open(vec![bound(), ended(1, AttemptResult::Killed)]),
        TaskState::NotRun => open(vec![TaskEvent::Suspend]),
        TaskState::ForcedSuccess => {
            let reason = "for a reason".to_owned();
            after(vec![TaskEvent::Force { reason }], InstanceMode::Ending)
        }
        TaskState::Failed => {
            let first = open(vec![bound(), ended(1, AttemptResult::Failed)]);
            step(
                &context(&task, InstanceMode::Pausing, 0),
                first,
                TaskEvent::Abandon,
            )
            .task
        }
        TaskState::Skipped => Task {
            state,
            ..Task::unstarted()
        },
    }
}

#[test]
fn every_pair_of_task_state_and_event_kind_has_its_outcome() {
    let task = definition();
    let mut table = String::new();
    for state in TaskState::ALL.iter().copied() {
        let row = in_state(state);
        assert_eq!(row.state, state);
        table.push_str(&format!("{state}:"));
        for event in events() {
            let step = step(
                &context(&task, InstanceMode::Open, 10_000),
                row.clone(),
                event.clone(),
            );
            let ignored = step
                .effects
                .iter()
                .any(|ask| matches!(ask, TaskEffect::Ignore(_)));
            assert_eq!(
                ignored,
                step.why.is_none(),
                "{state} + {event}: ignored exactly when nothing changed"
            );
            assert!(!ignored || step.task == row, "{state} + {event}");
            if !ignored {
                let words = event.to_string();
                let word = words.split(' ').next().unwrap_or_default();
                table.push_str(&format!(" {word}>{}", step.task.state));
            }
        }
        table.push('\n');
    }
    assert_eq!(
        table,
        "\
pending: ready>waiting skip>skipped never>not_run force>forced_success
delayed: due>waiting suspend>not_run end>not_run force>forced_success
waiting: slot>dispatched no>waiting suspend>not_run end>not_run force>forced_success
dispatched: started>running ended>succeeded not>waiting lost>waiting loss>dispatched end>dispatched force>dispatched
running: ended>succeeded lost>waiting loss>running due>running end>running force>running
waiting_retry: due>waiting suspend>waiting_retry resumed>waiting_retry end>killed abandon>failed force>forced_success
succeeded:
forced_success:
failed: force>forced_success
killed: force>forced_success
skipped:
not_run: end>not_run force>forced_success
"
    );
}

#[test]
fn the_end_of_a_task_is_the_end_of_its_last_attempt() {
    let task = definition();
    let open = context(&task, InstanceMode::Open, 5_000);
    let lost = TaskEvent::Report(TaskReport::Attempt {
        uid: uid(1),
        event: AttemptEvent::Lost {
            reason: "its worker died".to_owned(),
        },
    });
    let waiting = step(&open, in_state(TaskState::Running), lost).task;
    assert_eq!(waiting.ended_at, Some(Timestamp(5_000)));
    let next = step(&open, waiting, bound()).task;
    assert_eq!((next.state, next.attempts), (TaskState::Dispatched, 2));
    assert_eq!(next.ended_at, None, "the second attempt has not ended");
}

#[test]
fn a_transcript_of_a_task_that_times_out_and_is_lost() {
    let task = definition();
    let steps = [
        (InstanceMode::Open, 0, TaskEvent::Ready),
        (InstanceMode::Open, 0, bound()),
        (
            InstanceMode::Open,
            5,
            TaskEvent::Report(TaskReport::Attempt {
                uid: uid(1),
                event: AttemptEvent::Started {
                    pid: None,
                    at: Timestamp(900),
                },
            }),
        ),
        (InstanceMode::Open, 1005, TaskEvent::Due),
        (InstanceMode::Open, 1005, TaskEvent::Due),
        (InstanceMode::Open, 1100, ended(1, AttemptResult::Killed)),
        (InstanceMode::Open, 1200, TaskEvent::Due),
        (InstanceMode::Open, 1200, bound()),
        (
            InstanceMode::Pausing,
            1300,
            TaskEvent::Report(TaskReport::Attempt {
                uid: uid(2),
                event: AttemptEvent::Lost {
                    reason: "gone".into(),
                },
            }),
        ),
    ];
    let mut row = Task::unstarted();
    let mut lines = String::new();
    for (mode, at, event) in steps {
        let step = step(&context(&task, mode, at), row, event.clone());
        let asks: Vec<String> = step.effects.iter().map(ToString::to_string).collect();
        lines.push_str(&format!("{at} {event} -> {} [{}]\n", step.task, asks.join(", ")));
        row = step.task;
    }
    assert_eq!(
        lines,
        "\
0 ready -> waiting [request slot]
0 slot granted for 0 on w1 -> dispatched #1 created []
5 started 1-42-0-1-1 -> running #1 running due 1005 []
1005 due -> running #1 running killing:timeout [warn: attempt 1 runs longer than 1s, kill]
1005 due -> running #1 running killing:timeout [ignored: nothing of it is due (running)]
1100 ended killed 1-42-0-1-1 -> waiting_retry #1 failed due 35 [timed out: timed out after 1s]
1200 due -> waiting #1 failed [request slot]
1200 slot granted for 0 on w1 -> dispatched #2 created [close #1 failed]
1300 lost 1-42-0-2-1 -> not_run #2 lost []
"
    );
}

#[test]
fn a_held_back_loss_shows_its_reason_once_unless_the_attempt_is_being_killed() {
    let task = definition();
    let held = TaskEvent::Report(TaskReport::Attempt {
        uid: uid(1),
        event: AttemptEvent::LossDeferred {
            reason: "waits until the lease is over".into(),
        },
    });
    let open = context(&task, InstanceMode::Open, 10);
    let first = step(&open, in_state(TaskState::Running), held.clone());
    assert_eq!(
        first.task.reason.as_deref(),
        Some("waits until the lease is over")
    );
    assert_eq!(first.task.state, TaskState::Running, "it may still run");
    assert_eq!(step(&open, first.task.clone(), held.clone()).why, None);
    let stop = TaskEvent::End {
        cause: KillCause::Stop,
        reason: "stopped".into(),
    };
    let killed = step(&open, first.task, stop);
    let after = step(&open, killed.task, held);
    assert_eq!((after.why, after.task.reason.as_deref()), (None, Some("stopped")));
}

#[test]
fn an_end_while_the_instance_ends_waits_for_no_next_attempt() {
    let task = definition();
    let row = in_state(TaskState::Running);
    let step = step(
        &context(&task, InstanceMode::Ending, 10),
        row,
        ended(1, AttemptResult::Failed),
    );
    assert_eq!(step.task.state, TaskState::Killed);
}

#[test]
fn spans_read_as_documents_write_them() {
    let shown = [0, 1, 1500, 90_000, 5_400_000, 172_800_000].map(|ms| HumanDuration(ms).to_string());
    assert_eq!(shown, ["0s", "1ms", "1s500ms", "1m30s", "1h30m", "2d"]);
}

#[test]
fn an_attempt_out_of_time_says_its_limit_once() {
    let task = definition();
    for (said, words) in [
        (Some("timed out after 1000 ms"), "timed out after 1s"),
        (None, "timed out after 1s"),
        (Some("exit code 143"), "timed out after 1s (exit code 143)"),
    ] {
        let event = TaskEvent::Report(TaskReport::Attempt {
            uid: uid(1),
            event: AttemptEvent::Ended(AttemptEnd {
                result: AttemptResult::TimedOut,
                error: said.map(str::to_owned),
                ..AttemptEnd::succeeded(Timestamp(0))
            }),
        });
        let failed = step(
            &context(&task, InstanceMode::Open, 0),
            in_state(TaskState::Running),
            event,
        )
        .task;
        assert_eq!(failed.attempt.unwrap().error.as_deref(), Some(words));
    }
}

fn ended_with(end: AttemptEnd) -> TaskStep {
    let task = TaskDefinition {
        outputs: ["rows", "other"]
            .map(|name| Output {
                name: name.to_owned(),
                kind: ParamType::String,
                default: (name == "other").then(|| "0".to_owned()),
            })
            .into(),
        ..definition()
    };
    let event = TaskEvent::Report(TaskReport::Attempt {
        uid: uid(1),
        event: AttemptEvent::Ended(end),
    });
    step(
        &context(&task, InstanceMode::Open, 0),
        in_state(TaskState::Running),
        event,
    )
}

#[test]
fn a_failure_that_no_retry_cures_is_not_retried_and_says_so() {
    let failed = ended_with(AttemptEnd::hopeless("there is no program `x`", Timestamp(0)));
    assert_eq!(failed.task.state, TaskState::Failed);
    let error = failed.task.attempt.unwrap().error.unwrap();
    assert!(
        error.contains("there is no program `x`") && error.contains("not retried"),
        "{error}"
    );
    let transient = AttemptEnd::unstarted(AttemptResult::Failed, "no memory", Timestamp(0));
    assert_eq!(ended_with(transient).task.state, TaskState::WaitingRetry);
}

#[test]
fn a_declared_output_that_never_came_is_in_the_history() {
    let why = ended_with(AttemptEnd::succeeded(Timestamp(0))).why.unwrap();
    assert_eq!(why, "succeeded without the declared outputs `rows`");
    let set = AttemptEnd {
        outputs: [("rows".to_owned(), "1".to_owned())].into(),
        ..AttemptEnd::succeeded(Timestamp(0))
    };
    assert_eq!(ended_with(set).why.as_deref(), Some("succeeded"));
}

#[test]
fn the_size_of_its_log_is_stored_with_the_end_of_an_attempt() {
    let end = AttemptEnd {
        log_bytes: Some(7),
        ..AttemptEnd::succeeded(Timestamp(0))
    };
    assert_eq!(ended_with(end).task.attempt.unwrap().log_bytes, Some(7));
    let refused = AttemptEnd::unstarted(AttemptResult::Failed, "no memory", Timestamp(0));
    assert_eq!(ended_with(refused).task.attempt.unwrap().log_bytes, Some(0));
}
