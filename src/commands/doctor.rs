//! `porpoise doctor`: looks at this machine, the server and the token, and says what to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::statvfs::statvfs;
use serde_json::{Value, json};

use cli::{Call, Exit, Failure, Look, Printer, Rest, plain};

use super::args::DatabaseFlags;
use crate::config::{Config, Mode};

const CHECKS: Look = Look {
    name: "check",
    columns: &[
        ("CHECK", "/check"),
        ("RESULT", "/result"),
        ("FOUND", "/found"),
        ("WHAT TO DO", "/advice"),
    ],
};

/// Below this a node cannot be expected to go on for long.
const LEAST_FREE_MIB: u64 = 512;

/// What one look found.
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

    fn shown(&self) -> Value {
        let (result, found, advice) = match &self.found {
            Ok(found) => ("ok", found, ""),
            Err(found) => ("failed", found, self.advice),
        };
        json!({ "check": self.check, "result": result, "found": found, "advice": advice })
    }
}

/// Looks at everything, prints what it found, and fails when something is wrong.
pub(crate) fn run(database: DatabaseFlags, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let mut findings = of_the_server(rest);
    findings.extend(of_this_machine(database));
    let wrong = findings.iter().filter(|finding| finding.found.is_err()).count();
    printer.list(findings.iter().map(Finding::shown).collect(), CHECKS)?;
    match wrong {
        0 => Ok(()),
        n => Err(Failure::new(
            Exit::Failed,
            format!("{n} of {} checks failed", findings.len()),
        )),
    }
}

fn of_the_server(rest: &Rest) -> Vec<Finding> {
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
        said(ready),
        "look at `porpoise node list` and the log of the server",
    ));
    let me = rest
        .json(Call::get(&["users", "me"]))
        .map(|me| format!("token of {}", plain(me.get("name"))));
    findings.push(Finding::new(
        "token",
        said(me),
        "set PORPOISE_TOKEN, or run `porpoise login`",
    ));
    let cluster = rest.json(Call::get(&["cluster"]));
    let database = cluster
        .as_ref()
        .map(|c| plain(c.get("database")))
        .map_err(Clone::clone);
    findings.push(Finding::new(
        "server's database",
        said(database),
        "look at the log of the server",
    ));
    let degraded = cluster
        .map_err(|failure| first_line(&failure.message))
        .and_then(|cluster| not_degraded(&cluster));
    findings.push(Finding::new(
        "degraded",
        degraded,
        "each entry says what is wrong",
    ));
    findings.push(Finding::new(
        "versions",
        versions(rest),
        "use the same version on every node and for this program",
    ));
    findings
}

fn said(result: Result<String, Failure>) -> Result<String, String> {
    result.map_err(|failure| first_line(&failure.message))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn not_degraded(cluster: &Value) -> Result<String, String> {
    match cluster.get("degraded").and_then(Value::as_array) {
        Some(entries) if !entries.is_empty() => Err(entries
            .iter()
            .map(|entry| plain(entry.get("detail")))
            .collect::<Vec<_>>()
            .join("; ")),
        _ => Ok("nothing".to_owned()),
    }
}

fn versions(rest: &Rest) -> Result<String, String> {
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

fn of_this_machine(database: DatabaseFlags) -> Vec<Finding> {
    let mut findings = Vec::new();
    let config = Config::load(Mode::Standalone, &database.clone().into_flags());
    match &config {
        Ok(config) => {
            let data = &config.server.data;
            findings.push(Finding::new(
                "data folder",
                writable(data),
                "make it writable, or choose another with --data",
            ));
            findings.push(Finding::new(
                "disk",
                free_space(data),
                "free some space, or choose another folder",
            ));
            findings.push(Finding::new(
                "schema",
                super::server::schema(config),
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
        program("/bin/sh", &["-c", ":"]),
        "shell tasks need it on workers",
    ));
    findings.push(Finding::new(
        "python3",
        program("python3", &["--version"]),
        "python tasks need it on workers",
    ));
    findings
}

/// Looks whether a file can be made in the folder, or in the nearest folder above it that exists.
fn writable(data: &Path) -> Result<String, String> {
    let place = existing(data);
    let probe = place.join(format!(".porpoise-doctor-{}", std::process::id()));
    fs::write(&probe, b"").map_err(|error| format!("{}: {error}", place.display()))?;
    fs::remove_file(&probe).map_err(|error| format!("{}: {error}", probe.display()))?;
    Ok(format!("{} is writable", place.display()))
}

fn free_space(data: &Path) -> Result<String, String> {
    let place = existing(data);
    let stat = statvfs(place).map_err(|error| format!("{}: {error}", place.display()))?;
    let free = stat.blocks_available() * stat.fragment_size() / (1 << 20);
    if free < LEAST_FREE_MIB {
        return Err(format!(
            "{free} MiB free in {}, at least {LEAST_FREE_MIB} are needed",
            place.display()
        ));
    }
    Ok(format!("{free} MiB free"))
}

fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|above| above.is_dir())
        .unwrap_or_else(|| Path::new("."))
}

fn program(name: &str, arguments: &[&str]) -> Result<String, String> {
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
