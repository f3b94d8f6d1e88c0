//! Puts parameters into what a task does: into the environment of scripts, as text into http fields.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::fill::{Style, fill};
use super::time::Base;
use crate::definition::{Request, Work};
use crate::document::names;

/// Names of the variables that stand for parameters whose own name no shell can carry.
const GENERATED: &str = "PORPOISE_P_";

/// The most bytes that one http field may grow to.
const MAX_FIELD: usize = 16 * 1024 * 1024;

/// Work that is ready for a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// With every placeholder replaced that has a value.
    pub work: Work,
    /// Variables for its processes; empty for types without processes.
    pub env: BTreeMap<String, String>,
    /// What a person should know, in words.
    pub warnings: Vec<String>,
}

/// Prepares a task's work.
///
/// Scripts get every parameter as a variable and never as pasted text, so that no value can become code:
/// `${name}` is the shell's own, and a name that is no identifier gets a generated variable. Time expressions in
/// scripts are replaced, since their values are made of nothing but the script's own text.
///
/// `${…}` means nothing to Python: there such a placeholder becomes `${PORPOISE_P_0}` in the script's text, which
/// `os.path.expandvars` and `string.Template` read from the environment. Writing the value itself into a literal
/// would let it end the literal.
pub fn prepare(work: &Work, values: &BTreeMap<String, String>, base: Base) -> Prepared {
    match work {
        Work::Shell { run, interpreter } => {
            let (run, env) = script(run, values, base);
            Prepared {
                work: Work::Shell {
                    run,
                    interpreter: interpreter.clone(),
                },
                env,
                warnings: Vec::new(),
            }
        }
        Work::Python { run, python } => {
            let (run, env) = script(run, values, base);
            Prepared {
                work: Work::Python {
                    run,
                    python: python.clone(),
                },
                env,
                warnings: Vec::new(),
            }
        }
        Work::Http {
            request,
            expect_status,
        } => {
            let (request, warnings) = http(request, values, base);
            Prepared {
                work: Work::Http {
                    request,
                    expect_status: expect_status.clone(),
                },
                env: BTreeMap::new(),
                warnings,
            }
        }
        Work::Noop => Prepared {
            work: Work::Noop,
            env: BTreeMap::new(),
            warnings: Vec::new(),
        },
    }
}

/// Replaces placeholders in another text, for example a value of a task's `env`; answers it with warnings.
pub fn prepare_text(text: &str, values: &BTreeMap<String, String>, base: Base) -> (String, Vec<String>) {
    let mut filler = Filler {
        values,
        base,
        unknown: BTreeSet::new(),
        too_large: false,
    };
    let text = filler.text(text);
    (text, filler.warnings())
}

fn script(run: &str, values: &BTreeMap<String, String>, base: Base) -> (String, BTreeMap<String, String>) {
    let mut env: BTreeMap<String, String> = values
        .iter()
        .filter(|(name, _)| names::is_identifier(name) && !names::is_forbidden(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut generated: BTreeMap<String, String> = BTreeMap::new();
    let filled = fill::<Infallible>(run, Style::Script, base, &mut |name| {
        let known = values.get(name).filter(|_| !names::is_identifier(name));
        Ok(known.map(|value| {
            let next = generated.len();
            let variable = generated
                .entry(name.to_owned())
                .or_insert_with(|| format!("{GENERATED}{next}"));
            env.insert(variable.clone(), value.clone());
            format!("${{{variable}}}")
        }))
    });
    let Ok(run) = filled;
    (run, env)
}

fn http(request: &Request, values: &BTreeMap<String, String>, base: Base) -> (Request, Vec<String>) {
    let mut filler = Filler {
        values,
        base,
        unknown: BTreeSet::new(),
        too_large: false,
    };
    let filled = Request {
        method: request.method.clone(),
        url: filler.text(&request.url),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), filler.text(value)))
            .collect(),
        body: request.body.as_ref().map(|body| filler.text(body)),
    };
    (filled, filler.warnings())
}

struct Filler<'a> {
    values: &'a BTreeMap<String, String>,
    base: Base,
    unknown: BTreeSet<String>,
    too_large: bool,
}

impl Filler<'_> {
    fn text(&mut self, text: &str) -> String {
        let mut left = MAX_FIELD;
        let Ok(filled) = fill::<Infallible>(text, Style::Text, self.base, &mut |name| {
            let Some(value) = self.values.get(name) else {
                self.unknown.insert(name.to_owned());
                return Ok(None);
            };
            match left.checked_sub(value.len()) {
                Some(rest) => left = rest,
                None => {
                    self.too_large = true;
                    return Ok(None);
                }
            }
            Ok(Some(value.clone()))
        });
        filled
    }

    fn warnings(self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .unknown
            .into_iter()
            .map(|name| format!("no parameter is called `{name}`: `${{{name}}}` stays as it is"))
            .collect();
        if self.too_large {
            warnings.push(format!(
                "a field would grow over {MAX_FIELD} bytes: some placeholders stay as they are"
            ));
        }
        warnings
    }
}
