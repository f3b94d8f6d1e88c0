//! What is legal in a document and yet probably not meant.

use super::diagnostic::{Diagnostic, DiagnosticTarget};
use super::model::{Definition, TaskDefinition};
use super::validator::Path;
use crate::ids::Timestamp;
use crate::params::interpolate::{Style, split_enclosed};
use crate::params::time::{self, TimeBase};
use crate::task_type::script::SCRIPT_KEY;
use crate::task_type::shell::SHELL;

/// The longest expression that a message shows.
const MAX_SHOWN: usize = 60;

/// Finds what a person should look at, in the order of the document.
pub fn lint(definition: &Definition) -> Vec<Diagnostic> {
    definition.tasks.iter().flat_map(lint_task).collect()
}

fn lint_task(task: &TaskDefinition) -> Vec<Diagnostic> {
    let script = task
        .action
        .fields()
        .find(|(key, _)| *key == SCRIPT_KEY && task.action.type_name() == SHELL.name)
        .and_then(|(_, script)| script.as_str());
    let at = Path::ROOT;
    let at = at.key("tasks");
    let at = at.key(&task.name);
    let pointer = at.key(SCRIPT_KEY).to_pointer();
    script
        .map_or_else(Vec::new, arithmetic_for_bash)
        .into_iter()
        .map(|message| Diagnostic {
            pointer: pointer.clone(),
            target: DiagnosticTarget::Value,
            code: "BASH_ARITHMETIC",
            message,
        })
        .collect()
}

/// Describes each `$[…]` of a script that bash evaluates, or would evaluate if it were no time expression.
fn arithmetic_for_bash(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = script;
    while let Some(at) = rest.find("$[") {
        let Some((expression, after)) = split_enclosed(&rest[at..], (b'[', b']'), Style::Script) else {
            rest = &rest[at + 2..];
            continue;
        };
        rest = after;
        let shown: String = expression.chars().take(MAX_SHOWN).collect();
        let is_time = time::evaluate(expression, TimeBase::utc(Timestamp(0))).is_some();
        if is_time && is_one_letter_sum(expression) {
            found.push(format!(
                "`$[{shown}]` is replaced by a time; if arithmetic is meant, write `$(({shown}))`"
            ));
        } else if !is_time && is_arithmetic(expression) {
            found.push(format!(
                "`$[{shown}]` is no time expression: bash reads it as arithmetic, sh as text; write `$(({shown}))`"
            ));
        }
    }
    found
}

/// Whether bash could evaluate it.
fn is_arithmetic(expression: &str) -> bool {
    let is_legal = |c: char| {
        c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_+-*/%<>=!&|^~?:,()#$@{}".contains(c)
    };
    !expression.trim().is_empty() && expression.chars().all(is_legal) && !has_two_words(expression)
}

/// Whether two operands follow each other without an operator, as words of a text do.
fn has_two_words(expression: &str) -> bool {
    let is_operand = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let words: Vec<&str> = expression.split_ascii_whitespace().collect();
    words
        .windows(2)
        .any(|pair| pair.iter().all(|word| is_operand(word)))
}

/// Whether it is a sum of a one-letter variable, which the time expressions take for a field of a date.
fn is_one_letter_sum(expression: &str) -> bool {
    let mut chars = expression.chars();
    let is_letter = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
    is_letter && chars.next().is_some_and(|c| "+-*/%".contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arithmetic_for_bash_is_found_and_times_and_texts_are_not() {
        for script in [
            "$[i+1]",
            "x=$[ $a * 2 ]",
            "echo $[1]",
            "$[s+1]",
            "$[count]",
            "$[d*2]",
        ] {
            assert_eq!(arithmetic_for_bash(script).len(), 1, "{script}");
        }
        for script in [
            "$[yyyyMMdd-1]",
            "$[HH:mm]",
            "$[not a time]",
            "${a[1]}",
            "$[",
            "$[]",
            "$((i+1))",
            "$[yyyy]",
        ] {
            assert_eq!(arithmetic_for_bash(script), Vec::<String>::new(), "{script}");
        }
    }

    proptest! {
        #[test]
        fn any_script_is_linted(script in "(\\$\\[|\\]|[a-z+0-9 ]|\\PC){0,40}") {
            let found = arithmetic_for_bash(&script);
            prop_assert!(found.len() <= script.matches("$[").count());
        }
    }
}
