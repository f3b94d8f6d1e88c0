//! A throw-away PostgreSQL server per test process, and a fresh migrated database per test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use store::{Role, Store};

#[path = "../equipment/postgres.rs"]
mod own;

pub use own::{OwnServer, binaries};

/// Makes the cluster, serves until its input ends (with the test process, however that ends), removes it.
const SERVE: &str = r#"
set -e
dir=$(mktemp -d /tmp/porpoise-postgres.XXXXXX)
"$1/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C --no-sync >/dev/null
"$1/postgres" -D "$dir/data" -p "$2" -k "$dir" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c max_connections=300 >"$dir/log" 2>&1 </dev/null &
pid=$!
until "$1/pg_isready" -q -h 127.0.0.1 -p "$2"; do kill -0 $pid; sleep 0.05; done
echo ready
read -r _ || true
kill -INT $pid
wait $pid || true
rm -rf "$dir"
"#;

struct Server {
    binaries: PathBuf,
    port: u16,
    // Its standard input is a pipe from this process; when that closes, the server goes.
    _script: Child,
}

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Makes a fresh migrated database and returns its address; none where PostgreSQL is not installed.
pub fn database() -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    server.create(&name, "porpoise_template");
    Some(server.url(&name))
}

/// Makes an empty database without a schema.
pub fn empty_database() -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let name = format!("e{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    server.create(&name, "template1");
    Some(server.url(&name))
}

fn start() -> Option<Server> {
    let Some(binaries) = binaries() else {
        eprintln!("SKIPPED: PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql/*/bin)");
        return None;
    };
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let mut command = if nix::unistd::geteuid().is_root() {
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
        .spawn()
        .expect("a shell");
    let mut line = String::new();
    let output = script.stdout.take().expect("standard output is piped");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "ready", "PostgreSQL did not start");
    let server = Server {
        binaries,
        port,
        _script: script,
    };
    server.create("porpoise_template", "template1");
    migrate(&server.url("porpoise_template"));
    Some(server)
}

/// The client of PostgreSQL on a database; it must be installed.
pub fn psql(url: &str) -> Command {
    let mut psql = Command::new(binaries().expect("PostgreSQL").join("psql"));
    psql.arg(url).arg("-X");
    psql
}

/// In a thread of its own: the caller may already be inside a runtime.
fn migrate(url: &str) {
    let url = url.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let store = Store::open(&url, Role::Tool).await.expect("a store");
            store.migrate().await.expect("migrations");
        });
    })
    .join()
    .expect("migrations");
}

impl Server {
    fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Tries again while the template is still in use, for example by another test that copies it.
    fn create(&self, name: &str, template: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = Command::new(self.binaries.join("psql"))
                .args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-p"])
                .arg(self.port.to_string())
                .args([
                    "-c",
                    &format!("CREATE DATABASE {name} TEMPLATE {template}"),
                    "postgres",
                ])
                .stdin(Stdio::null())
                .output()
                .expect("psql");
            if answer.status.success() {
                return;
            }
            let why = String::from_utf8_lossy(&answer.stderr);
            assert!(Instant::now() < deadline, "{why}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
