//! Nothing of a message is lost on its way.

use engine::params::{SecretSlot, SlotTarget, ValueEscaping};
use engine::spec::{OnCutOff, ParamType};
use engine::task_type::PreparedAction;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample;
use serde_json::Value;

use super::*;

fn action() -> impl Strategy<Value = PreparedAction> {
    let value = prop_oneof![
        any::<String>().prop_map(Value::from),
        vec(any::<u16>(), 0..4).prop_map(Value::from),
        btree_map(any::<String>(), any::<String>(), 0..4).prop_map(|map| map
            .into_iter()
            .map(|(key, text)| (key, Value::from(text)))
            .collect()),
    ];
    let fields = btree_map(any::<String>(), value, 0..4);
    (any::<String>(), fields).prop_map(|(task_type, fields)| PreparedAction {
        task_type,
        fields: fields.into_iter().collect(),
    })
}

fn uid() -> impl Strategy<Value = DispatchId> {
    // Numbers of a database's sequences; none is negative.
    let numbers = (0..i64::MAX, 0..i64::MAX, any::<u32>(), any::<u32>(), any::<u32>());
    numbers.prop_map(
        |(generation, instance, task_index, attempt, dispatch_number)| DispatchId {
            generation: Generation(generation),
            instance: engine::ids::InstanceId(instance),
            task_index: engine::ids::TaskIndex(task_index),
            attempt: AttemptNumber(attempt),
            dispatch_number,
        },
    )
}

fn owner() -> impl Strategy<Value = Owner> {
    any::<(i64, String, i64, i64)>().prop_map(|(incarnation, host, generation, epoch)| Owner {
        incarnation: Incarnation(incarnation),
        host,
        generation: Generation(generation),
        epoch: Epoch(epoch),
    })
}

fn on_cut_off() -> impl Strategy<Value = OnCutOff> {
    prop_oneof![
        Just(OnCutOff::Continue),
        Just(OnCutOff::Exclusive),
        any::<i64>().prop_map(|ms| OnCutOff::StopAfter { ms }),
    ]
}

prop_compose! {
    fn secrets()(
        slots in vec((any::<String>(), any::<usize>(), any::<String>()), 0..3),
        values in vec(any::<(String, String)>(), 0..3),
    ) -> (Vec<SecretSlot>, SecretValues) {
        let slot = |(name, at, secret)| SecretSlot { target: SlotTarget::Env(name), at, secret, escaping: ValueEscaping::Json };
        let values = values.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        (slots.into_iter().map(slot).collect(), values.collect())
    }
}

prop_compose! {
    fn dispatch()(
        uid in uid(),
        worker in any::<i64>(),
        owner in owner(),
        (project, workflow, task) in any::<(String, String, String)>(),
        action in action(),
        env in btree_map(any::<String>(), any::<String>(), 0..4),
        (secret_slots, secrets) in secrets(),
        outputs in btree_map(any::<String>(), sample::select(vec![ParamType::String, ParamType::Integer, ParamType::Json]), 0..4),
        timeout_ms in option::of(any::<i64>()),
        on_cut_off in on_cut_off(),
    ) -> Dispatch {
        let attempt = uid.attempt;
        let worker = Incarnation(worker);
        Dispatch { uid, worker, owner, project, workflow, task, attempt, action, env, secret_slots, secrets, outputs, timeout_ms, on_cut_off, connection: None }
    }
}

proptest! {
    #[test]
    fn a_dispatch_comes_back_as_it_was_sent(sent in dispatch()) {
        let text = serde_json::to_string(&sent).unwrap();
        let come: Dispatch = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(come, sent);
    }
}
