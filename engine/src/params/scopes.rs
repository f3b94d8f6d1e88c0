//! The value of each name: from the innermost scope that has one, with its placeholders replaced.

use std::collections::BTreeMap;

use super::interpolate::{Style, interpolate};
use super::time::TimeBase;
use crate::spec::limits::MAX_VALUE_BYTES;
use crate::spec::model::{Direction, Param};
use crate::spec::params::value_text;

/// The most bytes of all values that one task sees.
pub(super) const MAX_TOTAL_BYTES: usize = 1024 * 1024;

/// The longest chain of parameters that name each other.
const MAX_CHAIN: usize = 64;

/// Where values come from, outermost scope first.
#[derive(Debug, Clone, Copy)]
pub struct ParamScopes<'a> {
    /// What the system gives; see [`super::builtin_params`].
    pub builtins: &'a BTreeMap<String, String>,
    /// Of the project.
    pub project: &'a BTreeMap<String, String>,
    /// Of the workflow; outputs among them give nothing.
    pub workflow: &'a [Param],
    /// What tasks before this one set; used as it is, since it is data and not a template.
    pub upstream: &'a BTreeMap<String, String>,
    /// Of the task.
    pub task: &'a [Param],
    /// Of the start.
    pub startup: &'a BTreeMap<String, String>,
}

/// Why the parameters of a task have no values. The task fails; trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// Parameters name each other in a circle.
    #[error("the parameters name each other in a circle: {0}")]
    Cycle(String),
    /// The chain of parameters that name each other is too long.
    #[error("the parameter `{0}` ends a chain of more than {max} parameters that name each other", max = MAX_CHAIN)]
    TooDeep(String),
    /// One value, or all together, are too large.
    #[error(
        "with the parameter `{0}` the values are too large: at most {each} bytes each, {all} together",
        each = MAX_VALUE_BYTES,
        all = MAX_TOTAL_BYTES
    )]
    TooLarge(String),
}

enum Source {
    /// May hold placeholders.
    Template(String),
    /// Holds what it holds.
    Data(String),
}

/// Resolves every name to its value.
///
/// Unknown names in values stay as they are.
///
/// # Errors
/// The parameters cannot have values; the message names the guilty ones.
pub fn resolve_params(
    scopes: ParamScopes<'_>,
    base: TimeBase,
) -> Result<BTreeMap<String, String>, ParamError> {
    let sources = sources(scopes);
    let mut resolver = Resolver {
        sources: &sources,
        base,
        done: BTreeMap::new(),
        chain: Vec::new(),
        bytes: 0,
    };
    for name in sources.keys() {
        resolver.value(name)?;
    }
    Ok(resolver.done)
}

fn sources(scopes: ParamScopes<'_>) -> BTreeMap<String, Source> {
    let data = |(name, value): (&String, &String)| (name.clone(), Source::Data(value.clone()));
    let template = |(name, value): (&String, &String)| (name.clone(), Source::Template(value.clone()));
    let declared = |params: &[Param]| -> Vec<(String, Source)> {
        params
            .iter()
            .filter(|param| param.direction == Direction::In)
            .filter_map(|param| {
                Some((
                    param.name.clone(),
                    Source::Template(value_text(param.value.as_ref()?)),
                ))
            })
            .collect()
    };
    let mut sources: BTreeMap<String, Source> = scopes.builtins.iter().map(data).collect();
    sources.extend(scopes.project.iter().map(template));
    sources.extend(declared(scopes.workflow));
    sources.extend(scopes.upstream.iter().map(data));
    sources.extend(declared(scopes.task));
    sources.extend(scopes.startup.iter().map(template));
    sources
}

struct Resolver<'a> {
    sources: &'a BTreeMap<String, Source>,
    base: TimeBase,
    done: BTreeMap<String, String>,
    chain: Vec<String>,
    bytes: usize,
}

impl Resolver<'_> {
    fn value(&mut self, name: &str) -> Result<Option<String>, ParamError> {
        if let Some(value) = self.done.get(name) {
            return Ok(Some(value.clone()));
        }
        let value = match self.sources.get(name) {
            None => return Ok(None),
            Some(Source::Data(value)) => value.clone(),
            Some(Source::Template(text)) => self.filled(name, text)?,
        };
        self.bytes += value.len();
        if value.len() > MAX_VALUE_BYTES || self.bytes > MAX_TOTAL_BYTES {
            return Err(ParamError::TooLarge(name.to_owned()));
        }
        self.done.insert(name.to_owned(), value.clone());
        Ok(Some(value))
    }

    fn filled(&mut self, name: &str, text: &str) -> Result<String, ParamError> {
        if let Some(first) = self.chain.iter().position(|open| open == name) {
            let mut circle = self.chain[first..].to_vec();
            circle.push(name.to_owned());
            return Err(ParamError::Cycle(circle.join(" -> ")));
        }
        if self.chain.len() == MAX_CHAIN {
            return Err(ParamError::TooDeep(name.to_owned()));
        }
        if !text.contains('$') {
            return Ok(text.to_owned());
        }
        self.chain.push(name.to_owned());
        let base = self.base;
        let mut left = MAX_TOTAL_BYTES;
        let filled = interpolate(text, Style::Text, base, &mut |inner| {
            let value = self.value(inner)?;
            // One text may name a large value many times.
            let length = value.as_ref().map_or(0, String::len);
            left = left
                .checked_sub(length)
                .ok_or_else(|| ParamError::TooLarge(name.to_owned()))?;
            Ok(value)
        });
        self.chain.pop();
        filled
    }
}
