//! Which tasks the deciding tasks chose, read off their documents and what they said; shares no line with the engine.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Became, FinalInstance};

/// What a task of type `conditions` or `switch` may choose, and what it said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Decision {
    /// The fields of its document.
    fields: Value,
    /// The output `result` or `branch`.
    said: Option<String>,
}

/// What an edge from another task means for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The table of edges says it.
    Plain,
    /// The task before it has not chosen yet.
    Undecided,
    /// It was chosen.
    Chosen,
    /// It was not, and follows nothing that was.
    TurnedDown,
    /// The edge decides nothing.
    Void,
}

impl Decision {
    /// Reads a task; none when it chooses nothing.
    pub(super) fn read(document: &Value, outputs: &Value) -> Option<Self> {
        let said = match document["type"].as_str()? {
            "conditions" => &outputs["result"],
            "switch" => &outputs["branch"],
            _ => return None,
        };
        Some(Self {
            fields: document.clone(),
            said: said.as_str().map(str::to_owned),
        })
    }

    /// Whether it asks what became of the tasks before it, whatever became of them.
    pub(super) fn is_conditions(&self) -> bool {
        self.fields["type"] == "conditions"
    }

    /// The names of every branch.
    fn named(&self) -> BTreeSet<String> {
        let cases = self.fields["cases"].as_array().into_iter().flatten();
        let lists = ["then", "else", "default"].map(|list| names_in(&self.fields[list]));
        let lists = lists.into_iter().chain(cases.map(|case| names_in(&case["then"])));
        lists.flatten().collect()
    }

    /// The names of the branch that it says it chose.
    fn chosen(&self) -> BTreeSet<String> {
        let said = self.said.as_deref().unwrap_or_default();
        match (self.is_conditions(), said) {
            (true, "true") => names_in(&self.fields["then"]),
            (true, _) => names_in(&self.fields["else"]),
            (false, _) => said.split(',').map(str::to_owned).collect(),
        }
    }

    /// Compares what a task of type `conditions` says with what became of the tasks that it asks about.
    pub(super) fn contradiction(&self, instance: &FinalInstance, became: &[Became]) -> Option<String> {
        let said = self.said.as_deref().filter(|_| self.is_conditions())?;
        let holds = holds(&self.fields, instance, became).to_string();
        (said != holds).then(|| format!("it says {said}, and what it asks is {holds}"))
    }
}

/// What the edge from `need` means for the task at `index`.
pub(super) fn turn(instance: &FinalInstance, need: usize, index: usize, became: &[Became]) -> Turn {
    let before = &instance.tasks[need];
    let Some(decision) = &before.decision else {
        return Turn::Plain;
    };
    if !decision.named().contains(&instance.tasks[index].name) {
        return Turn::Plain;
    }
    match became[need] {
        None => Turn::Undecided,
        Some("skipped") => Turn::Void,
        Some("succeeded") if before.forced || !before.enabled => Turn::Chosen,
        Some("succeeded") => {
            let chosen = decision.chosen();
            match () {
                () if chosen.contains(&instance.tasks[index].name) => Turn::Chosen,
                () if follows(instance, index, &chosen) => Turn::Void,
                () => Turn::TurnedDown,
            }
        }
        Some(_) => Turn::Plain,
    }
}

/// Whether a task follows one of these over any number of edges.
fn follows(instance: &FinalInstance, index: usize, names: &BTreeSet<String>) -> bool {
    let mut needs = instance.tasks[index].needs.iter();
    needs.any(|(need, _)| names.contains(&instance.tasks[*need].name) || follows(instance, *need, names))
}

fn holds(question: &Value, instance: &FinalInstance, became: &[Became]) -> bool {
    let members = |list: &Value| -> Vec<bool> {
        let list = list.as_array().into_iter().flatten();
        list.map(|one| holds(one, instance, became)).collect()
    };
    if question["all"].is_array() {
        return members(&question["all"]).iter().all(|holds| *holds);
    }
    if question["any"].is_array() {
        return members(&question["any"]).iter().any(|holds| *holds);
    }
    let place = instance
        .tasks
        .iter()
        .position(|task| question["task"] == task.name.as_str());
    let result = place.and_then(|place| became[place]);
    result.is_some() && question["is"].as_str() == result
}

/// One name, or a list of names.
fn names_in(value: &Value) -> BTreeSet<String> {
    let list = value.as_array().into_iter().flatten();
    let names = list.chain(std::iter::once(value)).filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use engine::plan::trigger_rule::TriggerRule;
    use serde_json::json;

    use super::super::{RecordedTask, wrong_with};
    use super::*;

    fn task(name: &str, needs: &[usize], state: &str) -> RecordedTask {
        let ran = ["succeeded", "failed"].contains(&state);
        RecordedTask {
            name: name.to_owned(),
            needs: needs.iter().map(|need| (*need, TriggerRule::OnSuccess)).collect(),
            enabled: true,
            attempts: if ran { vec![state.to_owned()] } else { Vec::new() },
            state: state.to_owned(),
            ..RecordedTask::default()
        }
    }

    /// `a`, then `check` about it, which chooses `good` or `bad`, and `end`, which needs both.
    fn branched(a: &str, said: &str, good: &str, bad: &str) -> FinalInstance {
        let question = json!({ "type": "conditions", "then": ["good"], "else": ["bad"],
            "any": [{ "all": [{ "task": "a", "is": "succeeded" }] }] });
        let mut check = task("check", &[0], "succeeded");
        check.decision = Decision::read(&question, &json!({ "result": said }));
        FinalInstance {
            id: "1".to_owned(),
            state: "succeeded".to_owned(),
            tasks: vec![
                task("a", &[], a),
                check,
                task("good", &[1], good),
                task("bad", &[1], bad),
                task("end", &[2, 3], "succeeded"),
            ],
            ..FinalInstance::default()
        }
    }

    #[test]
    fn a_branch_that_does_not_follow_is_found() {
        let fits = |instance: &FinalInstance| wrong_with(instance).is_empty();
        assert!(fits(&branched("succeeded", "true", "succeeded", "skipped")));
        assert!(fits(&branched("failed", "false", "skipped", "succeeded")));
        for (what, broken) in [
            (
                "it said the other",
                branched("succeeded", "false", "skipped", "succeeded"),
            ),
            (
                "the other ran",
                branched("succeeded", "true", "skipped", "succeeded"),
            ),
            (
                "both ran",
                branched("succeeded", "true", "succeeded", "succeeded"),
            ),
            ("none ran", branched("failed", "false", "skipped", "skipped")),
            (
                "it was no handler",
                branched("failed", "true", "succeeded", "skipped"),
            ),
        ] {
            assert!(!fits(&broken), "{what}: {broken:?}");
        }
    }

    #[test]
    fn what_follows_a_chosen_task_is_not_turned_down() {
        let mut route = task("route", &[], "succeeded");
        let document = json!({ "type": "switch", "cases": [{ "when": "true", "then": "publish" }], "default": ["alert"] });
        route.decision = Decision::read(&document, &json!({ "branch": "publish" }));
        let chosen = |needs: &[usize], state: &str| FinalInstance {
            state: "succeeded".to_owned(),
            tasks: vec![
                route.clone(),
                task("publish", &[0], "succeeded"),
                task("alert", needs, state),
            ],
            ..FinalInstance::default()
        };
        assert!(wrong_with(&chosen(&[0], "skipped")).is_empty());
        assert!(wrong_with(&chosen(&[0, 1], "succeeded")).is_empty());
        assert!(!wrong_with(&chosen(&[0, 1], "skipped")).is_empty());
    }
}
