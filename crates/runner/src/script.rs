//! Turns the work of a shell or python task into a program, its arguments and a script file.
//!
//! Attempts of the same script share its file: values never stand in it, so most attempts of a task have the same.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actors::ports::Job;
use engine::task_type::python::{PYTHON, PythonFields};
use engine::task_type::shell::ShellFields;
use sha2::{Digest, Sha256};

/// What a task inherits of our own environment, all else is ours alone.
const INHERITED: [&str; 6] = ["HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER"];

/// Where programs are looked for when our own environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes a folder and those above it, closed to other users.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// So many script files may stay without an attempt that uses them.
const KEPT: usize = 256;

/// The script files of this life, each with the number of attempts that use it now.
#[derive(Debug, Clone, Default)]
pub(super) struct Scripts {
    used: Arc<Mutex<HashMap<PathBuf, usize>>>,
}

/// A script file in use.
pub(super) struct Script {
    file: PathBuf,
    scripts: Scripts,
}

impl Scripts {
    /// Makes sure that a file in `folder` has this text, and keeps it as long as the answer lives.
    pub(super) fn take(&self, folder: &Path, text: &str) -> io::Result<Script> {
        let name: String = Sha256::digest(text.as_bytes())
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let file = folder.join(name).with_extension("script");
        let mut used = self.lock();
        if used.is_empty() {
            forget_earlier_lives(folder);
        }
        // A task may have changed it or removed it: everything runs as one user.
        if !fs::read(&file).is_ok_and(|found| found == text.as_bytes()) {
            write_new(&file, text)?;
        }
        *used.entry(file.clone()).or_default() += 1;
        let scripts = self.clone();
        Ok(Script { file, scripts })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let mut used = self.scripts.lock();
        let many = used.len() > KEPT;
        let Some(users) = used.get_mut(&self.file) else {
            return;
        };
        *users -= 1;
        if *users == 0 && many {
            used.remove(&self.file);
            fs::remove_file(&self.file).ok();
        }
    }
}

/// Nothing of an earlier life runs any more when the first attempt of this one starts.
fn forget_earlier_lives(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for file in entries.map(|entry| entry.path()) {
        if file.extension().is_some_and(|kind| kind == "script") {
            fs::remove_file(file).ok();
        }
    }
}

/// A new file in the place of the old one: an interpreter may still read that.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let fresh = file.with_extension("new");
    let mut open = OpenOptions::new();
    let open = open.write(true).create(true).truncate(true).mode(0o600);
    open.open(&fresh)?.write_all(text.as_bytes())?;
    fs::rename(&fresh, file)
}

/// The files that one process needs, apart from its log.
pub(super) struct Place {
    workdir: PathBuf,
    script: Script,
    output: PathBuf,
}

impl Place {
    /// Makes the empty working directory of a job, and its script beside it.
    pub(super) fn prepare(job: &Job, scripts: &Scripts) -> io::Result<Self> {
        make_workdir(&job.workdir)?;
        let (run, _) = script_of(job).map_err(io::Error::other)?;
        let script = scripts
            .take(job.workdir.parent().unwrap_or(Path::new(".")), &run)
            .inspect_err(|_| {
                fs::remove_dir(&job.workdir).ok();
            })?;
        Ok(Self {
            workdir: job.workdir.clone(),
            script,
            output: job.output.clone(),
        })
    }

    /// Removes everything again but the script; what a task has locked against us stays behind with a warning.
    pub(super) fn remove(&self) {
        for gone in [fs::remove_file(&self.output), self.remove_workdir()] {
            if let Err(error) = gone
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, folder = %self.workdir.display(), "an attempt's files cannot be removed");
            }
        }
    }

    /// Mostly it is empty, and then this is one system call.
    fn remove_workdir(&self) -> io::Result<()> {
        match fs::remove_dir(&self.workdir) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                fs::remove_dir_all(&self.workdir)
            }
            other => other,
        }
    }

    /// Returns the command that runs the script; nothing of a task's values is in its arguments.
    pub(super) fn command(&self, job: &Job) -> Result<Command, String> {
        let (_, interpreter) = script_of(job)?;
        let path = job.dispatch.env.get("PATH").cloned().unwrap_or_else(search_path);
        let mut words = interpreter.split_ascii_whitespace();
        let program = words.next().ok_or("the task names no interpreter")?;
        let program =
            find_program(program, &path).ok_or_else(|| format!("there is no program `{program}`"))?;
        let mut command = Command::new(program);
        command.args(words).arg(&self.script.file);
        command.current_dir(&self.workdir).env_clear().env("PATH", path);
        for name in INHERITED {
            command.envs(inherited(name));
        }
        command.envs(&job.dispatch.env).stdin(Stdio::null());
        Ok(command)
    }
}

/// Returns the script of a task, and the program that reads it.
fn script_of(job: &Job) -> Result<(String, String), String> {
    let action = &job.dispatch.action;
    let script = if action.task_type == PYTHON.name {
        action
            .read_fields::<PythonFields>()
            .map(|fields| (fields.run, fields.python))
    } else {
        action
            .read_fields::<ShellFields>()
            .map(|fields| (fields.run, fields.interpreter))
    };
    script.map_err(|error| error.to_string())
}

fn make_workdir(workdir: &Path) -> io::Result<()> {
    let make = || DirBuilder::new().mode(0o700).create(workdir);
    make().or_else(|error| match (error.kind(), workdir.parent()) {
        (io::ErrorKind::NotFound, Some(above)) => {
            make_private(above)?;
            make()
        }
        (io::ErrorKind::AlreadyExists, _) => {
            fs::remove_dir_all(workdir)?;
            make()
        }
        _ => Err(error),
    })
}

/// A variable of this process that every attempt gets too, if it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "not a setting: language and time zone of the machine"
)]
fn inherited(name: &'static str) -> Option<(&'static str, OsString)> {
    Some((name, std::env::var_os(name)?))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tasks find their programs where this process would"
)]
fn search_path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned())
}

/// Finds a program itself: with a changed `PATH` the standard library would fork instead of spawning.
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
