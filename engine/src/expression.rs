//! Expressions in documents, in the language of minijinja: `when` of tasks and of the cases of a switch.
//!
//! An expression has no statements, no templates and no loops. Its size, its nesting and its work are bounded, so that it
//! can be evaluated inside of a step. `${name}` stands for `params['name']`, also as all that stands between quotes.

mod reference;
mod scope;
mod value;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::value::ValueKind as JinjaKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

use reference::Rewritten;

pub(crate) use scope::{ExpressionScope, TaskScope, TypedText};
pub(crate) use value::json_value;

/// The most bytes of an expression.
pub(crate) const MAX_EXPRESSION_BYTES: usize = 1024;

/// The work that one evaluation may do: about one unit for an instruction, an element or a byte.
const FUEL: u64 = 100_000;

/// The most characters of a value that a text shows.
const MAX_SHOWN: usize = 60;

/// The most values that a text shows.
const MAX_SHOWN_VALUES: usize = 10;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(64);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    // It would show every value that the task sees.
    environment.remove_global("debug");
    // Of templates only.
    environment.remove_filter("tojson");
    environment
});

/// A checked expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    text: String,
    rewritten: Rewritten,
}

/// Why an expression cannot be read or has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {position})")]
pub(crate) struct ExpressionError {
    /// The place in the expression, in characters from 1.
    pub(crate) position: usize,
    /// What is wrong, as a readable text.
    pub(crate) message: String,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is too long, or its syntax is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_EXPRESSION_BYTES {
            return Err(ExpressionError {
                position: MAX_EXPRESSION_BYTES,
                message: format!("an expression has at most {MAX_EXPRESSION_BYTES} bytes"),
            });
        }
        let expression = Self {
            text: text.to_owned(),
            rewritten: Rewritten::new(text),
        };
        expression.rewritten.check_nesting()?;
        match ENVIRONMENT.compile_expression(expression.rewritten.source()) {
            Ok(_) => Ok(expression),
            Err(error) => Err(expression.explain(&error)),
        }
    }

    /// Returns the names of the tasks that it names.
    pub(crate) fn tasks(&self) -> &BTreeSet<String> {
        self.rewritten.tasks()
    }

    /// Returns the names at the beginnings of what it names.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let compiled = ENVIRONMENT.compile_expression(self.rewritten.source());
        compiled.map(|compiled| names_in(&compiled)).unwrap_or_default()
    }

    /// Evaluates it to a truth value.
    ///
    /// # Errors
    /// It names something unknown, its values do not fit, its result is neither true nor false, or it does too much work.
    pub(crate) fn evaluate(&self, scope: &ExpressionScope<'_>) -> Result<bool, ExpressionError> {
        let compiled = ENVIRONMENT
            .compile_expression(self.rewritten.source())
            .map_err(|error| self.explain(&error))?;
        let names = names_in(&compiled);
        let result = compiled
            .eval(scope.values_of(&names))
            .map_err(|error| self.explain(&error))?;
        match result.kind() {
            JinjaKind::Bool => Ok(result.is_true()),
            kind => Err(ExpressionError {
                position: 1,
                message: format!(
                    "the result is {}, a {kind}, and not true or false",
                    shown(&result)
                ),
            }),
        }
    }

    /// Returns the values that it was decided by, as a readable text: `n = 3, region = eu`.
    pub(crate) fn describe_values(&self, scope: &ExpressionScope<'_>) -> String {
        let Ok(compiled) = ENVIRONMENT.compile_expression(self.rewritten.source()) else {
            return String::new();
        };
        let names = names_in(&compiled);
        let params = names.iter().filter(|name| !ExpressionScope::is_object(name));
        let params = params.chain(self.rewritten.params());
        let params = params.filter_map(|name| Some((name.clone(), scope.param(name)?)));
        let tasks = self.rewritten.tasks().iter();
        let states = tasks.filter_map(|name| Some((format!("task `{name}`"), scope.state_of(name)?)));
        let all: Vec<String> = params
            .chain(states)
            .take(MAX_SHOWN_VALUES)
            .map(|(name, value)| format!("{name} = {}", shown(&value)))
            .collect();
        all.join(", ")
    }

    fn explain(&self, error: &minijinja::Error) -> ExpressionError {
        let at = error.range().map_or(0, |range| range.start);
        let kind = match error.kind() {
            ErrorKind::SyntaxError => "syntax error".to_owned(),
            ErrorKind::OutOfFuel => "it does too much work".to_owned(),
            kind => kind.to_string(),
        };
        ExpressionError {
            position: self.position_of(self.rewritten.original_place(at)),
            message: match error.detail() {
                Some(detail) => format!("{kind}: {detail}"),
                None => kind,
            },
        }
    }

    /// Turns a place in bytes into one in characters from 1.
    fn position_of(&self, bytes: usize) -> usize {
        let before = self.text.char_indices().take_while(|(place, _)| *place < bytes);
        before.count() + 1
    }
}

/// Returns the names at the beginnings of what an expression names.
fn names_in(compiled: &minijinja::Expression<'_, '_>) -> BTreeSet<String> {
    compiled.undeclared_variables(false).into_iter().collect()
}

/// Shows a value in at most a few words.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
