#![allow(
    clippy::disallowed_methods,
    reason = "tests look at the environment of this process"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::attempt::{AttemptResult, FailureKind};
use engine::ids::{AttemptNumber, DispatchId, Epoch, Generation, Incarnation};
use engine::spec::{OnCutOff, ParamType};
use ports::JobEnd;
use ports::protocol::{Dispatch, Owner};
use serde_json::json;

use super::cgroup::Cgroup;
use super::*;

fn shell(run: &str, interpreter: &str) -> PreparedAction {
    let action = json!({ "type": "shell", "fields": { "run": run, "interpreter": interpreter } });
    serde_json::from_value(action).unwrap()
}

fn job(folder: &Path, run: &str) -> Job {
    let uid: DispatchId = format!("1-{}-0-1-1", unique()).parse().unwrap();
    let env = [
        ("PORPOISE_ATTEMPT_UID".to_owned(), uid.to_string()),
        (
            "PORPOISE_OUTPUT".to_owned(),
            folder.join("work/x.output").display().to_string(),
        ),
        ("value".to_owned(), NASTY.to_owned()),
    ];
    Job {
        workdir: folder.join("work/x"),
        output: folder.join("work/x.output"),
        dispatch: Dispatch {
            uid,
            worker: Incarnation(7),
            owner: Owner {
                incarnation: Incarnation(1),
                host: "h".to_owned(),
                generation: Generation(1),
                epoch: Epoch(1),
            },
            project: "default".to_owned(),
            workflow: "w".to_owned(),
            task: "t".to_owned(),
            attempt: AttemptNumber(1),
            action: shell(run, "/bin/sh"),
            env: env.into(),
            secret_slots: Vec::new(),
            secrets: Default::default(),
            outputs: ["a", "b", "k"]
                .map(|name| (name.to_owned(), ParamType::String))
                .into(),
            timeout_ms: None,
            on_cut_off: OnCutOff::Continue,
            connection: None,
        },
    }
}

const NASTY: &str = ";|&$()`\n*'\"";

/// No two tests, also of two test processes at a time, may find each other's marker.
fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    u64::from(std::process::id()) * 1000 + NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The folder of logs beside that of working directories.
fn logs_of(job: &Job) -> LogFiles {
    LogFiles::in_folder(job.workdir.parent().unwrap().with_file_name("logs"))
}

const LOG_LIMITS: LogLimits = LogLimits {
    bytes: 1000,
    min_free_disk: 0,
};

fn process_runner(job: &Job) -> ProcessRunner {
    ProcessRunner::new(LOG_LIMITS, crate::runners::script_types(), logs_of(job))
}

async fn run(job: &Job) -> JobEnd {
    let mut running = process_runner(job).start(job).await.unwrap();
    running.wait().await
}

fn log_file(job: &Job) -> PathBuf {
    logs_of(job).path(&job.dispatch.uid)
}

fn log(job: &Job) -> String {
    String::from_utf8_lossy(&std::fs::read(log_file(job)).unwrap_or_default()).into_owned()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn pids(file: &Path) -> BTreeSet<i32> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.starts_with(" Z"))
    })
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("pids")
}

#[tokio::test]
async fn output_and_errors_go_to_the_log_and_values_are_found_in_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        "echo out; echo err >&2; echo '${setValue(a=1)}'; echo b=2 >> \"$PORPOISE_OUTPUT\"",
    );
    let end = run(&job).await;
    assert_eq!(
        (end.result, end.exit_code, end.error),
        (AttemptResult::Succeeded, Some(0), None)
    );
    assert_eq!(log(&job), "out\nerr\n${setValue(a=1)}\n");
    let outputs: Vec<(&str, &str)> = end
        .outputs
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(outputs, [("a", "1"), ("b", "2")]);
}

#[tokio::test]
async fn a_value_reaches_the_script_untouched_by_any_shell() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "printf %s \"$value\"");
    run(&job).await;
    assert_eq!(log(&job), NASTY);
}

