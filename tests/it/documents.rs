//! What documents name exists.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tidy::sources::is_ours;

const LONGEST_LINE: usize = 120;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Collects the files below a folder with this extension that are ours.
fn collect_files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !is_ours(&path) {
            continue;
        }
        if path.is_dir() {
            collect_files(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

fn files_with(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect_files(root(), extension, &mut found);
    found.sort();
    assert!(
        found.len() > 20,
        "the search should see more than {}",
        found.len()
    );
    found
}

/// Calls `broken` with each document and each of its lines; fails with the rule and the findings.
fn check_lines(rule: &str, broken: impl Fn(&Path, &str) -> Vec<String>) {
    let mut findings = Vec::new();
    for document in files_with("md") {
        let text = fs::read_to_string(&document).unwrap();
        for (number, line) in text.lines().enumerate() {
            for finding in broken(&document, line) {
                let place = document.strip_prefix(root()).unwrap().display();
                findings.push(format!("{place}:{}: {finding}", number + 1));
            }
        }
    }
    assert!(
        findings.is_empty(),
        "{rule}\nbroken by:\n  {}",
        findings.join("\n  ")
    );
}

/// The targets of the links in a line that lead to files of the repository.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn a_line_has_at_most_120_letters() {
    check_lines(
        "a line of a document has at most 120 letters",
        |document, line| {
            let letters = line.chars().count();
            // The tables of the bench are generated.
            let is_generated = document.ends_with("docs/benchmarks.md") && line.starts_with('|');
            (letters > LONGEST_LINE && !is_generated)
                .then(|| format!("{letters} letters"))
                .into_iter()
                .collect()
        },
    );
}

#[test]
fn links_lead_to_files() {
    check_lines("a link of a document leads to a file", |document, line| {
        link_targets(line)
            .filter(|target| !document.parent().unwrap().join(target).exists())
            .map(str::to_owned)
            .collect()
    });
}

#[test]
fn named_source_files_exist() {
    let sources: Vec<String> = files_with("rs")
        .iter()
        .map(|path| format!("/{}", path.strip_prefix(root()).unwrap().display()))
        .collect();
    let exists = |name: &str| sources.iter().any(|source| source.ends_with(&format!("/{name}")));
    check_lines("a source file that a document names exists", |_, line| {
        line.split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| word.ends_with(".rs") && !exists(word))
            .map(str::to_owned)
            .collect()
    });
}

#[test]
fn decisions_are_numbered_without_gaps_and_listed_by_title() {
    let mut pages = Vec::new();
    collect_files(&root().join("docs/decisions"), "md", &mut pages);
    pages.retain(|page| page.file_name().unwrap().to_string_lossy().starts_with('0'));
    pages.sort();
    let index = fs::read_to_string(root().join("docs/decisions/index.md")).unwrap();
    for (position, page) in pages.iter().enumerate() {
        let number = position + 1;
        let file = page.file_name().unwrap().to_string_lossy();
        assert!(
            file.starts_with(&format!("{number:04}-")),
            "{file} is decision {number}"
        );
        let text = fs::read_to_string(page).unwrap();
        let heading = text.lines().next().unwrap();
        let title = heading
            .strip_prefix(&format!("# {number} "))
            .unwrap_or_else(|| panic!("{file} begins with its number, not with {heading}"));
        let row = format!("| [{number:04}]({file}) | {title} |");
        assert!(index.contains(&row), "docs/decisions/index.md has the row {row}");
    }
}
