//! Turns the work of a shell or python task into a program, its arguments and a script file.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use actors::ports::Job;
use engine::definition::Work;

/// What a task inherits of our own environment, all else is ours alone.
const INHERITED: [&str; 6] = ["HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER"];

/// Where programs are looked for when our own environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes a folder and those above it, closed to other users.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The files that one process needs, apart from its log.
pub(super) struct Place {
    workdir: PathBuf,
    script: PathBuf,
    output: PathBuf,
}

impl Place {
    /// Makes the empty working directory of a job and writes its script beside it.
    pub(super) fn prepare(job: &Job) -> io::Result<Self> {
        let place = Self {
            workdir: job.workdir.clone(),
            script: job.workdir.with_extension("script"),
            output: job.output.clone(),
        };
        place.make_workdir()?;
        let run = match &job.dispatch.work {
            Work::Shell { run, .. } | Work::Python { run, .. } => run,
            Work::Http { .. } | Work::Noop => return Ok(place),
        };
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&place.script)?;
        file.write_all(run.as_bytes())?;
        Ok(place)
    }

    fn make_workdir(&self) -> io::Result<()> {
        let make = || DirBuilder::new().mode(0o700).create(&self.workdir);
        make().or_else(|error| match (error.kind(), self.workdir.parent()) {
            (io::ErrorKind::NotFound, Some(above)) => {
                make_private(above)?;
                make()
            }
            (io::ErrorKind::AlreadyExists, _) => {
                fs::remove_dir_all(&self.workdir)?;
                make()
            }
            _ => Err(error),
        })
    }

    /// Removes everything again; what a task has locked against us stays behind with a warning.
    pub(super) fn remove(&self) {
        for gone in [
            fs::remove_file(&self.script),
            fs::remove_file(&self.output),
            self.remove_workdir(),
        ] {
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
        let interpreter = match &job.dispatch.work {
            Work::Shell { interpreter, .. } => interpreter,
            Work::Python { python, .. } => python,
            Work::Http { .. } | Work::Noop => return Err("this task type has no process".to_owned()),
        };
        let path = job.dispatch.env.get("PATH").cloned().unwrap_or_else(search_path);
        let mut words = interpreter.split_ascii_whitespace();
        let program = words.next().ok_or("the task names no interpreter")?;
        let program =
            find_program(program, &path).ok_or_else(|| format!("there is no program `{program}`"))?;
        let mut command = Command::new(program);
        command.args(words).arg(&self.script);
        command.current_dir(&self.workdir).env_clear().env("PATH", path);
        for name in INHERITED {
            command.envs(inherited(name));
        }
        command.envs(&job.dispatch.env).stdin(Stdio::null());
        Ok(command)
    }
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