#[tokio::test]
async fn the_environment_holds_nothing_of_the_worker_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "env");
    run(&job).await;
    let own = [
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "USER",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "PYTHONUNBUFFERED",
    ];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let leaked = log(&job)
            .lines()
            .any(|line| line.starts_with(&format!("{name}=")));
        assert!(!leaked || own.contains(&name.as_str()), "{name}");
    }
    assert!(log(&job).contains("PATH="), "{}", log(&job));
}

#[tokio::test]
async fn the_working_directory_is_empty_private_and_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        "stat -c %a .; ls -A | wc -l; touch left-behind; mkdir d",
    );
    run(&job).await;
    assert_eq!(log(&job), "700\n0\n");
    assert_eq!(left_in(folder.path()), [] as [PathBuf; 0]);
}

/// What is in the folder of working directories apart from scripts, which stay for the next attempt.
fn left_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("work")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_none_or(|kind| kind != "script"))
        .collect()
}

#[tokio::test]
async fn attempts_of_one_script_share_its_file_and_a_changed_one_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo \"$0\"; echo 'exit 9' > \"$0\"";
    let jobs = [job(folder.path(), script), job(folder.path(), script)];
    let runner = process_runner(&jobs[0]);
    for job in &jobs {
        let end = runner.start(job).await.unwrap().wait().await;
        assert_eq!(end.result, AttemptResult::Succeeded);
    }
    assert_eq!(log(&jobs[0]), log(&jobs[1]));
    assert!(log(&jobs[0]).ends_with(".script\n"), "{}", log(&jobs[0]));
}

#[tokio::test]
async fn many_scripts_do_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let scripts = ScriptCache::default();
    for mark in 0..1000 {
        scripts.acquire(folder.path(), &format!("exit {mark}")).unwrap();
    }
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert!((2..=300).contains(&left), "{left}");
    process_runner(&job(folder.path(), "true")).remove_leftover_files(folder.path());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "a new incarnation removes what earlier ones left");
}

#[tokio::test]
async fn the_exit_code_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let end = run(&job(folder.path(), "exit 37")).await;
    assert_eq!((end.result, end.exit_code), (AttemptResult::Failed, Some(37)));
    assert_eq!(end.error.as_deref(), Some("exit code 37"));
}

#[tokio::test]
async fn a_kill_from_outside_is_reported_with_its_signal() {
    let folder = tempfile::tempdir().unwrap();
    for (name, number) in [("KILL", 9), ("SEGV", 11), ("ALRM", 14), ("TERM", 15), ("INT", 2)] {
        let end = run(&job(folder.path(), &format!("kill -{name} $$"))).await;
        let code = Some(128 + number);
        assert_eq!(
            (end.result, end.exit_code),
            (AttemptResult::Failed, code),
            "{name}"
        );
        let error = end.error.unwrap();
        assert!(error.contains(&format!("signal {number} (SIG{name})")), "{error}");
        assert_eq!(error.contains("memory"), name == "KILL", "{error}");
    }
}

#[tokio::test]
async fn a_missing_program_is_a_readable_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for interpreter in ["/no/such/shell", "no-such-shell"] {
        let mut job = job(folder.path(), "true");
        job.dispatch.action = shell("true", interpreter);
        let error = process_runner(&job).start(&job).await.err().unwrap();
        assert!(error.reason.contains(interpreter), "{error}");
        assert_eq!(error.failure, FailureKind::Permanent);
        assert_eq!(left_in(folder.path()), [] as [PathBuf; 0]);
    }
}

#[tokio::test]
async fn a_background_child_that_holds_the_output_open_delays_nothing_and_does_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = pid_file(folder.path());
    let job = job(
        folder.path(),
        &format!("sleep 300 & echo $! > {}", file.display()),
    );
    let begun = Instant::now();
    let end = run(&job).await;
    assert_eq!(end.result, AttemptResult::Succeeded);
    assert!(begun.elapsed() < Duration::from_secs(60));
    let left = pids(&file);
    assert_eq!(left.len(), 1);
    until("the background child is gone", || {
        !left.iter().any(|pid| alive(*pid))
    })
    .await;
}

