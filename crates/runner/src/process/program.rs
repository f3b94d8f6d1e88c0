//! The program of an attempt with its arguments and its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine::task_type::ProgramWords;
use ports::StartError;

use super::workspace::Workspace;

/// Variables of this process that every attempt inherits; it sees no others.
const INHERITED: [&str; 6] = ["HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER"];

/// The search path for programs when the environment of this process has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the command that runs a workspace's script. The values of a task are in its environment, never in its
/// arguments.
pub(super) fn script_command(
    interpreter: &ProgramWords,
    environment: &BTreeMap<String, String>,
    workspace: &Workspace,
) -> Result<Command, StartError> {
    let path = environment.get("PATH").cloned().unwrap_or_else(search_path);
    let mut words = interpreter.words().into_iter();
    let program = words
        .next()
        .ok_or_else(|| StartError::permanent("the task names no interpreter"))?;
    let program = find_program(program, &path)
        .ok_or_else(|| StartError::permanent(format!("there is no program `{program}`")))?;
    let mut command = Command::new(program);
    command.args(words).arg(workspace.script());
    command
        .current_dir(workspace.folder())
        .env_clear()
        .env("PATH", path)
        // Live output, and none that is lost with a kill; also of Python inside a shell script.
        .env("PYTHONUNBUFFERED", "1");
    for name in INHERITED {
        command.envs(inherited_variable(name));
    }
    command.envs(environment).stdin(Stdio::null());
    Ok(command)
}

#[expect(
    clippy::disallowed_methods,
    reason = "not a setting: language and time zone of the machine"
)]
fn inherited_variable(name: &'static str) -> Option<(&'static str, OsString)> {
    Some((name, std::env::var_os(name)?))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tasks find their programs where this process would"
)]
fn search_path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned())
}

/// Finds a program without the standard library, which would fork instead of spawning when `PATH` is changed.
fn find_program(name: &str, path: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name));
    }
    path.split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
