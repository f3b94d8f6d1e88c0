//! Workflow documents on this machine: checks them, stores them on a server, turns foreign ones into ours.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::Value;

use super::args::ImportType;
use super::failure::{Exit, Failure};
use super::output::{Printer, TableLayout, say, write_out};
use super::rest::{Call, Rest};
use document::{Format, LocatedDiagnostic};

/// The name of stdin among files. What comes from there may be JSON too, which is YAML.
const STDIN: &str = "-";

const APPLIED: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("PROJECT", "/project"),
        ("WORKFLOW", "/name"),
        ("VERSION", "/version"),
        ("CHANGED", "/changed"),
    ],
};

/// Whether the server keeps the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It does.
    Store,
    /// It only looks at them.
    Check,
}

/// A document that can be stored.
#[derive(Debug)]
struct Document {
    path: PathBuf,
    bytes: Vec<u8>,
    format: Format,
    name: String,
    project: Option<String>,
}

/// Checks documents without a server.
pub(super) fn lint(files: &[PathBuf]) -> Result<(), Failure> {
    let documents = read_all(files)?;
    for document in &documents {
        for warning in document::lint_document(&document.bytes, document.format) {
            say(&format!("warning: {}", issue_line(&document.path, &warning)));
        }
    }
    say(&format!("{} document(s) without errors", documents.len()));
    Ok(())
}

/// Stores documents; none is sent when one of them is wrong.
pub(super) fn apply(
    files: &[PathBuf],
    project: Option<&str>,
    purpose: Purpose,
    rest: &Rest,
    printer: Printer,
) -> Result<(), Failure> {
    let mut applied = Vec::new();
    for document in read_all(files)? {
        let path = document.path.clone();
        let answer = put(document, project, purpose, rest).map_err(|failure| Failure {
            message: format!("{}: {}", path.display(), failure.message),
            ..failure
        })?;
        applied.push(answer);
    }
    match <[Value; 1]>::try_from(applied) {
        Ok([one]) => printer.list_of_one(one, APPLIED),
        Err(several) => printer.list(several, APPLIED),
    }
}

fn put(document: Document, project: Option<&str>, purpose: Purpose, rest: &Rest) -> Result<Value, Failure> {
    // The server refuses a document that names another project than the command line.
    let project = project.or(document.project.as_deref()).unwrap_or("default");
    let content_type = match document.format {
        Format::Json => "application/json",
        Format::Yaml => "application/yaml",
    };
    let path = ["projects", project, "workflows", &document.name];
    let mut call = Call::new(Method::PUT, &path).text(content_type, document.bytes);
    if purpose == Purpose::Check {
        call = call.query("dry_run", "true");
    }
    rest.json(call)
}

/// Reads every document of the files and folders, and reports the errors of all of them.
fn read_all(files: &[PathBuf]) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    let mut wrong = Vec::new();
    for path in found(files)? {
        let bytes = read(&path).map_err(|error| unreadable(&path, &error))?;
        let format = format_of(&path);
        match document::parse_document(&bytes, format) {
            Ok((definition, _)) => documents.push(Document {
                path,
                bytes,
                format,
                name: definition.name,
                project: definition.project,
            }),
            Err(issues) => wrong.extend(issues.iter().map(|issue| issue_line(&path, issue))),
        }
    }
    if wrong.is_empty() {
        Ok(documents)
    } else {
        Err(Failure::new(Exit::Failed, wrong.join("\n")))
    }
}

fn issue_line(path: &Path, issue: &LocatedDiagnostic) -> String {
    let place = match (issue.line, issue.column) {
        (Some(line), Some(column)) => format!("{line}:{column}: "),
        _ => String::new(),
    };
    format!(
        "{}:{place} {}: {} ({})",
        path.display(),
        issue.pointer,
        issue.message,
        issue.code
    )
}

/// Reads a file, or stdin where `-` stands for it.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path != Path::new(STDIN) {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Lists the files, and those in the folders, in order of their names.
fn found(files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in files {
        if path.is_dir() {
            walk(path, &mut all).map_err(|error| unreadable(path, &error))?;
        } else {
            all.push(path.clone());
        }
    }
    if all.is_empty() {
        return Err(Failure::new(Exit::Usage, "there is no .yaml, .yml or .json file"));
    }
    Ok(all)
}

fn walk(folder: &Path, all: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        let is_document = path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| ["yaml", "yml", "json"].contains(&e));
        if path.is_dir() {
            walk(&path, all)?;
        } else if is_document {
            all.push(path);
        }
    }
    Ok(())
}

fn format_of(path: &Path) -> Format {
    if path.extension().is_some_and(|extension| extension == "json") {
        Format::Json
    } else {
        Format::Yaml
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("{}: {error}", path.display()))
}

/// Prints a WfCommons instance as a workflow document.
pub(super) fn import_wfcommons(file: &Path, scale: f64, task_type: ImportType) -> Result<(), Failure> {
    let text = read(file)
        .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
        .map_err(|error| unreadable(file, &error))?;
    let kind = match task_type {
        ImportType::Shell => import::wfcommons::ImportedTaskType::Shell,
        ImportType::Noop => import::wfcommons::ImportedTaskType::Noop,
    };
    let document = import::wfcommons::convert_wfcommons(&text, scale, kind)
        .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", file.display())))?;
    write_out(&document)
}
