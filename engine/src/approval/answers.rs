//! The answers that a decision gives.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{ApprovalInput, ApprovalTask};
use crate::spec::Diagnostic;
use crate::spec::ParamType;
use crate::spec::validator::{Path, Validator};
use crate::spec::values::{check_value, value_text};

/// What a decision has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRule {
    /// Every required input: it approves.
    Required,
    /// Nothing: it rejects.
    Optional,
}

impl ApprovalTask {
    /// Checks the `inputs` of a decision; returns the outputs that they make, defaults included.
    ///
    /// # Errors
    /// Inputs that are unknown, missing, or of another type, with pointers that begin with `/inputs`.
    pub fn check_answers(
        &self,
        inputs: Option<&Value>,
        rule: AnswerRule,
    ) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
        let mut validator = Validator::default();
        let root = Path::ROOT;
        let at = root.key("inputs");
        let nothing = serde_json::Map::new();
        let known: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
        let given = match inputs.filter(|value| !value.is_null()) {
            Some(value) => validator.object(value, &at, &known),
            None => Some(&nothing),
        };
        let answers = given.map(|given| self.read_answers(given, rule, &mut validator));
        validator.finish(answers)
    }

    fn read_answers(
        &self,
        given: &serde_json::Map<String, Value>,
        rule: AnswerRule,
        validator: &mut Validator,
    ) -> BTreeMap<String, String> {
        let root = Path::ROOT;
        let at = root.key("inputs");
        let mut answers = BTreeMap::new();
        for input in &self.inputs {
            let value = given.get(&input.name).filter(|value| !value.is_null());
            let answer = answer_of(validator, input, value, &at);
            let is_missing = answer.is_none() && value.is_none() && input.required;
            if is_missing && rule == AnswerRule::Required {
                validator.missing(&at, &input.name, "an approval has to give it");
            }
            answers.extend(answer.map(|answer| (input.name.clone(), answer)));
        }
        answers
    }

    /// Returns the outputs of an approval by time.
    pub(crate) fn default_answers(&self) -> BTreeMap<String, String> {
        let inputs = self.inputs.iter();
        inputs
            .filter_map(|input| Some((input.name.clone(), input.default.clone()?)))
            .collect()
    }
}

fn answer_of(
    validator: &mut Validator,
    input: &ApprovalInput,
    value: Option<&Value>,
    at: &Path<'_>,
) -> Option<String> {
    let Some(value) = value else {
        // A required input has to be given, whatever its default.
        return input.default.clone().filter(|_| !input.required);
    };
    let text = value_text(value);
    let is_structure = value.is_array() || value.is_object();
    let checked = match input.kind {
        ParamType::Json => check_value(ParamType::Json, &text),
        _ if is_structure => {
            let wanted = "a single value is needed here, not a list or a map";
            Err(("BAD_TYPE", wanted.to_owned()))
        }
        kind => check_value(kind, &text),
    };
    match checked {
        Ok(()) => Some(text),
        Err((code, message)) => {
            validator.invalid(&at.key(&input.name), code, message);
            None
        }
    }
}
