//! The value of each name: from the innermost scope that has one, with its placeholders replaced.

use std::collections::{BTreeMap, BTreeSet};

use super::interpolate::{Style, interpolate};
use super::time::TimeBase;
use crate::spec::limits::MAX_VALUE_BYTES;
use crate::spec::model::{Direction, Param};

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

impl ParamError {
    /// Returns the parameters that have no value: all of a circle.
    pub(crate) fn params(&self) -> impl Iterator<Item = &str> {
        let (Self::Cycle(names) | Self::TooDeep(names) | Self::TooLarge(names)) = self;
        names.split(" -> ")
    }

    /// Returns the code of a diagnostic about it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Cycle(_) => "CYCLE",
            Self::TooDeep(_) => "TOO_DEEP",
            Self::TooLarge(_) => "TOO_LARGE",
        }
    }
}

/// The texts of declared inputs by name.
pub(super) type InputTexts<'a> = BTreeMap<&'a str, &'a str>;

/// Returns the texts of the inputs that have one.
pub(super) fn input_texts(params: &[Param]) -> InputTexts<'_> {
    params
        .iter()
        .filter(|param| param.direction == Direction::In)
        .filter_map(|param| Some((param.name.as_str(), param.value.as_deref()?)))
        .collect()
}

#[derive(Clone, Copy)]
enum Source<'a> {
    /// May hold placeholders.
    Template(&'a str),
    /// Holds what it holds.
    Data(&'a str),
}

/// The text of each name, from the innermost scope that has one.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    scopes: ParamScopes<'a>,
    workflow: &'a InputTexts<'a>,
    task: &'a InputTexts<'a>,
}

impl<'a> Sources<'a> {
    /// Looks into these scopes; `workflow` and `task` are the texts of their inputs.
    pub(super) fn new(
        scopes: ParamScopes<'a>,
        workflow: &'a InputTexts<'a>,
        task: &'a InputTexts<'a>,
    ) -> Self {
        Self {
            scopes,
            workflow,
            task,
        }
    }

    fn find_text(&self, name: &str) -> Option<Source<'a>> {
        let template = |text: &'a String| Source::Template(text);
        let data = |text: &'a String| Source::Data(text);
        let input = |text: &&'a str| Source::Template(text);
        let scopes = &self.scopes;
        let startup = scopes.startup.get(name).map(template);
        startup
            .or_else(|| self.task.get(name).map(input))
            .or_else(|| scopes.upstream.get(name).map(data))
            .or_else(|| self.workflow.get(name).map(input))
            .or_else(|| scopes.project.get(name).map(template))
            .or_else(|| scopes.builtins.get(name).map(data))
    }

    /// Returns every name, those of the system first: what is too large is then one of the user's.
    fn names(&self) -> impl Iterator<Item = &'a str> {
        let scopes = &self.scopes;
        let of_users: BTreeSet<&str> = [scopes.startup, scopes.upstream, scopes.project]
            .into_iter()
            .flat_map(|scope| scope.keys().map(String::as_str))
            .chain(self.workflow.keys().chain(self.task.keys()).copied())
            .collect();
        let builtins = scopes.builtins.keys().map(String::as_str);
        builtins.chain(of_users)
    }
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
    let (workflow, task) = (input_texts(scopes.workflow), input_texts(scopes.task));
    let sources = Sources::new(scopes, &workflow, &task);
    resolve_names(sources, sources.names(), base)
}

/// Resolves names, and those that their values name, to their values.
///
/// # Errors
/// Like [`resolve_params`].
pub(super) fn resolve_names<'a>(
    sources: Sources<'_>,
    names: impl IntoIterator<Item = &'a str>,
    base: TimeBase,
) -> Result<BTreeMap<String, String>, ParamError> {
    let mut resolver = Resolver {
        sources,
        base,
        done: BTreeMap::new(),
        chain: Vec::new(),
        bytes: 0,
    };
    for name in names {
        resolver.value(name)?;
    }
    Ok(resolver.done)
}

struct Resolver<'a> {
    sources: Sources<'a>,
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
        let value = match self.sources.find_text(name) {
            None => return Ok(None),
            Some(Source::Data(value)) => value.to_owned(),
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
            let value = self.value(inner.name)?;
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
