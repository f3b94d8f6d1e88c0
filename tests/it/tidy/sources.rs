//! The sources of the repository, as project rules see them.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file of ours: its path from the root of the repository, and its text.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path.starts_with("tests/")
    }

    pub(super) fn is_below(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// The text without comments and without the tests at its end.
    pub(super) fn code(&self) -> String {
        let text = self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        text.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a file or folder is ours: not hidden, not output of a build or a test, not a dependency.
pub(crate) fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    !name.starts_with('.') && !["target", "node_modules", "test-results"].contains(&&*name)
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if !is_ours(&path) {
            continue;
        }
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

pub(super) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in [
        "engine",
        "actors",
        "migrations",
        "crates",
        "src",
        "tests",
        "benches",
    ] {
        files(&root().join(folder), "rs", &mut found);
    }
    found.sort();
    let sources: Vec<Source> = found
        .into_iter()
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        })
        .collect();
    assert!(
        sources.len() > 20,
        "the search should see the sources, not {}",
        sources.len()
    );
    sources
}

/// Fails with the rule and every place that breaks it.
pub(super) fn rule(sentence: &str, broken: Vec<String>) {
    assert!(
        broken.is_empty(),
        "{sentence}\nbroken by:\n  {}",
        broken.join("\n  ")
    );
}

/// Every file of the repository with this extension, without data of a node.
pub(super) fn files_with(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(root(), extension, &mut found);
    found.retain(|path| {
        let parts = path.strip_prefix(root()).unwrap().components();
        parts
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .all(|part| part != "data")
    });
    found.sort();
    found
}
