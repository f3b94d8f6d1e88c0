//! Turns foreign workflow formats into documents.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use document::{Format, read_document};

/// The most bytes of a file to import.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The longest name of a task, in characters.
const MAX_NAME: usize = 100;

/// What the imported tasks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They sleep as long as the original ran, scaled.
    Shell,
    /// Nothing.
    Noop,
}

impl Kind {
    fn task_type(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Noop => "noop",
        }
    }
}

/// Why a file cannot be imported. The message names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Larger than [`MAX_BYTES`].
    #[error("the file has {0} bytes, at most {max} are allowed", max = MAX_BYTES)]
    TooLarge(usize),
    /// Not JSON.
    #[error("the file is not JSON: {0}")]
    NotJson(String),
    /// A field is missing or of the wrong type.
    #[error("{field}: {problem}")]
    Field {
        /// Where, as a JSON pointer.
        field: String,
        /// What is wrong there.
        problem: String,
    },
    /// The scale is not a number from 0.
    #[error("the scale is a number from 0 on, not {0}")]
    Scale(String),
    /// What came out is no legal document: a cycle, or too many tasks.
    #[error("the file does not make a legal workflow: {0}")]
    Illegal(String),
}

#[derive(Deserialize)]
struct Specified {
    id: String,
    #[serde(default)]
    parents: Vec<String>,
}

#[derive(Deserialize)]
struct Executed {
    id: String,
    #[serde(rename = "runtimeInSeconds")]
    runtime_s: f64,
}

/// One task of the new document.
struct Imported {
    name: String,
    needs: Vec<String>,
    sleep_s: f64,
}

/// Turns a WfCommons instance (WfFormat 1.5) into a YAML document that has its shape.
///
/// Ids of tasks become names, parents become needs, and a run time becomes a sleep of `scale` times its length.
///
/// # Errors
/// The file is not such an instance; trying again does not help.
pub fn wfcommons(text: &str, scale: f64, kind: Kind) -> Result<String, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError::TooLarge(text.len()));
    }
    if !scale.is_finite() || scale < 0.0 {
        return Err(ImportError::Scale(scale.to_string()));
    }
    let file: Value = serde_json::from_str(text).map_err(|error| ImportError::NotJson(error.to_string()))?;
    let specified: Vec<Specified> = tasks(&file, "/workflow/specification/tasks")?;
    let executed: Vec<Executed> = match kind {
        Kind::Shell => tasks(&file, "/workflow/execution/tasks")?,
        Kind::Noop => Vec::new(),
    };
    let imported = imported(specified, &executed, scale, kind)?;
    let title = file.get("name").and_then(Value::as_str).unwrap_or("imported");
    let document = render(title, &imported, kind);
    check(&document)?;
    Ok(document)
}

/// Reads a list of tasks; the error names the wrong field.
fn tasks<T: for<'de> Deserialize<'de>>(file: &Value, pointer: &str) -> Result<Vec<T>, ImportError> {
    let missing = |problem: &str| ImportError::Field {
        field: pointer.to_owned(),
        problem: problem.to_owned(),
    };
    let list = file
        .pointer(pointer)
        .ok_or_else(|| missing("it is missing; is this a WfCommons file of schema 1.5?"))?
        .as_array()
        .ok_or_else(|| missing("it is not a list"))?;
    list.iter()
        .enumerate()
        .map(|(place, task)| {
            T::deserialize(task).map_err(|error| ImportError::Field {
                field: format!("{pointer}/{place}"),
                problem: error.to_string(),
            })
        })
        .collect()
}

fn imported(
    specified: Vec<Specified>,
    executed: &[Executed],
    scale: f64,
    kind: Kind,
) -> Result<Vec<Imported>, ImportError> {
    let names = names(&specified)?;
    let runtimes: BTreeMap<&str, f64> = executed
        .iter()
        .map(|task| (task.id.as_str(), task.runtime_s))
        .collect();
    let field = |place: usize, name: &str, problem: String| ImportError::Field {
        field: format!("/workflow/specification/tasks/{place}/{name}"),
        problem,
    };
    let one = |(place, task): (usize, &Specified)| {
        let mut needs: Vec<String> = Vec::new();
        for parent in &task.parents {
            let name = names.get(parent).ok_or_else(|| {
                field(
                    place,
                    "parents",
                    format!("there is no task with the id `{parent}`"),
                )
            })?;
            if !needs.contains(name) {
                needs.push(name.clone());
            }
        }
        let runtime_s = runtimes.get(task.id.as_str()).copied();
        let seconds = match (kind, runtime_s) {
            (Kind::Noop, _) => 0.0,
            (Kind::Shell, Some(seconds)) if seconds.is_finite() && seconds >= 0.0 => seconds,
            (Kind::Shell, Some(seconds)) => {
                return Err(field(place, "id", format!("its runtimeInSeconds is {seconds}")));
            }
            (Kind::Shell, None) => {
                let problem = format!("`{}` has no entry in /workflow/execution/tasks", task.id);
                return Err(field(place, "id", problem));
            }
        };
        Ok(Imported {
            name: names[&task.id].clone(),
            needs,
            sleep_s: seconds * scale,
        })
    };
    specified.iter().enumerate().map(one).collect()
}

/// Gives each id a legal name that no other has.
fn names(specified: &[Specified]) -> Result<BTreeMap<String, String>, ImportError> {
    let mut names = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for (place, task) in specified.iter().enumerate() {
        let base = legal(&task.id);
        let number = numbers.entry(base.clone()).or_insert(1);
        let mut name = base.clone();
        while !taken.insert(name.clone()) {
            *number += 1;
            let suffix = format!("-{number}");
            name = base.chars().take(MAX_NAME - suffix.len()).collect::<String>() + &suffix;
        }
        if names.insert(task.id.clone(), name).is_some() {
            return Err(ImportError::Field {
                field: format!("/workflow/specification/tasks/{place}/id"),
                problem: format!("`{}` is used twice", task.id),
            });
        }
    }
    Ok(names)
}

fn legal(id: &str) -> String {
    let replaced: String = id
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "._- ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(MAX_NAME)
        .collect();
    match replaced.trim() {
        "" | "." | ".." => "task".to_owned(),
        name => name.to_owned(),
    }
}

fn render(title: &str, tasks: &[Imported], kind: Kind) -> String {
    let mut text = format!("version: 1\nname: {}\ntasks:\n", quoted(&legal(title)));
    for task in tasks {
        text.push_str(&format!(
            "  {}:\n    type: {}\n",
            quoted(&task.name),
            kind.task_type()
        ));
        if kind == Kind::Shell {
            text.push_str(&format!("    run: sleep {}\n", seconds(task.sleep_s)));
        }
        if !task.needs.is_empty() {
            let needs: Vec<String> = task.needs.iter().map(|need| quoted(need)).collect();
            text.push_str(&format!("    needs: [{}]\n", needs.join(", ")));
        }
    }
    text
}

/// Milliseconds are enough, and a whole number reads better without a fraction.
fn seconds(seconds: f64) -> String {
    let text = format!("{seconds:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn check(document: &str) -> Result<(), ImportError> {
    match read_document(document.as_bytes(), Format::Yaml) {
        Ok(_) => Ok(()),
        Err(issues) => {
            let first = issues.into_iter().next().map(|issue| issue.message);
            Err(ImportError::Illegal(first.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests;
