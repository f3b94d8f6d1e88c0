//! Combinations, the next step of a fan-out against a naive reading of it, and collected outputs.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ids::{AttemptNumber, InstanceId};
use crate::states::InstanceState;
use crate::task_type::PreparedAction;
use crate::task_type::dynamic::ChildFailurePolicy;

fn dynamic(fields: Value) -> Result<FanOut, String> {
    let mut all = json!({
        "workflow": "part", "separator": ",", "max": 1024, "parallelism": 1, "on_failure": "continue", "tolerate": 0,
    });
    let (Value::Object(all), Value::Object(own)) = (&mut all, fields) else {
        panic!("fields are maps");
    };
    all.extend(own);
    let action = PreparedAction {
        task_type: "dynamic".to_owned(),
        fields: all.clone(),
    };
    open_fan_out(&action, AttemptNumber(1))
}

fn values_of(over: Value, more: &[(&str, Value)]) -> Vec<String> {
    let mut fields = json!({ "over": { "k": over } });
    for (key, value) in more {
        fields[*key] = value.clone();
    }
    let fan_out = dynamic(fields).expect("few combinations");
    (0..fan_out.count())
        .map(|index| fan_out.param_texts_at(index).expect("a combination")["k"].clone())
        .collect()
}

#[test]
fn a_list_a_json_array_and_a_text_give_their_values() {
    assert_eq!(values_of(json!(["x", 3, true]), &[]), ["x", "3", "true"]);
    assert_eq!(values_of(json!("[\"a,b\", \" c\"]"), &[]), ["a,b", " c"]);
    assert_eq!(
        values_of(json!("a,b; c"), &[("separator", json!(";"))]),
        ["a,b", "c"]
    );
    assert_eq!(
        values_of(json!("a, none,,b"), &[("filter", json!(["none", ""]))]),
        ["a", "b"]
    );
    assert_eq!(values_of(json!("[a, b"), &[]), ["[a", "b"]);
    assert_eq!(values_of(json!(" "), &[]), [""; 0]);
    assert_eq!(values_of(json!([]), &[]), [""; 0]);
}

