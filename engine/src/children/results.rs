//! The outputs that a `dynamic` task collects from its children.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::fan_out::FanOut;
use crate::ids::InstanceId;
use crate::spec::limits::MAX_VALUE_BYTES;
use crate::states::InstanceState;

/// The name of the output that describes every child.
const RESULTS: &str = "results";

/// The state of a combination without a child.
const PENDING: &str = "pending";

/// What became of one child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildResult {
    /// The instance.
    pub id: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// The parameters that it was given.
    pub params: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

/// One member of `results`.
#[derive(Serialize)]
struct ResultMember<'a> {
    index: u32,
    params: BTreeMap<String, String>,
    state: &'a str,
    instance: Option<String>,
    outputs: BTreeMap<String, String>,
}

/// Collects the declared outputs of a task from its children, by index: each a JSON array in the order of the
/// combinations.
///
/// # Errors
/// One is longer than a value may be; the text names it with its size.
pub fn collect_outputs<'a>(
    names: impl Iterator<Item = &'a str>,
    fan_out: &FanOut,
    results: &BTreeMap<u32, ChildResult>,
) -> Result<BTreeMap<String, String>, String> {
    let mut outputs = BTreeMap::new();
    for name in names {
        let text = if name == RESULTS {
            describe_children(fan_out, results)
        } else {
            let values = (0..fan_out.count()).map(|index| results.get(&index)?.outputs.get(name));
            Value::from(values.map(|value| value.cloned()).collect::<Vec<_>>()).to_string()
        };
        if text.len() > MAX_VALUE_BYTES {
            return Err(format!(
                "the output `{name}` has {} bytes, at most {MAX_VALUE_BYTES} are allowed; read the outputs of the \
                 children one by one",
                text.len()
            ));
        }
        outputs.insert(name.to_owned(), text);
    }
    Ok(outputs)
}

fn describe_children(fan_out: &FanOut, results: &BTreeMap<u32, ChildResult>) -> String {
    let members = (0..fan_out.count()).map(|index| {
        let result = results.get(&index);
        let params = match result {
            Some(result) => Some(result.params.clone()),
            None => fan_out.param_texts_at(index),
        };
        serde_json::json!(ResultMember {
            index,
            params: params.unwrap_or_default(),
            state: result.map_or(PENDING, |result| result.state.as_str()),
            instance: result.map(|result| result.id.to_string()),
            outputs: result.map(|result| result.outputs.clone()).unwrap_or_default(),
        })
    });
    Value::from(members.collect::<Vec<_>>()).to_string()
}
