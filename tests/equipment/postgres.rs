//! PostgreSQL on this machine, and a server that one test may stop and start.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where the programs of PostgreSQL are; none where it is not installed.
pub fn binaries() -> Option<PathBuf> {
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

/// A PostgreSQL server of one test, which may be stopped.
pub struct OwnServer {
    folder: PathBuf,
    binaries: PathBuf,
    address: String,
    port: u16,
}

impl OwnServer {
    /// Makes one at an address of this machine, which its network may use; none where it is not installed.
    pub fn at(address: &str) -> Option<Self> {
        let binaries = binaries()?;
        let made = as_owner("mktemp")
            .args(["-d", "/tmp/porpoise-outage.XXXXXX"])
            .output()
            .ok()?;
        let folder = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = Self {
            folder,
            binaries,
            address: address.to_owned(),
            port,
        };
        server.run(
            "initdb",
            &[
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        server.let_in("host all all samenet trust");
        drop(listener);
        server.start();
        Some(server)
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}:{}/postgres", self.address, self.port)
    }

    fn let_in(&self, rule: &str) {
        let file = std::fs::File::options()
            .append(true)
            .open(self.folder.join("data/pg_hba.conf"));
        writeln!(file.expect("its rules"), "{rule}").expect("one more rule");
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = as_owner(&self.binaries.join(program).display().to_string())
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(args)
            .current_dir("/tmp")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("a program of PostgreSQL");
        assert!(status.success(), "{program} {args:?}");
    }

    /// Runs a shell script as the owner of its files, in the folder that has them as `data`; `$BIN` has the programs
    /// of PostgreSQL, `$HOST` and `$PORT` say where it listens.
    pub fn script(&self, script: &str) {
        let output = as_owner("sh")
            .args(["-ec", &format!("cd \"$FOLDER\"; {script}")])
            .current_dir("/tmp")
            .env("PORT", self.port.to_string())
            .env("HOST", &self.address)
            .env("BIN", &self.binaries)
            .env("FOLDER", &self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}");
    }

    /// Starts it again on the same port and data.
    pub fn start(&self) {
        let folder = self.folder.display();
        let options = format!(
            "-p {} -k {folder} -c listen_addresses={} -c fsync=off \
             -c max_connections=300",
            self.port, self.address
        );
        let log = self.folder.join("log").display().to_string();
        self.run("pg_ctl", &["-w", "-l", &log, "-o", &options, "start"]);
    }

    /// Ends it as an operator does; its clients lose their connections.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-w", "-m", "fast", "stop"]);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        as_owner(&self.binaries.join("pg_ctl").display().to_string())
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-m", "immediate", "stop"])
            .current_dir("/tmp")
            .output()
            .ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// PostgreSQL does not run as root.
fn as_owner(program: &str) -> Command {
    if !nix::unistd::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", program]);
    command
}
