use engine::spec::{Definition, ProjectDefaults};
use engine::timezone::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn definition() -> Definition {
    let document = json!({
        "version": 1,
        "name": "w",
        "params": {"day": "monday"},
        "tasks": {"a": {"type": "noop"}, "b": {"type": "noop", "needs": ["a"]}},
    });
    engine::spec::parse(&document).unwrap()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z{}$:é]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{0,6}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

/// A body whose members are those of a start, with any values.
fn any_start() -> impl Strategy<Value = Value> {
    let member = prop_oneof![
        Just("params"),
        Just("version"),
        Just("tasks"),
        Just("scope"),
        Just("failure_strategy"),
        Just("priority"),
        Just("worker_group"),
        Just("dry_run"),
        Just("scheduled_at"),
        Just("day"),
    ];
    let members = proptest::collection::btree_map(member, any_json(), 0..4);
    prop_oneof![
        any_json(),
        members.prop_map(|members| {
            let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
            members.collect::<Value>()
        }),
    ]
}

proptest! {
    #[test]
    fn starts_never_panic_and_are_refused_as_the_clients_mistake(body in any_start()) {
        let read = split_version(body).and_then(|(_, choices)| {
            engine::start::parse(&choices, &definition(), &ProjectDefaults::default(), Tz::UTC).map_err(|issues| invalid_start(&issues))
        });
        if let Err(problem) = read {
            prop_assert!(problem.code().status().is_client_error(), "{}", problem);
        }
    }
}
