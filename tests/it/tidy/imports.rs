//! No import circle inside a crate: files form layers.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, rule, sources};

/// A module as its path below the crate, `[]` for the root.
type Module = Vec<String>;

/// The import paths of a `use` tree, each as its segments; renames are dropped.
fn flatten(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let segments = path
            .split("::")
            .map(str::trim)
            .filter(|segment| !segment.is_empty());
        return vec![segments.map(str::to_owned).collect()];
    };
    let body = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    let ends = body.char_indices().chain([(body.len(), ',')]);
    for (at, letter) in ends {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !body[start..at].trim().is_empty() {
                    paths.extend(flatten(&format!("{head}{}", body[start..at].trim())));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    paths
}

/// The path of an import from the root of its crate; none when it leads out of the crate.
fn absolute(importer: &Module, import: &[String]) -> Option<Vec<String>> {
    let (first, mut rest) = import.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => importer.clone(),
        "super" => importer.split_last()?.1.to_vec(),
        _ => return None,
    };
    while let Some((step, further)) = rest.split_first().filter(|(step, _)| *step == "super") {
        debug_assert_eq!(step, "super");
        base.pop();
        rest = further;
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// Which modules of one crate import which, without imports of a module from itself.
fn imports(files: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut edges = BTreeMap::new();
    for (module, code) in files {
        let statements = code.split("use ").skip(1).filter_map(|rest| rest.split_once(';'));
        let paths = statements.flat_map(|(tree, _)| flatten(tree));
        let targets = paths
            .filter_map(|path| absolute(module, &path))
            .filter_map(|path| {
                let prefixes = (0..=path.len()).rev().map(|length| path[..length].to_vec());
                prefixes.into_iter().find(|prefix| files.contains_key(prefix))
            })
            .filter(|target| target != module);
        edges.insert(module.clone(), targets.collect());
    }
    edges
}

/// The modules that can be reached from one, itself only by a circle.
fn reachable(from: &Module, edges: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for next in edges.get(module).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    reached
}

/// The modules of a crate that lie on a circle of imports.
fn circular(files: &BTreeMap<Module, String>) -> Vec<String> {
    let edges = imports(files);
    let on_a_circle = edges
        .keys()
        .filter(|module| reachable(module, &edges).contains(*module));
    on_a_circle
        .map(|module| {
            let back = edges[module]
                .iter()
                .filter(|target| reachable(target, &edges).contains(module));
            let back: Vec<String> = back.map(|target| target.join("::")).collect();
            format!("{} -> {}", module.join("::"), back.join(", "))
        })
        .collect()
}

/// The module that a file is, below the `src` of its crate.
fn module_of(source: &Source) -> Option<(String, Module)> {
    let (crate_path, file) = source.path.split_once("src/")?;
    let path = file.strip_suffix(".rs")?;
    let module = match path {
        "lib" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    };
    Some((crate_path.to_owned(), module))
}

#[test]
fn files_of_a_crate_import_each_other_in_one_direction() {
    let mut crates: BTreeMap<String, BTreeMap<Module, String>> = BTreeMap::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let Some((name, module)) = module_of(source) else {
            continue;
        };
        // The parts of a program that only join the others: they import everything.
        if module == ["main"] {
            continue;
        }
        crates.entry(name).or_default().insert(module, source.code());
    }
    assert!(crates.len() > 5, "the search should see the crates");
    let circles = crates.iter().flat_map(|(name, files)| {
        circular(files)
            .into_iter()
            .map(move |edge| format!("{name}src: {edge}"))
    });
    rule(
        "no import circle inside a crate; a child takes things from where they are defined, not from its parent",
        circles.collect(),
    );
}

#[test]
fn a_circle_is_found_through_nested_imports() {
    let file = |text: &str| text.to_owned();
    let files = BTreeMap::from([
        (vec![], file("pub use a::{b::{Thing, other}, c};")),
        (
            vec!["a".to_owned()],
            file("use crate::{x::{self, y}, d as e};\nuse std::fmt;"),
        ),
        (
            vec!["a".to_owned(), "b".to_owned()],
            file("use super::super::x::Y;"),
        ),
        (
            vec!["x".to_owned()],
            file("use self::inner;\nuse super::a::b::Thing;"),
        ),
        (vec!["d".to_owned()], file("")),
    ]);
    assert_eq!(circular(&files), ["a::b -> x", "x -> a::b"]);
}