#[tokio::test]
async fn a_kill_ends_all_processes_also_those_that_ignore_it_in_their_own_session() {
    let folder = tempfile::tempdir().unwrap();
    let file = pid_file(folder.path());
    let pids_at = file.display();
    let script = format!(
        "trap '' TERM; echo $$ >> {pids_at}; sleep 300 & echo $! >> {pids_at}; \
         setsid sleep 300 & echo $! >> {pids_at}; setsid sh -c 'sleep 300 & echo $! >> {pids_at}' & sleep 300"
    );
    let job = job(folder.path(), &script);
    let mut running = process_runner(&job).start(&job).await.unwrap();
    until("all are there", || pids(&file).len() == 4).await;
    let members = pids(&file);
    assert!(members.iter().all(|pid| alive(*pid)));
    running.kill(KILL_GRACE);
    running.kill(KILL_GRACE);
    let end = running.wait().await;
    assert_eq!(end.result, AttemptResult::Killed);
    assert!(end.error.is_some());
    let left: Vec<_> = members.iter().filter(|pid| alive(**pid)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_kill_finds_processes_that_left_session_parent_and_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = pid_file(folder.path());
    let hide = format!("setsid sleep 300 & echo $! >> {}", file.display());
    let job = job(
        folder.path(),
        &format!("sleep 1; env -i /bin/sh -c '{hide}'; sleep 300"),
    );
    let Some(group) = Cgroup::for_attempt(&job.dispatch.uid, &job.output) else {
        eprintln!("skipped: this process may make no control groups");
        return;
    };
    let mut running = process_runner(&job).start(&job).await.unwrap();
    let all_there = until("it hides", || pids(&file).len() == 1);
    tokio::select! {
        () = all_there => {}
        end = running.wait() => panic!("{end:?}"),
    }
    assert!(group.members().len() >= 2, "{:?}", group.members());
    running.kill(KILL_GRACE);
    assert_eq!(running.wait().await.result, AttemptResult::Killed);
    assert!(!pids(&file).iter().any(|pid| alive(*pid)), "it is gone");
    assert!(group.members().is_empty());
}

#[tokio::test]
async fn a_task_may_clean_up_when_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        "trap 'echo cleaning; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
    );
    let mut running = process_runner(&job).start(&job).await.unwrap();
    until("the trap is set", || log(&job).contains("ready")).await;
    running.kill(KILL_GRACE);
    let end = running.wait().await;
    assert_eq!(end.result, AttemptResult::Killed);
    assert!(log(&job).contains("cleaning"));
}

#[tokio::test]
async fn a_log_past_its_limit_is_cut_with_one_mark() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        "yes | head -c 5000; sleep 0.5; yes | head -c 5000; sleep 0.5; yes | head -c 5000",
    );
    let end = run(&job).await;
    assert_eq!(end.result, AttemptResult::Succeeded);
    let text = log(&job);
    assert!(text.starts_with("y\ny\n"));
    assert!(text.ends_with("the rest was cut off]\n"), "{text}");
    assert_eq!(text.matches("porpoise:").count(), 1);
    assert!(text.len() < 1200, "{}", text.len());
}

#[tokio::test]
async fn bytes_that_are_not_text_are_kept_and_do_not_hide_values() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "printf '\\377\\376\\n'; echo '#{setValue(k=v=w)}'");
    let end = run(&job).await;
    assert_eq!(end.outputs.get("k").map(String::as_str), Some("v=w"));
    assert!(std::fs::read(log_file(&job)).unwrap().starts_with(&[0xff, 0xfe]));
}

