//! Real servers at the other end of connections; each ends with its value.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::unistd::{Uid, User};
use tempfile::TempDir;
use test_support::postgres::{Durability, PostgresServer};
use test_support::waiting::eventually;

/// Time for a server to start.
const START: Duration = Duration::from_secs(30);

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn find_program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/sbin", "/bin"];
    let found = folders
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed; `make setup` installs it");
    }
    found
}

fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("a program");
    assert!(
        output.status.success(),
        "{}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A PostgreSQL server in which `app` logs in to the database `work` with a password; none where it is not installed.
pub(super) fn password_postgres(password: &str) -> Option<PostgresServer> {
    let server = PostgresServer::start(Durability::None).expect("PostgreSQL starts")?;
    let query = |sql: &str| {
        server
            .run("psql", &["-A", "-t", "-d", "postgres", "-c", sql])
            .expect("psql")
    };
    query(&format!("CREATE ROLE app LOGIN PASSWORD '{password}'"));
    query("CREATE DATABASE work OWNER app");
    let rules = PathBuf::from(query("SHOW hba_file").trim());
    let old = fs::read_to_string(&rules).expect("the rules");
    fs::write(&rules, format!("host all app 127.0.0.1/32 scram-sha-256\n{old}")).expect("written");
    query("SELECT pg_reload_conf()");
    let asks_for_password = || {
        server
            .run("psql", &["-w", "-d", "work", "-U", "app", "-c", "SELECT 1"])
            .is_err()
    };
    eventually(START, asks_for_password);
    Some(server)
}

/// Who logs in to a MariaDB server.
pub(super) struct MariaDbUser<'a> {
    pub(super) name: &'a str,
    pub(super) password: &'a str,
    pub(super) database: &'a str,
}

/// A MariaDB server on loopback.
pub(super) struct MariaDb {
    pub(super) port: u16,
    child: Child,
    _folder: TempDir,
}

impl MariaDb {
    /// Starts a server; none where it is not installed.
    pub(super) fn start(user: &MariaDbUser<'_>) -> Option<Self> {
        let (server, install) = (find_program("mariadbd")?, find_program("mariadb-install-db")?);
        let client = find_program("mariadb")?;
        let folder = tempfile::Builder::new()
            .prefix("porpoise-mariadb-")
            .tempdir()
            .expect("a folder");
        let (data, socket) = (folder.path().join("data"), folder.path().join("socket"));
        let account = User::from_uid(Uid::effective())
            .expect("accounts")
            .expect("our account")
            .name;
        let data_dir = format!("--datadir={}", data.display());
        let as_us = format!("--user={account}");
        run(
            &install,
            &[
                "--no-defaults",
                &data_dir,
                &as_us,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
        );
        let port = free_port();
        let child = Command::new(server)
            .args(["--no-defaults", &data_dir, &as_us, "--bind-address=127.0.0.1"])
            .args([format!("--port={port}"), format!("--socket={}", socket.display())])
            .args([
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=16M",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("MariaDB starts");
        let server = Self {
            port,
            child,
            _folder: folder,
        };
        eventually(START, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let sql = format!(
            "CREATE DATABASE {database}; CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'; \
             GRANT ALL ON {database}.* TO '{name}'@'%';",
            database = user.database,
            name = user.name,
            password = user.password,
        );
        let socket = format!("--socket={}", socket.display());
        run(
            &client,
            &["--no-defaults", &socket, "--user=root", "--execute", &sql],
        );
        Some(server)
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// An OpenSSH server on loopback, to which our own account logs in by a key.
pub(super) struct SshServer {
    pub(super) port: u16,
    pub(super) user: String,
    program: PathBuf,
    child: Child,
    folder: TempDir,
}

impl SshServer {
    /// Starts a server with the host key `host`; none where it is not installed.
    pub(super) fn start() -> Option<Self> {
        let (program, keygen) = (find_program("sshd")?, find_program("ssh-keygen")?);
        let folder = tempfile::Builder::new()
            .prefix("porpoise-sshd-")
            .tempdir()
            .expect("a folder");
        if Uid::effective().is_root() {
            fs::create_dir_all("/run/sshd").expect("a folder that sshd wants");
        }
        for key in ["host", "other", "user", "stranger"] {
            let file = folder.path().join(key);
            run(
                &keygen,
                &[
                    "-q",
                    "-t",
                    "ed25519",
                    "-N",
                    "",
                    "-C",
                    key,
                    "-f",
                    &file.display().to_string(),
                ],
            );
        }
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            folder.path().join("user.pub").display()
        );
        fs::write(folder.path().join("config"), config).expect("written");
        let user = User::from_uid(Uid::effective())
            .expect("accounts")
            .expect("our account")
            .name;
        let child = serve_ssh(&program, folder.path(), "host", port);
        Some(Self {
            port,
            user,
            program,
            child,
            folder,
        })
    }

    /// Ends the server and starts it with another host key.
    pub(super) fn restart_with(&mut self, host_key: &str) {
        self.stop();
        self.child = serve_ssh(&self.program, self.folder.path(), host_key, self.port);
    }

    /// The private key of a pair.
    pub(super) fn key(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("a key")
    }

    /// The private key that may log in.
    pub(super) fn user_key(&self) -> String {
        self.key("user")
    }

    /// The line of known_hosts with the public key of a pair.
    pub(super) fn known_hosts(&self, name: &str) -> String {
        format!("[127.0.0.1]:{} {}", self.port, self.key(&format!("{name}.pub")))
    }

    fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve_ssh(program: &Path, folder: &Path, host_key: &str, port: u16) -> Child {
    let child = Command::new(program)
        .args(["-D", "-e", "-f"])
        .arg(folder.join("config"))
        .arg("-h")
        .arg(folder.join(host_key))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sshd starts");
    eventually(START, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    child
}
