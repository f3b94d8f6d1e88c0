//! A PostgreSQL server that a test may stop, start and rebuild.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use crate::postgres::{as_unprivileged_user, program_folder};

/// A server of one test; it ends with this value, and its data with it.
#[derive(Debug)]
pub struct RestartablePostgres {
    folder: PathBuf,
    binaries: PathBuf,
    address: String,
    port: u16,
}

impl RestartablePostgres {
    /// Creates one at an address of this machine; `None` where PostgreSQL is not installed.
    pub fn at(address: &str) -> Option<Self> {
        let binaries = program_folder()?;
        let made = as_unprivileged_user("mktemp")
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
        server.append_access_rule("host all all samenet trust");
        drop(listener);
        server.start();
        Some(server)
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}:{}/postgres", self.address, self.port)
    }

    fn append_access_rule(&self, rule: &str) {
        let file = std::fs::File::options()
            .append(true)
            .open(self.folder.join("data/pg_hba.conf"));
        writeln!(file.expect("its rules"), "{rule}").expect("one more rule");
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = as_unprivileged_user(self.binaries.join(program))
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
        let output = as_unprivileged_user("sh")
            .args(["-ec", &format!("cd \"$FOLDER\"; {script}")])
            .current_dir("/tmp")
            .env("PORT", self.port.to_string())
            .env("HOST", &self.address)
            .env("BIN", &self.binaries)
            .env("FOLDER", &self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {errors}");
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

    /// Ends it as a crash does, and starts it again: it recovers from its log.
    pub fn crash_and_restart(&self) {
        self.run("pg_ctl", &["-w", "-m", "immediate", "stop"]);
        self.start();
    }
}

impl Drop for RestartablePostgres {
    fn drop(&mut self) {
        as_unprivileged_user(self.binaries.join("pg_ctl"))
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-m", "immediate", "stop"])
            .current_dir("/tmp")
            .output()
            .ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