#[tokio::test]
async fn leftovers_of_an_earlier_incarnation_are_killed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = pid_file(folder.path());
    let script = format!(
        "echo $$ >> {0}; setsid sleep 300 & echo $! >> {0}; sleep 300",
        file.display()
    );
    let job = job(folder.path(), &script);
    let runner = process_runner(&job);
    let mut left = runner.start(&job).await.unwrap();
    until("both are there", || pids(&file).len() == 2).await;
    let other = self::job(&folder.path().join("other"), "sleep 1; exit 5");
    let mut bystander = runner.start(&other).await.unwrap();
    let leftover = |pid, start_ticks| Leftover {
        uid: job.dispatch.uid,
        pid,
        start_ticks,
        boot_id: Some(proc_fs::boot_id()),
        output: job.output.clone(),
    };
    let reused = bystander.pid();
    let ours = [leftover(left.pid(), left.start_ticks())];
    let ((), end) = tokio::join!(runner.kill_leftovers(&ours), left.wait());
    assert_eq!(end.result, AttemptResult::Failed, "this job was not asked to end");
    assert!(!pids(&file).iter().any(|pid| alive(*pid)));
    runner.kill_leftovers(&[leftover(reused, Some(1))]).await;
    assert_eq!(
        bystander.wait().await.exit_code,
        Some(5),
        "a pid with another start time is another process"
    );
}

#[tokio::test]
async fn a_process_that_ignores_sigterm_is_killed_after_the_grace_period() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        "trap '' TERM; echo ready; while :; do sleep 0.05; done",
    );
    let mut running = process_runner(&job).start(&job).await.unwrap();
    until("the trap is set", || log(&job).contains("ready")).await;
    let asked = Instant::now();
    let granted = Duration::from_millis(300);
    running.kill(granted);
    assert_eq!(running.wait().await.result, AttemptResult::Killed);
    let took = asked.elapsed();
    assert!(
        (granted..KILL_GRACE).contains(&took),
        "it should take 300 ms, not {took:?}"
    );
}

#[tokio::test]
async fn a_task_that_replaces_its_files_does_not_hold_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let log = "\"$(readlink /proc/$$/fd/1)\"";
    let replacements = [
        "rm -f \"$PORPOISE_OUTPUT\"; mkfifo \"$PORPOISE_OUTPUT\"".to_owned(),
        "ln -sf /dev/stdout \"$PORPOISE_OUTPUT\"".to_owned(),
        "mkdir \"$PORPOISE_OUTPUT\"; touch \"$PORPOISE_OUTPUT/a\"".to_owned(),
        "rm -f \"$0\"; mkfifo \"$0\"".to_owned(),
        "rm -f \"$0\"; ln -s /dev/zero \"$0\"".to_owned(),
        "rm -f \"$0\"; mkdir \"$0\"; touch \"$0/a\"".to_owned(),
        format!("log={log}; rm -f \"$log\"; mkfifo \"$log\""),
        format!("log={log}; rm -f \"$log\"; mkdir \"$log\""),
        format!("log={log}; ln -sf /etc/passwd \"$log\""),
        "d=$PWD; rmdir \"$d\"; mkfifo \"$d\"".to_owned(),
        "mkdir -p a/b; chmod 0 a/b; chmod 500 a".to_owned(),
    ];
    let first = job(folder.path(), "true");
    let runner = process_runner(&first);
    for replacement in &replacements {
        let job = job(folder.path(), replacement);
        let run = || async { runner.start(&job).await.unwrap().wait().await };
        // Twice, because the second attempt uses the same script file.
        for _ in 0..2 {
            let end = tokio::time::timeout(Duration::from_secs(20), run()).await;
            assert_eq!(
                end.expect(replacement).result,
                AttemptResult::Succeeded,
                "{replacement}"
            );
        }
    }
    until("everything is removed", || left_in(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn a_log_that_its_task_replaced_by_a_link_is_not_the_file_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        "log=\"$(readlink /proc/$$/fd/1)\"; echo a; ln -sf /etc/passwd \"$log\"; echo '${setValue(k=v)}'",
    );
    let end = run(&job).await;
    assert_eq!(log(&job), "[the task replaced its log]\n");
    assert_eq!(end.outputs.get("k").map(String::as_str), Some("v"));
}

