//! Measures in a few seconds what this machine can do at all, so that figures can be put in relation to it.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::postgres::Postgres;
use crate::record::{Figures, percentile};

/// How long each rate is measured.
const WINDOW: Duration = Duration::from_millis(800);

/// Rows of the table that is written to.
const ROWS: u32 = 10_000;

/// Measures every rate that can be had here.
pub(crate) fn measure(postgres: Option<&Postgres>) -> Outcome<Figures> {
    let mut figures = Figures::new();
    figures.insert("spawn_per_s", spawn_rate(4)?);
    figures.insert("spawn_ms", 1000.0 / spawn_rate(1)?);
    figures.insert("fdatasync_ms", flush_ms()?);
    if let Some(server) = postgres {
        let [single, batched] = postgres_rates(server)?;
        figures.insert("postgres_commits_per_s", single);
        figures.insert("postgres_rows_per_s", batched * 100.0);
    }
    if let Some([single, batched]) = sqlite_rates()? {
        figures.insert("sqlite_commits_per_s", single);
        figures.insert("sqlite_rows_per_s", batched * 100.0);
    }
    Ok(figures)
}

/// Starts shells until the window has passed.
fn start_shells(begun: Instant, done: &AtomicU32) {
    while begun.elapsed() < WINDOW {
        let status = Command::new("/bin/sh")
            .args(["-c", ":"])
            .stdin(Stdio::null())
            .status();
        done.fetch_add(u32::from(status.is_ok()), Ordering::Relaxed);
    }
}

/// Starts of `sh -c :` per second, from several threads.
fn spawn_rate(threads: usize) -> Outcome<f64> {
    let done = AtomicU32::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| start_shells(begun, &done));
        }
    });
    Ok(f64::from(done.into_inner()) / begun.elapsed().as_secs_f64())
}

/// The middle time to append a page to a file and flush it.
fn flush_ms() -> Outcome<f64> {
    let mut file = tempfile::tempfile()?;
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < WINDOW {
        let one = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(one.elapsed().as_secs_f64() * 1000.0);
    }
    percentile(&mut times, 50.0).ok_or_else(|| "nothing was flushed".into())
}

/// Durable statements per second on one connection, of one row and of 100 rows.
fn postgres_rates(server: &Postgres) -> Outcome<[f64; 2]> {
    let url = server.database()?;
    let database = url.rsplit('/').next().unwrap_or_default();
    let make = format!(
        "CREATE TABLE calibration (id INT PRIMARY KEY, v INT) WITH (fillfactor = 70);
         INSERT INTO calibration SELECT i, 0 FROM generate_series(1, {ROWS}) i;"
    );
    server.run("psql", &["-q", "-c", &make, database])?;
    let folder = tempfile::tempdir()?;
    let rate = |name: &str, statement: &str| -> Outcome<f64> {
        let script = folder.path().join(name);
        std::fs::write(
            &script,
            format!("\\set id random(1, {})\n{statement};\n", ROWS - 100),
        )?;
        let arguments = ["-n", "-T", "1", "-f", &script.to_string_lossy(), database];
        let report = server.run("pgbench", &arguments)?;
        let rate = report.lines().find_map(|line| line.strip_prefix("tps = "));
        let number = rate
            .and_then(|rest| rest.split(' ').next())
            .ok_or("pgbench printed no rate")?;
        Ok(number.parse()?)
    };
    let single = rate("single", "UPDATE calibration SET v = v + 1 WHERE id = :id")?;
    let batched = rate(
        "batched",
        "UPDATE calibration c SET v = c.v + 1 FROM generate_series(:id, :id + 99) s(i) WHERE c.id = s.i",
    )?;
    Ok([single, batched])
}

/// Durable transactions per second, of one row and of 100 rows; none where `sqlite3` is not installed.
fn sqlite_rates() -> Outcome<Option<[f64; 2]>> {
    if Command::new("sqlite3")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("calibration.db");
    let run = |script: &str| -> Outcome<f64> {
        let file = folder.path().join("script");
        std::fs::write(&file, script)?;
        let begun = Instant::now();
        let mut command = Command::new("sqlite3");
        let status = command
            .arg(&path)
            .stdin(File::open(&file)?)
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            return Err("sqlite3 failed".into());
        }
        Ok(begun.elapsed().as_secs_f64())
    };
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;\n";
    run(&format!(
        "{settings} CREATE TABLE calibration (id INTEGER PRIMARY KEY, v INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO calibration SELECT i, 0 FROM n;"
    ))?;
    let update = |id: u32| format!("UPDATE calibration SET v = v + 1 WHERE id = {};\n", 1 + id % ROWS);
    let single: String = (0..2_000).map(|at| update(at * 37)).collect();
    let batch = |at: u32| -> String { (0..100).map(|row| update(at * 97 + row)).collect() };
    let batched: String = (0..200)
        .map(|at| format!("BEGIN;\n{}COMMIT;\n", batch(at)))
        .collect();
    let single = 2_000.0 / run(&format!("{settings}{single}"))?;
    let batched = 200.0 / run(&format!("{settings}{batched}"))?;
    Ok(Some([single, batched]))
}
