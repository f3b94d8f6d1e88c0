//! A throw-away PostgreSQL server that keeps every promise of durability.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Outcome;

/// Makes the cluster, serves until its input ends (with the bench, however that ends), removes it.
const SERVE: &str = r#"
set -e
dir=$(mktemp -d /tmp/porpoise-bench-postgres.XXXXXX)
"$1/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C >/dev/null
"$1/postgres" -D "$dir/data" -p "$2" -k "$dir" -c listen_addresses=127.0.0.1 \
    -c fsync=on -c synchronous_commit=on -c shared_buffers=256MB >"$dir/log" 2>&1 </dev/null &
pid=$!
until "$1/pg_isready" -q -h 127.0.0.1 -p "$2"; do kill -0 $pid; sleep 0.05; done
echo "$pid"
read -r _ || true
kill -INT $pid
wait $pid || true
rm -rf "$dir"
"#;

/// The server; it goes with this value.
#[derive(Debug)]
pub(crate) struct Postgres {
    /// The postmaster's process.
    pub pid: u32,
    binaries: PathBuf,
    port: u16,
    made: Cell<u32>,
    input: Option<ChildStdin>,
    script: Child,
}

impl Postgres {
    /// Starts a server; none where PostgreSQL is not installed.
    pub(crate) fn start() -> Outcome<Option<Self>> {
        let Some(binaries) = binaries() else {
            return Ok(None);
        };
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = if std::fs::metadata("/proc/self")?.uid() == 0 {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        let mut script = command
            .args(["-c", SERVE, "serve"])
            .arg(&binaries)
            .arg(port.to_string())
            .current_dir("/tmp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = script.stdout.take().ok_or("standard output is piped")?;
        BufReader::new(output).read_line(&mut line)?;
        let pid = line.trim().parse().map_err(|_| "PostgreSQL did not start")?;
        let input = script.stdin.take();
        Ok(Some(Self {
            pid,
            binaries,
            port,
            made: Cell::new(0),
            input,
            script,
        }))
    }

    /// Makes an empty database and returns its address.
    pub(crate) fn database(&self) -> Outcome<String> {
        let name = format!("bench{}", self.made.replace(self.made.get() + 1));
        self.run("createdb", &[&name])?;
        Ok(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port))
    }

    /// Opens a session that answers questions.
    pub(crate) fn session(&self, url: &str) -> Outcome<Session> {
        let mut child = Command::new(self.binaries.join("psql"))
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("standard input is piped")?;
        let output = child.stdout.take().ok_or("standard output is piped")?;
        Ok(Session {
            input: Some(input),
            output: BufReader::new(output),
            child,
        })
    }

    /// Runs one of PostgreSQL's own programs against this server and returns what it printed.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Outcome<String> {
        let output = Command::new(self.binaries.join(program))
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p"])
            .arg(self.port.to_string())
            .args(arguments)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{program} failed: {said}").into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.script.wait());
    }
}

/// A connection that stays open; it ends with this value.
#[derive(Debug)]
pub(crate) struct Session {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    child: Child,
}

impl Session {
    /// Asks something that has one row of one column.
    pub(crate) fn line(&mut self, question: &str) -> Outcome<String> {
        let input = self.input.as_mut().ok_or("the session is open")?;
        writeln!(input, "{question};")?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(format!("PostgreSQL refused: {question}").into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Asks for a number.
    pub(crate) fn number(&mut self, question: &str) -> Outcome<i64> {
        let line = self.line(question)?;
        line.parse()
            .map_err(|_| format!("{question}: {line} is no number").into())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.wait());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a search path, not a setting of the program"
)]
fn binaries() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = installed
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    folders.into_iter().find(|folder| folder.join("initdb").exists())
}