#[tokio::test]
async fn what_a_lost_attempt_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(
        folder.path(),
        "mkdir \"$PORPOISE_OUTPUT\"; touch a; echo ready; sleep 300",
    );
    job.output = folder
        .path()
        .join("work")
        .join(format!("{}.output", job.dispatch.uid));
    job.workdir = job.output.with_extension("");
    let output = job.output.display().to_string();
    job.dispatch.env.insert("PORPOISE_OUTPUT".to_owned(), output);
    let runner = process_runner(&job);
    let running = runner.start(&job).await.unwrap();
    until("it runs", || log(&job).contains("ready")).await;
    let left = Leftover {
        uid: job.dispatch.uid,
        pid: running.pid(),
        start_ticks: running.start_ticks(),
        boot_id: Some(proc_fs::boot_id()),
        output: job.output.clone(),
    };
    // As if the process of this worker had ended.
    std::mem::forget(running);
    runner.kill_leftovers(&[left]).await;
    until("its files are removed", || left_in(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn what_is_left_at_a_normal_end_is_ended_in_any_session_and_the_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let begins = [
        "sleep 300 &",
        "setsid sleep 300 &",
        "setsid nohup sleep 300 >/dev/null 2>&1 &",
        "(while :; do sleep 0.05; done) &",
        "(trap '' TERM; exec sleep 300) &",
    ];
    for (number, begin) in begins.iter().enumerate() {
        let file = folder.path().join(format!("pid-{number}"));
        let job = job(folder.path(), &format!("{begin} echo $! > {}", file.display()));
        let end = run(&job).await;
        assert_eq!(end.result, AttemptResult::Succeeded, "{begin}");
        let left = pids(&file);
        assert_eq!(left.len(), 1, "{begin}");
        assert!(!left.iter().any(|pid| alive(*pid)), "{begin}");
        assert!(
            log(&job).contains("that the task left behind w"),
            "{begin}: {}",
            log(&job)
        );
    }
}

#[tokio::test]
async fn an_attempt_that_leaves_nothing_has_no_line_of_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "sleep 0.1 & wait; (true &); echo done");
    run(&job).await;
    assert_eq!(log(&job), "done\n");
}

#[tokio::test]
async fn a_task_may_keep_its_background_processes() {
    let folder = tempfile::tempdir().unwrap();
    let file = pid_file(folder.path());
    let script = format!(
        "for i in 1 2; do setsid sleep 300 & echo $! >> {0}; done; sleep 301 & echo $! >> {0}",
        file.display()
    );
    let mut job = job(folder.path(), &script);
    let action = json!({ "type": "shell", "fields": { "run": script, "interpreter": "/bin/sh", "background": "keep" } });
    job.dispatch.action = serde_json::from_value(action).unwrap();
    let end = run(&job).await;
    assert_eq!(end.result, AttemptResult::Succeeded);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let kept = pids(&file);
    assert_eq!(kept.iter().filter(|pid| alive(**pid)).count(), 3);
    assert_eq!(log(&job), "");
    proc_fs::send_signal(&kept, nix::sys::signal::Signal::SIGKILL);
}

#[tokio::test]
async fn orphans_of_one_attempt_do_not_concern_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = pid_file(folder.path());
    let first = job(
        folder.path(),
        &format!("(setsid sleep 300 & echo $! > {}); sleep 1", file.display()),
    );
    let second = job(&folder.path().join("second"), "true");
    let runner = process_runner(&first);
    let mut running = runner.start(&first).await.unwrap();
    until("it has an orphan", || pids(&file).len() == 1).await;
    assert_eq!(run(&second).await.result, AttemptResult::Succeeded);
    assert_eq!(log(&second), "");
    assert!(
        pids(&file).iter().all(|pid| alive(*pid)),
        "it is of the first attempt"
    );
    running.wait().await;
    assert!(!pids(&file).iter().any(|pid| alive(*pid)));
}

