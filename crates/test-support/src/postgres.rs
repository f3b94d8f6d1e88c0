//! A temporary PostgreSQL server on loopback.

use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Makes the cluster, serves until its standard input ends, removes it. The input is a pipe from the process that
/// started it, so the server ends with that process, however that ends.
const SERVE: &str = r#"
set -e
programs=$1 port=$2; shift 2
dir=$(mktemp -d /tmp/porpoise-postgres.XXXXXX)
"$programs/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C --no-sync >/dev/null
"$programs/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 "$@" >"$dir/log" 2>&1 </dev/null &
pid=$!
until "$programs/pg_isready" -q -h 127.0.0.1 -p "$port"; do kill -0 $pid; sleep 0.05; done
echo "$pid"
read -r _ || true
kill -INT $pid
wait $pid || true
rm -rf "$dir"
"#;

/// What a server does for data that must survive a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit reaches the disk, as in production.
    Full,
    /// Nothing is synced, which is faster.
    None,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    port: u16,
    pid: u32,
    script: Child,
}

impl PostgresServer {
    /// Starts a server; `None` where PostgreSQL is not installed.
    ///
    /// # Errors
    /// When the server does not start.
    pub fn start(durability: Durability) -> io::Result<Option<Self>> {
        let Some(programs) = program_folder() else {
            return Ok(None);
        };
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings: &[&str] = match durability {
            Durability::Full => &["fsync=on", "synchronous_commit=on", "shared_buffers=256MB"],
            Durability::None => &["fsync=off", "max_connections=300"],
        };
        let mut script = as_unprivileged_user("sh")
            .args(["-c", SERVE, "serve"])
            .arg(&programs)
            .arg(port.to_string())
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .current_dir("/tmp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = script.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let pid = line
            .trim()
            .parse()
            .map_err(|_| io::Error::other("PostgreSQL did not start"))?;
        Ok(Some(Self {
            programs,
            port,
            pid,
            script,
        }))
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs one of PostgreSQL's own programs against this server and returns what it printed.
    ///
    /// # Errors
    /// The standard error of the program when it failed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> io::Result<String> {
        let output = Command::new(self.programs.join(program))
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p"])
            .arg(self.port.to_string())
            .args(arguments)
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("{program} failed: {errors}")));
        }
        String::from_utf8(output.stdout).map_err(io::Error::other)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        drop(self.script.wait());
    }
}

/// The folder of PostgreSQL's programs, the newest version first; `None` where it is not installed.
pub fn program_folder() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = installed
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    folders.extend(search_path());
    folders.into_iter().find(|folder| folder.join("initdb").exists())
}

/// The command-line client on a database.
///
/// # Panics
/// When PostgreSQL is not installed.
pub fn psql(url: &str) -> Command {
    let folder = program_folder().expect("PostgreSQL is installed");
    let mut psql = Command::new(folder.join("psql"));
    psql.arg(url).arg("-X");
    psql
}

#[expect(
    clippy::disallowed_methods,
    reason = "a search path, not a setting of the program"
)]
fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map_or_else(Vec::new, |path| std::env::split_paths(&path).collect())
}

/// A command that runs as the user `postgres` when this process is root, since PostgreSQL refuses to run as root.
pub(crate) fn as_unprivileged_user(program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    if !nix::unistd::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}
