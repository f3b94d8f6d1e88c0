//! Workflow documents on this machine: checks them, stores them on a server, turns foreign ones into ours.

use std::io;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::Value;

use super::args::ImportType;
use super::document_files::{DocumentText, read, read_documents, unreadable};
use super::failure::{Exit, Failure};
use super::output::{Printer, TableLayout, say, write_out};
use super::rest::{Call, Rest};
use document::Format;

/// How stored versions are printed.
pub(super) const APPLIED: TableLayout = TableLayout {
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
struct StorableDocument {
    text: DocumentText,
    name: String,
    project: Option<String>,
}

/// Checks documents without a server.
pub(super) fn lint(files: &[PathBuf]) -> Result<(), Failure> {
    let documents = read_all(files)?;
    for warning in documents.iter().flat_map(|document| document.text.warnings()) {
        say(&format!("warning: {warning}"));
    }
    let count = match documents.len() {
        1 => "1 document".to_owned(),
        several => format!("{several} documents"),
    };
    say(&format!("{count} without errors"));
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
        let path = document.text.path().to_owned();
        let answer = put(document, project, purpose, rest).map_err(|failure| {
            let failure = failure.prefixed(&format!("{}: ", path.display()));
            match failure.exit {
                Exit::Usage => failure.with_exit(Exit::Failed),
                _ => failure,
            }
        })?;
        applied.push(answer);
    }
    match <[Value; 1]>::try_from(applied) {
        Ok([one]) => printer.list_of_one(one, APPLIED),
        Err(several) => printer.list(several, APPLIED),
    }
}

fn put(
    document: StorableDocument,
    project: Option<&str>,
    purpose: Purpose,
    rest: &Rest,
) -> Result<Value, Failure> {
    // The server refuses a document that names another project than the command line.
    let project = project.or(document.project.as_deref()).unwrap_or("default");
    let content_type = match document.text.format() {
        Format::Json => "application/json",
        Format::Yaml => "application/yaml",
    };
    let path = ["projects", project, "workflows", &document.name];
    let mut call = Call::new(Method::PUT, &path).text(content_type, document.text.into_bytes());
    if purpose == Purpose::Check {
        call = call.query("dry_run", "true");
    }
    rest.json(call)
}

/// Reads every document of the files and folders, and reports the errors of all of them.
fn read_all(files: &[PathBuf]) -> Result<Vec<StorableDocument>, Failure> {
    let mut documents = Vec::new();
    let mut mistakes = Vec::new();
    for text in read_documents(files)? {
        match text.parse() {
            Ok(definition) => documents.push(StorableDocument {
                text,
                name: definition.name,
                project: definition.project,
            }),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() {
        Ok(documents)
    } else {
        Err(Failure::new(Exit::Failed, mistakes.join("\n")))
    }
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