#[tokio::test]
async fn an_orphan_that_has_ended_leaves_the_table_of_processes() {
    let folder = tempfile::tempdir().unwrap();
    let file = pid_file(folder.path());
    let job = job(
        folder.path(),
        &format!("(sh -c 'echo $$ > {}' &); sleep 3", file.display()),
    );
    let mut running = process_runner(&job).start(&job).await.unwrap();
    let is_listed = |pid: &i32| Path::new(&format!("/proc/{pid}")).exists();
    let gone = until("it is gone", || {
        pids(&file).len() == 1 && !pids(&file).iter().any(is_listed)
    });
    tokio::select! {
        () = gone => {}
        end = running.wait() => panic!("{end:?}"),
    }
    assert_eq!(running.wait().await.result, AttemptResult::Succeeded);
}

#[tokio::test]
async fn an_interpreter_has_arguments() {
    let folder = tempfile::tempdir().unwrap();
    for interpreter in [json!("sh -eu"), json!(["sh", "-eu"])] {
        let mut job = job(folder.path(), "false; echo not reached");
        let action = json!({ "type": "shell", "fields": { "run": "false; echo not reached", "interpreter": interpreter } });
        job.dispatch.action = serde_json::from_value(action).unwrap();
        let end = run(&job).await;
        assert_eq!((end.result, end.exit_code), (AttemptResult::Failed, Some(1)));
        assert_eq!(log(&job), "");
    }
}

#[tokio::test]
async fn what_python_prints_is_in_the_log_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (task_type, key, run) in [
        ("python", "python", "import time\nprint('hello')\ntime.sleep(300)"),
        (
            "shell",
            "interpreter",
            "import time\nprint('hello')\ntime.sleep(300)",
        ),
    ] {
        let mut job = job(folder.path(), "");
        let action = json!({ "type": task_type, "fields": { "run": run, key: "python3" } });
        job.dispatch.action = serde_json::from_value(action).unwrap();
        let mut running = process_runner(&job).start(&job).await.unwrap();
        until("it prints", || log(&job) == "hello\n").await;
        running.kill(Duration::ZERO);
        running.wait().await;
    }
}

#[tokio::test]
async fn an_output_beyond_its_bound_fails_an_attempt_that_succeeded() {
    let folder = tempfile::tempdir().unwrap();
    let large = "printf 'a=%070000d\\n' 0 >> \"$PORPOISE_OUTPUT\"";
    let end = run(&job(folder.path(), large)).await;
    assert_eq!(
        (end.result, end.exit_code, end.failure),
        (AttemptResult::Failed, Some(0), FailureKind::Transient)
    );
    assert!(end.error.clone().unwrap().contains("`a`"), "{end:?}");
    assert!(end.outputs.is_empty());
    let failed = run(&job(folder.path(), &format!("{large}; exit 3"))).await;
    assert_eq!(failed.error.as_deref(), Some("exit code 3"));
    let other = run(&job(folder.path(), &large.replace("a=", "other="))).await;
    assert_eq!(other.result, AttemptResult::Succeeded);
}

#[tokio::test]
async fn an_output_has_several_lines_in_the_output_file() {
    let folder = tempfile::tempdir().unwrap();
    let end = run(&job(
        folder.path(),
        "{ echo 'a<<END'; echo 'b=1'; echo ' second'; echo END; echo 'export b=2'; } > \"$PORPOISE_OUTPUT\"",
    ))
    .await;
    assert_eq!(end.outputs["a"], "b=1\n second");
    assert_eq!(end.outputs["b"], "2");
}
