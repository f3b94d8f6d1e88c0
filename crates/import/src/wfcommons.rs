//! Converts WfCommons instances (WfFormat 1.5).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use document::{Format, parse_document};
use engine::spec::names;

/// The most bytes of a file to import.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// What the imported tasks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportedTaskType {
    /// They sleep for the scaled run time of the original.
    Shell,
    /// They do nothing.
    Noop,
}

impl ImportedTaskType {
    fn as_str(self) -> &'static str {
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
    #[error("the scale must be a number that is not negative, not {0}")]
    InvalidScale(String),
    /// The result is not a valid document: a cycle, or too many tasks.
    #[error("the file does not make a valid workflow: {0}")]
    InvalidWorkflow(String),
}

/// A task of the file's specification.
#[derive(Deserialize)]
struct SpecifiedTask {
    id: String,
    #[serde(default)]
    parents: Vec<String>,
}

/// A task of the file's execution.
#[derive(Deserialize)]
struct ExecutedTask {
    id: String,
    #[serde(rename = "runtimeInSeconds")]
    runtime_s: f64,
}

/// One task of the new document.
struct ImportedTask {
    name: String,
    needs: Vec<String>,
    sleep_s: f64,
}

/// Converts a WfCommons instance into a YAML document with the same graph.
///
/// Ids of tasks become names, parents become needs, and a run time becomes a sleep of `scale` times its length.
///
/// # Errors
/// The file is not such an instance; trying again does not help.
pub fn convert_wfcommons(text: &str, scale: f64, task_type: ImportedTaskType) -> Result<String, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError::TooLarge(text.len()));
    }
    if !scale.is_finite() || scale < 0.0 {
        return Err(ImportError::InvalidScale(scale.to_string()));
    }
    let file: Value = serde_json::from_str(text).map_err(|error| ImportError::NotJson(error.to_string()))?;
    let specified: Vec<SpecifiedTask> = read_tasks(&file, "/workflow/specification/tasks")?;
    let executed: Vec<ExecutedTask> = match task_type {
        ImportedTaskType::Shell => read_tasks(&file, "/workflow/execution/tasks")?,
        ImportedTaskType::Noop => Vec::new(),
    };
    let imported = convert_tasks(&specified, &executed, scale, task_type)?;
    let title = file.get("name").and_then(Value::as_str).unwrap_or("imported");
    let document = render_document(title, &imported, task_type);
    check_document(&document)?;
    Ok(document)
}

/// Reads a list of tasks; the error names the wrong field.
fn read_tasks<T: for<'de> Deserialize<'de>>(file: &Value, pointer: &str) -> Result<Vec<T>, ImportError> {
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
        .map(|(index, task)| {
            T::deserialize(task).map_err(|error| ImportError::Field {
                field: format!("{pointer}/{index}"),
                problem: error.to_string(),
            })
        })
        .collect()
}

fn convert_tasks(
    specified: &[SpecifiedTask],
    executed: &[ExecutedTask],
    scale: f64,
    task_type: ImportedTaskType,
) -> Result<Vec<ImportedTask>, ImportError> {
    let names = unique_names(specified)?;
    let runtimes: BTreeMap<&str, f64> = executed
        .iter()
        .map(|task| (task.id.as_str(), task.runtime_s))
        .collect();
    let field = |index: usize, name: &str, problem: String| ImportError::Field {
        field: format!("/workflow/specification/tasks/{index}/{name}"),
        problem,
    };
    let convert_task = |(index, task): (usize, &SpecifiedTask)| {
        let mut needs: Vec<String> = Vec::new();
        for parent in &task.parents {
            let name = names.get(parent).ok_or_else(|| {
                field(
                    index,
                    "parents",
                    format!("there is no task with the id `{parent}`"),
                )
            })?;
            if !needs.contains(name) {
                needs.push(name.clone());
            }
        }
        let runtime_s = runtimes.get(task.id.as_str()).copied();
        let seconds = match (task_type, runtime_s) {
            (ImportedTaskType::Noop, _) => 0.0,
            (ImportedTaskType::Shell, Some(seconds)) if seconds.is_finite() && seconds >= 0.0 => seconds,
            (ImportedTaskType::Shell, Some(seconds)) => {
                return Err(field(index, "id", format!("its runtimeInSeconds is {seconds}")));
            }
            (ImportedTaskType::Shell, None) => {
                let problem = format!("`{}` has no entry in /workflow/execution/tasks", task.id);
                return Err(field(index, "id", problem));
            }
        };
        Ok(ImportedTask {
            name: names[&task.id].clone(),
            needs,
            sleep_s: seconds * scale,
        })
    };
    specified.iter().enumerate().map(convert_task).collect()
}

/// Gives each id a valid name that no other has.
fn unique_names(specified: &[SpecifiedTask]) -> Result<BTreeMap<String, String>, ImportError> {
    let mut names = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for (index, task) in specified.iter().enumerate() {
        let base = valid_name(&task.id);
        let number = numbers.entry(base.clone()).or_insert(1);
        let mut name = base.clone();
        while !taken.insert(name.clone()) {
            *number += 1;
            let suffix = format!("-{number}");
            name = base
                .chars()
                .take(names::MAX_CHARS - suffix.len())
                .collect::<String>()
                + &suffix;
        }
        if names.insert(task.id.clone(), name).is_some() {
            return Err(ImportError::Field {
                field: format!("/workflow/specification/tasks/{index}/id"),
                problem: format!("`{}` is used twice", task.id),
            });
        }
    }
    Ok(names)
}

fn valid_name(id: &str) -> String {
    let replaced: String = id
        .chars()
        .map(|c| if names::is_name_char(c) { c } else { '_' })
        .take(names::MAX_CHARS)
        .collect();
    match replaced.trim() {
        "" | "." | ".." => "task".to_owned(),
        name => name.to_owned(),
    }
}

fn render_document(title: &str, tasks: &[ImportedTask], task_type: ImportedTaskType) -> String {
    let mut text = format!("version: 1\nname: {}\ntasks:\n", quote(&valid_name(title)));
    for task in tasks {
        text.push_str(&format!(
            "  {}:\n    type: {}\n",
            quote(&task.name),
            task_type.as_str()
        ));
        if task_type == ImportedTaskType::Shell {
            text.push_str(&format!("    run: sleep {}\n", format_seconds(task.sleep_s)));
        }
        if !task.needs.is_empty() {
            let needs: Vec<String> = task.needs.iter().map(|need| quote(need)).collect();
            text.push_str(&format!("    needs: [{}]\n", needs.join(", ")));
        }
    }
    text
}

/// Milliseconds are enough, and a whole number reads better without a fraction.
fn format_seconds(seconds: f64) -> String {
    let text = format!("{seconds:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A JSON string is a YAML string.
fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

fn check_document(document: &str) -> Result<(), ImportError> {
    match parse_document(document.as_bytes(), Format::Yaml) {
        Ok(_) => Ok(()),
        Err(issues) => {
            let first = issues.into_iter().next().map(|issue| issue.message);
            Err(ImportError::InvalidWorkflow(first.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests;
