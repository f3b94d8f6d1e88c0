//! Names and words: standard terms, each type name once in a crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::sources::{Source, files_with, root, rule, sources};

/// Words that say less than the field's standard terms; CONTRIBUTING.md names what to write instead.
const BANNED: [&str; 18] = [
    "anew", "somebody", "nobody", "whoever", "newborn", "newborns", "loot", "loots", "gift", "gifts",
    "stirred", "told", "lives", "beat", "beats", "goes on", "so long", "so often",
];

/// Single words that name no thing: a type is a noun.
const NOT_NOUNS: [&str; 14] = [
    "Alone", "Gone", "Given", "Held", "Kept", "Known", "Learnt", "Lost", "Seen", "Sent", "Taken", "Told",
    "Whole", "Young",
];

/// The folder of the crate that a file belongs to.
fn crate_of(source: &Source) -> Option<&str> {
    source.path.split_once("src/").map(|(folder, _)| folder)
}

/// Production sources: no tests, no benches, no program of the build.
fn production() -> Vec<Source> {
    let mut sources = sources();
    sources.retain(|source| !source.is_test() && crate_of(source).is_some());
    sources
}

/// The name of the type that a line declares.
fn declared_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest
            .strip_prefix('(')
            .map_or(rest, |rest| rest.split_once(')').map_or(rest, |(_, r)| r)),
        None => line,
    };
    let line = line.trim_start();
    let kinds = ["struct ", "enum ", "trait "];
    let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    let end = rest
        .find(|letter: char| !letter.is_alphanumeric())
        .unwrap_or(rest.len());
    Some(&rest[..end]).filter(|name| !name.is_empty())
}

#[test]
fn a_type_name_occurs_once_in_a_crate() {
    let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for source in production() {
        // sea-orm wants a `Model` and a `Relation` in the module of each table.
        if source.path.starts_with("crates/catalog/src/entity/") {
            continue;
        }
        for name in source.code().lines().filter_map(declared_type) {
            let key = (crate_of(&source).unwrap_or_default().to_owned(), name.to_owned());
            found.entry(key).or_default().push(source.path.clone());
        }
    }
    assert!(
        found.len() > 300,
        "the search should see the types, not {}",
        found.len()
    );
    let broken = found
        .into_iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|((_, name), files)| format!("{name}: {}", files.join(", ")));
    rule("a type name occurs once in a crate", broken.collect());
}

#[test]
fn a_type_is_named_by_a_noun() {
    let is_one_word = |name: &str| name.chars().filter(|letter| letter.is_uppercase()).count() == 1;
    let says_nothing = |name: &str| {
        NOT_NOUNS.contains(&name)
            || (is_one_word(name) && name.ends_with("ed") && !["Seed", "Feed"].contains(&name))
    };
    let broken = production().into_iter().flat_map(|source| {
        let code = source.code();
        let names = code
            .lines()
            .filter_map(declared_type)
            .filter(|name| says_nothing(name));
        names
            .map(|name| format!("{}: {name}", source.path))
            .collect::<Vec<_>>()
    });
    rule(
        "a type is named by a noun, not by an adjective or participle",
        broken.collect(),
    );
}

#[test]
fn no_function_takes_a_bare_bool() {
    let takes_one = |line: &str| {
        let line = line.trim_start();
        // What a trait of a library demands.
        let demanded = line.starts_with("fn visit_bool");
        let after_name = line.split_once("fn ").map(|(_, rest)| rest);
        !demanded
            && after_name.is_some_and(|rest| rest.split("->").next().unwrap_or_default().contains(": bool"))
    };
    let broken = production().into_iter().flat_map(|source| {
        let code = source.code();
        let lines = code.lines().filter(|line| takes_one(line));
        lines
            .map(|line| format!("{}: {}", source.path, line.trim()))
            .collect::<Vec<_>>()
    });
    rule(
        "an enum of two names says what a bool parameter means",
        broken.collect(),
    );
}

