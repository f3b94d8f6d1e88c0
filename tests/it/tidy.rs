//! The project's rules that no compiler checks.

mod imports;
mod names;
mod promises;
pub(crate) mod sources;

use std::process::Command;

use serde_json::Value;

use sources::{read, root, rule, sources};

const LONGEST_FILE: usize = 400;
const LONGEST_MAIN: usize = 40;
const LONGEST_LIB: usize = 80;

/// A word may occur in the code of these places only.
fn only_in(sentence: &str, words: &[&str], places: &[&str]) {
    let broken = sources()
        .iter()
        .filter(|source| !source.is_test() && !source.is_below(places))
        .filter(|source| words.iter().any(|word| source.code().contains(word)))
        .map(|source| source.path.clone())
        .collect();
    rule(sentence, broken);
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The names of the normal dependencies of one of our crates.
fn dependencies_of(name: &str) -> Vec<String> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == name).unwrap();
    let dependencies = package["dependencies"].as_array().unwrap();
    let normal = dependencies
        .iter()
        .filter(|dependency| dependency["kind"].is_null());
    normal
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .collect()
}

fn allowed(sentence: &str, name: &str, allowed: &[&str]) {
    let strange = dependencies_of(name)
        .into_iter()
        .filter(|d| !allowed.contains(&d.as_str()))
        .collect();
    rule(sentence, strange);
}

fn forbidden(sentence: &str, name: &str, forbidden: &[&str]) {
    let wrong = dependencies_of(name)
        .into_iter()
        .filter(|d| forbidden.contains(&d.as_str()))
        .collect();
    rule(sentence, wrong);
}

#[test]
fn engine_depends_on_plain_data_crates_only() {
    let pure = [
        "serde",
        "serde_json",
        "thiserror",
        "chrono",
        "chrono-tz",
        "minijinja",
        "percent-encoding",
        "strsim",
        "unicode-properties",
        "url",
    ];
    allowed(
        "engine is pure: no actor, clock, database, network or async crate",
        "engine",
        &pure,
    );
}

#[test]
fn actors_know_neither_database_nor_network() {
    let world = [
        "sea-orm",
        "sea-orm-migration",
        "actix-web",
        "reqwest",
        "porpoise",
        "migrations",
    ];
    forbidden("actors reach the world through ports only", "actors", &world);
    forbidden("ports name neither database nor network", "ports", &world);
}

#[test]
fn adapters_know_the_ports_and_not_the_actors() {
    for name in ["ports", "api", "catalog", "connectors", "rpc", "runner", "store"] {
        forbidden(
            "an adapter depends on ports, never on actors",
            name,
            &["actors", "actix"],
        );
    }
}

#[test]
fn migrations_import_nothing_of_ours() {
    let ours = ["engine", "actors", "porpoise"];
    forbidden(
        "migrations/Cargo.toml has no path dependency",
        "migrations",
        &ours,
    );
}

#[test]
fn only_the_store_names_sea_orm() {
    let places = [
        "crates/catalog/",
        "crates/store/",
        "crates/test-support/",
        "migrations/",
    ];
    only_in(
        "sea_orm occurs only in crates/catalog, crates/store and migrations",
        &["sea_orm::", "use sea_orm"],
        &places,
    );
    only_in(
        "sqlx occurs only there, and in crates/connectors for the databases of users",
        // Not the bare word: a log level may name it.
        &["sqlx::"],
        &[&places[..], &["crates/connectors/"]].concat(),
    );
}

#[test]
fn only_the_api_names_actix_web() {
    let places = ["crates/api/", "crates/rpc/", "src/startup.rs", "src/startup/"];
    only_in(
        "actix_web occurs only in crates/api, crates/rpc and src/startup",
        &["actix_web"],
        &places,
    );
}

#[test]
fn only_the_registry_speaks_to_consul() {
    // The settings and their flag have to name it; the calls may not leave the registry.
    only_in(
        "Consul's API occurs only in src/registry",
        &["/v1/agent", "/v1/health", "/v1/session"],
        &["src/registry", "crates/test-support/"],
    );
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let words = ["env::var(", "env::vars(", "env::var_os(", "env::vars_os("];
    // The worker hands its own environment on to tasks; a
    // bench is a program of its own.
    let places = [
        "crates/primitives/src/environment.rs",
        // Fail points of tests; empty in every other build.
        "crates/ports/src/fail_points.rs",
        "crates/runner/",
        "crates/test-support/",
        "benches/",
        // Where cargo wants what a build makes.
        "crates/api/build.rs",
    ];
    only_in(
        "settings come from src/config only; no other file reads the environment",
        &words,
        &places,
    );
}

