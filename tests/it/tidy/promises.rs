//! What is declared happens: metrics, error codes, modules.

use std::collections::BTreeSet;

use super::sources::{Source, read, rule, sources};

/// The names of metrics in a text, each from its first quote to the next.
fn metric_names(text: &str) -> BTreeSet<String> {
    let names = text.split('"').filter(|part| part.starts_with("porpoise_"));
    let is_name = |name: &&str| {
        name.chars()
            .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    names.filter(is_name).map(str::to_owned).collect()
}

fn difference(left: &BTreeSet<String>, right: &BTreeSet<String>) -> Vec<String> {
    left.difference(right).cloned().collect()
}

/// Production code outside the declarations.
fn production_except(path: &str) -> Vec<Source> {
    let mut sources = sources();
    sources.retain(|source| !source.is_test() && source.path != path && source.path.contains("src/"));
    sources
}

#[test]
fn each_declared_metric_is_emitted_and_documented_and_no_other() {
    let declared = metric_names(&read("src/telemetry.rs"));
    assert!(
        declared.len() > 15,
        "the search should see the metrics, not {}",
        declared.len()
    );
    let macros = ["counter!(", "gauge!(", "histogram!("];
    let mut emitted = BTreeSet::new();
    for source in sources()
        .iter()
        .filter(|source| !source.is_test() && source.path.contains("src/"))
    {
        let code = source.code();
        for name in macros {
            let calls = code.split(name).skip(1);
            emitted
                .extend(calls.filter_map(|call| metric_names(call.get(..120).unwrap_or(call)).pop_first()));
        }
    }
    rule(
        "a declared metric is emitted where the thing happens",
        difference(&declared, &emitted),
    );
    rule(
        "an emitted metric is declared in src/telemetry.rs",
        difference(&emitted, &declared),
    );
    let page = read("docs/metrics.md");
    let documented = page.split('`').filter(|part| part.starts_with("porpoise_"));
    let documented: BTreeSet<String> = documented.map(str::to_owned).collect();
    rule(
        "a declared metric is described in docs/metrics.md",
        difference(&declared, &documented),
    );
    rule(
        "docs/metrics.md describes only metrics that exist",
        difference(&documented, &declared),
    );
}

#[test]
fn each_error_code_is_answered_somewhere() {
    let list = ["crates/api/src/http/codes.rs", "crates/api/src/codes.rs"]
        .into_iter()
        .find(|path| super::sources::root().join(path).exists())
        .expect("the list of codes");
    let text = read(list);
    let codes = text.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" = \"")?;
        let (text, _) = rest.split_once("\", ")?;
        Some((name.to_owned(), text.to_owned()))
    });
    let codes: Vec<(String, String)> = codes.collect();
    assert!(
        codes.len() > 20,
        "the search should see the codes, not {}",
        codes.len()
    );
    let code: String = production_except(list).iter().map(Source::code).collect();
    // The API names the variant; the store, which does not know the API, the text of a conflict.
    let mentions = |(name, text): &(String, String)| {
        let mention = format!("Code::{name}");
        let is_whole = |at: usize| !code[at + mention.len()..].starts_with(|c: char| c.is_alphanumeric());
        code.match_indices(&mention).any(|(at, _)| is_whole(at)) || code.contains(&format!("\"{text}\""))
    };
    let broken = codes.into_iter().filter(|code| !mentions(code));
    rule(
        "each error code is answered somewhere",
        broken.map(|(name, _)| name).collect(),
    );
}

#[test]
fn each_file_is_a_module_of_its_crate() {
    let all = sources();
    let declares = |path: &str, module: &str| {
        all.iter().any(|source| {
            source.path == path
                && source
                    .text
                    .lines()
                    .any(|line| line.trim().ends_with(&format!("mod {module};")))
        })
    };
    let is_root = |path: &str| {
        ["main.rs", "lib.rs", "build.rs"]
            .iter()
            .any(|root| path.ends_with(root))
    };
    let broken = all
        .iter()
        .filter(|source| !is_root(&source.path))
        .filter_map(|source| {
            let (folder, file) = source.path.rsplit_once('/')?;
            let module = file.strip_suffix(".rs")?;
            let parents = [
                format!("{folder}.rs"),
                format!("{folder}/lib.rs"),
                format!("{folder}/main.rs"),
            ];
            let is_program = folder == "benches" || folder == "examples";
            (!is_program && !parents.iter().any(|parent| declares(parent, module)))
                .then(|| source.path.clone())
        });
    rule("each file is compiled: its parent says `mod`", broken.collect());
}