#[test]
fn a_file_of_actors_keeps_its_fields_to_itself() {
    let is_shared_field = |line: &str| {
        let field = line.trim_start().strip_prefix("pub(super) ");
        let name = field
            .and_then(|field| field.split_once(':'))
            .map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let broken = production()
        .into_iter()
        .filter(|source| source.path.starts_with("actors/"))
        .flat_map(|source| {
            let code = source.code();
            let lines = code.lines().filter(|line| is_shared_field(line));
            lines
                .map(|line| format!("{}: {}", source.path, line.trim()))
                .collect::<Vec<_>>()
        });
    rule(
        "in actors a file is a module with a private inside: methods, not shared fields",
        broken.collect(),
    );
}

/// The type that an `impl` block without a trait is for.
fn implemented_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(generic) => generic.split_once('>')?.1,
        None => rest,
    };
    let rest = rest.strip_prefix(' ').filter(|rest| !rest.contains(" for "))?;
    let end = rest.find(|letter: char| !letter.is_alphanumeric())?;
    Some(&rest[..end])
}

#[test]
fn the_methods_of_an_actors_type_are_in_its_file() {
    assert_eq!(implemented_type("impl<'a> Runner<'a> {"), Some("Runner"));
    assert_eq!(implemented_type("impl Drop for Guard {"), None);
    let mut broken = Vec::new();
    for source in production() {
        if !source.path.starts_with("actors/") || source.is_below(&["actors/src/testing/"]) {
            continue;
        }
        let code = source.code();
        let declared: Vec<&str> = code.lines().filter_map(declared_type).collect();
        let implemented = code.lines().filter_map(implemented_type);
        let foreign = implemented.filter(|name| !declared.contains(name));
        broken.extend(foreign.map(|name| format!("{}: impl {name}", source.path)));
    }
    rule(
        "in actors a file is a module: a type of its own, not a page of another one",
        broken,
    );
}

/// Whether a line has a word or phrase of its own, not as a part of a longer word or of an identifier.
fn has_word(line: &str, phrase: &str) -> bool {
    let line = line.to_lowercase();
    line.match_indices(phrase).any(|(at, _)| {
        let joins = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
        let before = line[..at].chars().next_back().is_some_and(joins);
        let after = line[at + phrase.len()..].chars().next().is_some_and(joins);
        !before && !after
    })
}

#[test]
fn words_are_the_standard_terms_of_the_field() {
    let this_list = "tests/it/tidy/names.rs";
    let texts = ["rs", "md", "sh", "py", "yml", "yaml"]
        .iter()
        .flat_map(|extension| files_with(extension));
    let broken = texts.flat_map(|path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .enumerate()
            .filter(|_| name != this_list && name != "CONTRIBUTING.md");
        let found = lines.filter_map(|(number, line)| {
            let word = BANNED.iter().find(|word| has_word(line, word))?;
            Some(format!("{name}:{}: {word}", number + 1))
        });
        found.collect::<Vec<_>>()
    });
    rule(
        "code and documents use standard terms, see the list in CONTRIBUTING.md",
        broken.collect(),
    );
}

#[test]
fn the_doc_of_a_constant_says_what_it_bounds() {
    let broken = production().into_iter().flat_map(|source| {
        let lines: Vec<&str> = source.text.lines().collect();
        let pairs = lines.windows(2).filter(|pair| {
            let constant = ["const ", "pub const ", "pub(crate) const ", "pub(super) const "];
            constant
                .iter()
                .any(|start| pair[1].trim_start().starts_with(start))
        });
        let so = pairs.filter(|pair| pair[0].trim_start().starts_with("/// So "));
        so.map(|pair| format!("{}: {}", source.path, pair[0].trim()))
            .collect::<Vec<_>>()
    });
    rule(
        "the doc of a constant says what it bounds, not \"So long …\"",
        broken.collect(),
    );
}