#[test]
fn nobody_uses_the_supervisor_of_actix() {
    only_in(
        "an actor is restarted only by rebuilding it from the store",
        &["Supervisor::start", "actix::Supervisor"],
        &[],
    );
}

#[test]
fn there_is_no_mod_rs() {
    let broken = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.ends_with("/mod.rs"))
        .collect();
    rule("a module is foo.rs with foo/, never mod.rs", broken);
}

#[test]
fn modules_are_named_after_what_they_own() {
    let empty = [
        "util", "utils", "common", "helpers", "misc", "types", "manager", "base",
    ];
    let named_so = |path: &String| {
        path.split('/')
            .any(|part| empty.contains(&part.trim_end_matches(".rs")))
    };
    let broken = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(named_so)
        .collect();
    rule(
        "no file or folder is called util, common, helpers, misc, types, manager or base",
        broken,
    );
}

#[test]
fn files_fit_on_a_few_screens() {
    let broken = sources()
        .iter()
        .filter(|source| !source.is_test())
        .filter_map(|source| {
            let limit = match source.path.as_str() {
                "src/main.rs" => LONGEST_MAIN,
                path if path.ends_with("/lib.rs") => LONGEST_LIB,
                _ => LONGEST_FILE,
            };
            let text = source
                .text
                .split("\n#[cfg(test)]\nmod ")
                .next()
                .unwrap_or_default();
            let lines = text.lines().count();
            (lines > limit).then(|| format!("{}: {lines} lines, at most {limit}", source.path))
        })
        .collect();
    rule(
        "a file has at most 400 lines without tests, main.rs 40, lib.rs 80",
        broken,
    );
}

#[test]
fn modules_say_what_they_own() {
    let broken = sources()
        .into_iter()
        .filter(|source| !source.is_test() && !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    rule("a file begins with a sentence on what it owns", broken);
}

#[test]
fn no_test_is_switched_off() {
    let mark = concat!("#[", "ignore");
    let broken = sources()
        .into_iter()
        .filter(|s| s.text.contains(mark))
        .map(|s| s.path)
        .collect();
    rule("no test is ignored", broken);
}

#[test]
fn a_panic_never_ends_the_process() {
    let mut manifests = vec!["Cargo.toml"];
    manifests.extend(["engine/Cargo.toml", "actors/Cargo.toml", "migrations/Cargo.toml"]);
    let aborts = |path: &&str| {
        read(path)
            .lines()
            .any(|line| line.contains("panic") && line.contains("abort"))
    };
    let broken = manifests.into_iter().filter(aborts).map(str::to_owned).collect();
    rule(
        "no profile says panic = abort: one bad instance would end all others",
        broken,
    );
}

#[test]
fn tests_are_named_by_sentences() {
    let broken = sources()
        .iter()
        .flat_map(|source| {
            let lines: Vec<&str> = source.text.lines().collect();
            let named: Vec<String> = lines
                .windows(2)
                .filter(|pair| pair[0].trim().ends_with("test]"))
                .filter(|pair| pair[1].contains("fn test_"))
                .map(|pair| format!("{}: {}", source.path, pair[1].trim()))
                .collect();
            named
        })
        .collect();
    rule(
        "a test's name is a sentence about behaviour, without test_",
        broken,
    );
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let reasons = read("docs/decisions/dependencies.md");
    let workspace = &manifest["workspace"]["dependencies"];
    let is_ours = |name: &str| {
        workspace
            .get(name)
            .is_some_and(|dependency| dependency.get("path").is_some())
    };
    let names = workspace.as_table().into_iter().flat_map(toml::Table::keys);
    let broken = names
        .filter(|name| !is_ours(name) && !reasons.contains(&format!("| {name} |")))
        .cloned()
        .collect();
    rule(
        "each dependency of Cargo.toml has its line in docs/decisions/dependencies.md",
        broken,
    );
}

#[test]
fn every_verb_of_the_makefile_has_a_line_of_help() {
    let is_verb = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(':');
    let makefile = read("Makefile");
    let broken = makefile
        .lines()
        .filter(is_verb)
        .filter(|line| !line.contains("## "))
        .map(str::to_owned)
        .collect();
    rule("`make` alone lists every verb with a line of help", broken);
}
