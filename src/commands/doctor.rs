//! `porpoise doctor`: checks this machine, the server and the token, and says what to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::statvfs::statvfs;
use serde_json::{Value, json};

use cli::{Call, Exit, Failure, Printer, Rest, TableLayout, plain};

use super::args::DatabaseFlags;
use crate::config::{Config, Mode};

const CHECKS: TableLayout = TableLayout {
    name: "check",
    columns: &[
        ("CHECK", "/check"),
        ("RESULT", "/result"),
        ("FOUND", "/found"),
        ("WHAT TO DO", "/advice"),
    ],
};

/// Free space below which a node is expected to fail soon.
const MIN_FREE_MIB: u64 = 512;

/// The result of one check.
#[derive(Debug)]
struct Finding {
    check: &'static str,
    found: Result<String, String>,
    advice: &'static str,
}

impl Finding {
    fn new(check: &'static str, found: Result<String, String>, advice: &'static str) -> Self {
        Self { check, found, advice }
    }

    fn to_row(&self) -> Value {
        let (result, found, advice) = match &self.found {
            Ok(found) => ("ok", found, ""),
            Err(found) => ("failed", found, self.advice),
        };
        json!({ "check": self.check, "result": result, "found": found, "advice": advice })
    }
}

/// Runs every check, prints the results, and fails when one failed.
pub(crate) fn run_doctor(database: DatabaseFlags, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let mut findings = check_server(rest);
    findings.extend(check_machine(database));
    let wrong = findings.iter().filter(|finding| finding.found.is_err()).count();
    printer.list(findings.iter().map(Finding::to_row).collect(), CHECKS)?;
    match wrong {
        0 => Ok(()),
        n => Err(Failure::new(
            Exit::Failed,
            format!("{n} of {} checks failed", findings.len()),
        )),
    }
}

fn check_server(rest: &Rest) -> Vec<Finding> {
    let reach = rest.answer(Call::outside("/healthz"));
    let reached = reach.is_ok();
    let mut findings = vec![Finding::new(
        "server",
        reach
            .map(|_| format!("{} answers", rest.url()))
            .map_err(|failure| first_line(&failure.message)),
        "start it with `porpoise standalone`, or name another one with --url or PORPOISE_URL",
    )];
    if !reached {
        return findings;
    }
    let ready = rest.answer(Call::outside("/readyz")).map(|_| "ready".to_owned());
    findings.push(Finding::new(
        "ready",
        or_first_line(ready),
        "look at `porpoise node list` and the log of the server",
    ));
    let me = rest
        .json(Call::get(&["users", "me"]))
        .map(|me| format!("token of {}", plain(me.get("name"))));
    findings.push(Finding::new(
        "token",
        or_first_line(me),
        "set PORPOISE_TOKEN, or run `porpoise login`",
    ));
    let cluster = rest.json(Call::get(&["cluster"]));
    let database = cluster
        .as_ref()
        .map(|c| plain(c.get("database")))
        .map_err(Clone::clone);
    findings.push(Finding::new(
        "server's database",
        or_first_line(database),
        "look at the log of the server",
    ));
    let degraded = cluster
        .map_err(|failure| first_line(&failure.message))
        .and_then(|cluster| check_degraded(&cluster));
    findings.push(Finding::new(
        "degraded",
        degraded,
        "each entry says what is wrong",
    ));
    findings.push(Finding::new(
        "versions",
        check_versions(rest),
        "use the same version on every node and for this program",
    ));
    findings
}

fn or_first_line(result: Result<String, Failure>) -> Result<String, String> {
    result.map_err(|failure| first_line(&failure.message))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn check_degraded(cluster: &Value) -> Result<String, String> {
    match cluster.get("degraded").and_then(Value::as_array) {
        Some(entries) if !entries.is_empty() => Err(entries
            .iter()
            .map(|entry| plain(entry.get("detail")))
            .collect::<Vec<_>>()
            .join("; ")),
        _ => Ok("nothing".to_owned()),
    }
}

fn check_versions(rest: &Rest) -> Result<String, String> {
    let own = env!("CARGO_PKG_VERSION");
    let nodes = rest
        .list(&Call::get(&["nodes"]), usize::MAX)
        .map_err(|failure| first_line(&failure.message))?;
    let live = nodes
        .iter()
        .filter(|node| !matches!(plain(node.get("state")).as_str(), "dead" | "left"));
    let others: Vec<String> = live
        .filter(|node| plain(node.get("version")) != own)
        .map(|node| format!("{} has {}", plain(node.get("name")), plain(node.get("version"))))
        .collect();
    if others.is_empty() {
        Ok(own.to_owned())
    } else {
        Err(format!("this program has {own}; {}", others.join(", ")))
    }
}

fn check_machine(database: DatabaseFlags) -> Vec<Finding> {
    let mut findings = Vec::new();
    let config = Config::load(Mode::Standalone, &database.clone().into_flags());
    match &config {
        Ok(config) => {
            let data = &config.server.data;
            findings.push(Finding::new(
                "data folder",
                check_writable(data),
                "make it writable, or choose another with --data",
            ));
            findings.push(Finding::new(
                "disk",
                check_free_space(data),
                "free some space, or choose another folder",
            ));
            findings.push(Finding::new(
                "schema",
                super::database::describe_schema(config),
                "run `porpoise db migrate`",
            ));
        }
        Err(error) => {
            let advice = "correct it; `porpoise config show --origin` prints every key";
            findings.push(Finding::new("configuration", Err(error.to_string()), advice));
        }
    }
    findings.push(Finding::new(
        "/bin/sh",
        check_program("/bin/sh", &["-c", ":"]),
        "shell tasks need it on workers",
    ));
    findings.push(Finding::new(
        "python3",
        check_program("python3", &["--version"]),
        "python tasks need it on workers",
    ));
    findings
}

/// Checks that a file can be created in the folder, or in the nearest one above it that exists.
fn check_writable(data: &Path) -> Result<String, String> {
    let place = nearest_existing(data);
    let probe = place.join(format!(".porpoise-doctor-{}", std::process::id()));
    fs::write(&probe, b"").map_err(|error| format!("{}: {error}", place.display()))?;
    fs::remove_file(&probe).map_err(|error| format!("{}: {error}", probe.display()))?;
    Ok(format!("{} is writable", place.display()))
}

fn check_free_space(data: &Path) -> Result<String, String> {
    let place = nearest_existing(data);
    let stat = statvfs(place).map_err(|error| format!("{}: {error}", place.display()))?;
    let free = stat.blocks_available() * stat.fragment_size() / (1 << 20);
    if free < MIN_FREE_MIB {
        return Err(format!(
            "{free} MiB free in {}, at least {MIN_FREE_MIB} are needed",
            place.display()
        ));
    }
    Ok(format!("{free} MiB free"))
}

fn nearest_existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|above| above.is_dir())
        .unwrap_or_else(|| Path::new("."))
}

fn check_program(name: &str, arguments: &[&str]) -> Result<String, String> {
    let status = Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(format!("{name} runs")),
        Ok(status) => Err(format!("{name} ended with {status}")),
        Err(error) => Err(format!("{name}: {error}")),
    }
}