#[test]
fn the_last_name_changes_fastest_and_own_params_are_added() {
    let fan_out = dynamic(json!({ "over": { "a": ["1", "2"], "b": "x, y" }, "params": { "mode": "full" } }));
    let fan_out = fan_out.expect("few combinations");
    let seen: Vec<String> = (0..fan_out.count())
        .map(|index| Value::from(fan_out.params_at(index)).to_string())
        .collect();
    let row = |a: &str, b: &str| format!(r#"{{"mode":"full","a":"{a}","b":"{b}"}}"#);
    assert_eq!(seen, [row("1", "x"), row("1", "y"), row("2", "x"), row("2", "y")]);
    assert_eq!(fan_out.params_at(4), None);
}

#[test]
fn too_many_combinations_are_an_error_with_both_numbers() {
    let refused = dynamic(json!({ "over": { "a": [1, 2, 3], "b": [1, 2] }, "max": 5 }));
    let error = refused.expect_err("six are too many");
    assert!(error.contains('6') && error.contains('5'), "{error}");
}

#[test]
fn a_sub_workflow_has_one_child_with_exactly_its_params() {
    let action = PreparedAction {
        task_type: "sub_workflow".to_owned(),
        fields: json!({ "workflow": "part", "version": 3, "params": { "n": 1 } })
            .as_object()
            .expect("a map")
            .clone(),
    };
    let fan_out = open_fan_out(&action, AttemptNumber(2)).expect("one combination");
    assert_eq!((fan_out.count(), fan_out.target.version), (1, Some(3)));
    let params = fan_out.param_texts_at(0).expect("a combination");
    assert_eq!(params, BTreeMap::from([("n".to_owned(), "1".to_owned())]));
    let stored = serde_json::to_value(&fan_out).expect("JSON");
    assert_eq!(
        serde_json::from_value::<FanOut>(stored).expect("the same"),
        fan_out
    );
}

fn child(index: u32, state: InstanceState) -> ChildSummary {
    ChildSummary {
        index,
        id: InstanceId(i64::from(index) + 100),
        state,
        reason: None,
        has_attention: false,
        is_discarded: false,
    }
}

fn of_policy(count: u32, parallelism: u32, (on_failure, tolerate): (ChildFailurePolicy, u32)) -> FanOut {
    let values: Vec<u32> = (0..count).collect();
    let fan_out = dynamic(json!({ "over": { "k": values } })).expect("few combinations");
    FanOut {
        parallelism,
        on_failure,
        tolerate,
        ..fan_out
    }
}

/// The contract's sentences, one after the other.
fn naive_step(fan_out: &FanOut, children: &[ChildSummary]) -> FanOutStep {
    let failed = children
        .iter()
        .filter(|child| matches!(child.state, InstanceState::Failed | InstanceState::Stopped))
        .count();
    let open = children.iter().filter(|child| !child.state.is_final()).count();
    let too_many = failed as u32 > fan_out.tolerate;
    let stops = too_many && fan_out.on_failure == ChildFailurePolicy::Stop;
    let mut starts = Vec::new();
    for index in 0..fan_out.count() {
        let exists = children.iter().any(|child| child.index == index);
        if !exists && !stops && open + starts.len() < fan_out.parallelism as usize {
            starts.push(index);
        }
    }
    let is_complete = children.len() as u32 == fan_out.count();
    match (starts.is_empty(), open > 0) {
        (false, _) => FanOutStep::Start(starts),
        (true, true) => FanOutStep::Wait,
        (true, false) if too_many => FanOutStep::Failed(String::new()),
        (true, false) => {
            assert!(is_complete, "nothing is left out of a success");
            FanOutStep::Succeeded
        }
    }
}

fn any_state() -> impl Strategy<Value = Option<InstanceState>> {
    proptest::option::weighted(0.8, proptest::sample::select(InstanceState::ALL))
}

proptest! {
    #[test]
    fn the_next_step_is_that_of_a_naive_reading(
        states in proptest::collection::vec(any_state(), 0..8),
        parallelism in 1_u32..5,
        stops in any::<bool>(),
        tolerate in 0_u32..4,
    ) {
        let policy = if stops { ChildFailurePolicy::Stop } else { ChildFailurePolicy::Continue };
        let count = u32::try_from(states.len()).expect("a few");
        let fan_out = of_policy(count, parallelism, (policy, tolerate));
        let children: Vec<ChildSummary> = (0..)
            .zip(&states)
            .filter_map(|(index, state)| Some(child(index, (*state)?)))
            .collect();
        let step = match plan_fan_out(&fan_out, &children) {
            FanOutStep::Failed(_) => FanOutStep::Failed(String::new()),
            other => other,
        };
        prop_assert_eq!(step, naive_step(&fan_out, &children));
    }
}

#[test]
fn what_holds_a_task_up_is_named() {
    let fan_out = of_policy(3, 3, (ChildFailurePolicy::Continue, 0));
    let mut children = vec![
        child(0, InstanceState::Running),
        child(1, InstanceState::Succeeded),
        child(2, InstanceState::Paused),
    ];
    assert_eq!(
        fan_out.describe_hindrance(&children).as_deref(),
        Some("instance 102 is paused")
    );
    assert_eq!(
        fan_out.describe_unpaused(&children).as_deref(),
        Some("instance 100")
    );
    assert_eq!(
        fan_out.describe_open(&children).as_deref(),
        Some("instances 100, 102")
    );
    children[0].has_attention = true;
    children[2].state = InstanceState::Queued;
    children[2].reason = Some("no place is free".to_owned());
    assert_eq!(
        fan_out.describe_hindrance(&children).as_deref(),
        Some("instance 100 needs a person; instance 102 is queued: no place is free")
    );
    assert_eq!(
        fan_out.describe_hindrance(&[child(1, InstanceState::Running)]),
        None
    );
}

fn result(state: InstanceState, outputs: &[(&str, &str)]) -> ChildResult {
    let outputs = outputs.iter();
    ChildResult {
        id: InstanceId(7),
        state,
        params: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        outputs: outputs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

#[test]
fn outputs_are_arrays_in_the_order_of_the_combinations() {
    let fan_out = of_policy(3, 1, (ChildFailurePolicy::Continue, 3));
    let results = BTreeMap::from([
        (2, result(InstanceState::Succeeded, &[("row", "c")])),
        (0, result(InstanceState::Failed, &[])),
    ]);
    let outputs = collect_outputs(["row", "results"].into_iter(), &fan_out, &results).expect("short ones");
    assert_eq!(outputs["row"], r#"[null,null,"c"]"#);
    let members: Value = serde_json::from_str(&outputs["results"]).expect("JSON");
    assert_eq!(
        members[2],
        json!({ "index": 2, "params": { "k": "v" }, "state": "succeeded", "instance": "7", "outputs": { "row": "c" } })
    );
    assert_eq!(
        members[1],
        json!({ "index": 1, "params": { "k": "1" }, "state": "pending", "instance": null, "outputs": {} })
    );
}

#[test]
fn an_output_that_is_too_long_is_an_error_with_its_name_and_size() {
    let fan_out = of_policy(1, 1, (ChildFailurePolicy::Continue, 0));
    let long = "x".repeat(70_000);
    let results = BTreeMap::from([(0, result(InstanceState::Succeeded, &[("row", &long)]))]);
    let error = collect_outputs(["row"].into_iter(), &fan_out, &results).expect_err("too long");
    assert!(error.contains("`row`") && error.contains("70004"), "{error}");
}
