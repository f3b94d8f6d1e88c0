//! The list of known failures names only tests that exist.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(path).unwrap_or_default()
}

/// Tests are named by sentences: several words in one name.
fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3 && !word.contains(['/', ' ', '.'])
}

/// Returns the tests that an entry names, each with the file that it names before.
fn tests_of(entry: &str) -> Vec<(&str, &str)> {
    let mut file = "";
    let mut tests = Vec::new();
    for word in entry.split('`').skip(1).step_by(2) {
        if word.ends_with(".rs") {
            file = word;
        } else if is_test_name(word) {
            tests.push((file, word));
        }
    }
    tests
}

#[test]
fn every_test_that_known_failures_names_is_in_the_file_named_before_it() {
    let page = read("docs/known-failures.md");
    let named: Vec<(&str, &str)> = page.split("\n### ").flat_map(tests_of).collect();
    assert!(
        named.len() > 40,
        "the search should see the tests, not {}",
        named.len()
    );
    let is_there = |(file, test): &(&str, &str)| read(file).contains(&format!("fn {test}("));
    let missing: Vec<_> = named.into_iter().filter(|named| !is_there(named)).collect();
    assert!(
        missing.is_empty(),
        "named in docs/known-failures.md and not there: {missing:#?}"
    );
}
