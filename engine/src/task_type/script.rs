//! The preparation of scripts.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde_json::{Map, Value};

use super::definition::Preparation;
use crate::params::interpolate::{Style, interpolate};
use crate::params::time::TimeBase;
use crate::spec::names;

/// The key of a script in every type that has one.
pub(crate) const SCRIPT_KEY: &str = "run";

/// Prefix of the variables that stand for parameters whose own name no shell can carry.
const GENERATED_PREFIX: &str = "PORPOISE_P_";

/// Prepares the script of a type.
///
/// A script gets every parameter as a variable and never as pasted text, so that no value can become code:
/// `${name}` is the shell's own, and a name that is no identifier gets a generated variable. Time expressions are
/// replaced, since their values are made of nothing but the script's own text.
///
/// `${…}` means nothing to Python: there such a placeholder becomes `${PORPOISE_P_0}` in the script's text, which
/// `os.path.expandvars` and `string.Template` read from the environment. Writing the value itself into a literal
/// would let it end the literal.
pub(super) fn prepare_script(
    fields: &mut Map<String, Value>,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> Preparation {
    let mut env: BTreeMap<String, String> = values
        .iter()
        .filter(|(name, _)| names::is_identifier(name) && !names::is_forbidden(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut generated: BTreeMap<String, String> = BTreeMap::new();
    if let Some(Value::String(script)) = fields.get_mut(SCRIPT_KEY) {
        let Ok(interpolated) = interpolate::<Infallible>(script, Style::Script, base, &mut |reference| {
            let name = reference.name;
            let known = values.get(name).filter(|_| !names::is_identifier(name));
            Ok(known.map(|value| {
                let next = generated.len();
                let variable = generated
                    .entry(name.to_owned())
                    .or_insert_with(|| format!("{GENERATED_PREFIX}{next}"));
                env.insert(variable.clone(), value.clone());
                format!("${{{variable}}}")
            }))
        });
        *script = interpolated;
    }
    Preparation {
        env,
        ..Preparation::default()
    }
}
