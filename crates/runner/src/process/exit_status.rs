//! What the exit status of a process means.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use engine::attempt::{AttemptResult, FailureKind};
use nix::sys::signal::Signal;
use ports::JobEnd;

use crate::job_end::failed_end;

/// The exit code of a shell whose last command ended by SIGKILL.
const SHELL_KILLED: i32 = 128 + Signal::SIGKILL as i32;

/// Whether the end may be the work of the kernel when memory ran out.
pub(super) fn is_sigkill(status: &io::Result<ExitStatus>) -> bool {
    status.as_ref().is_ok_and(|status| {
        status.signal() == Some(Signal::SIGKILL as i32) || status.code() == Some(SHELL_KILLED)
    })
}

/// Returns the end of a job whose process ended with this status, without a kill of Porpoise. `memory` says what is
/// known of memory that ran out.
pub(super) fn end_of_status(status: &io::Result<ExitStatus>, memory: Option<&str>) -> JobEnd {
    let status = match status {
        Ok(status) => status,
        Err(error) => return failed_end(None, format!("its end is not known: {error}")),
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => JobEnd {
            result: AttemptResult::Succeeded,
            exit_code: Some(0),
            error: None,
            failure: FailureKind::Transient,
            outputs: BTreeMap::new(),
        },
        (Some(code), _) => {
            let memory = memory.map(|memory| format!("; {memory}")).unwrap_or_default();
            failed_end(Some(code), format!("exit code {code}{memory}"))
        }
        (None, Some(signal)) => end_by_signal(signal, memory),
        (None, None) => failed_end(None, "it ended without an exit code".to_owned()),
    }
}

/// The exit code is the one that a shell would show.
fn end_by_signal(signal: i32, memory: Option<&str>) -> JobEnd {
    let name = Signal::try_from(signal).map_or("unknown", Signal::as_str);
    let mut error = format!("ended by signal {signal} ({name}), which Porpoise did not send");
    if signal == Signal::SIGKILL as i32 {
        error.push_str("; ");
        error.push_str(memory.unwrap_or("memory may have run out"));
    }
    failed_end(Some(128 + signal), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(raw_status: i32, memory: Option<&str>) -> String {
        let end = end_of_status(&Ok(ExitStatus::from_raw(raw_status)), memory);
        assert_eq!(end.result, AttemptResult::Failed);
        end.error.expect("a reason")
    }

    #[test]
    fn a_signal_from_outside_is_a_failure_that_names_it() {
        assert_eq!(
            error_of(15, None),
            "ended by signal 15 (SIGTERM), which Porpoise did not send"
        );
        assert_eq!(
            error_of(9, None),
            "ended by signal 9 (SIGKILL), which Porpoise did not send; memory may have run out"
        );
        assert_eq!(
            error_of(9, Some("memory ran out")),
            "ended by signal 9 (SIGKILL), which Porpoise did not send; memory ran out"
        );
    }

    #[test]
    fn a_shell_that_reports_the_kill_of_its_command_mentions_memory_only_when_it_ran_out() {
        assert_eq!(error_of(137 << 8, None), "exit code 137");
        assert_eq!(
            error_of(137 << 8, Some("memory ran out")),
            "exit code 137; memory ran out"
        );
    }
}
