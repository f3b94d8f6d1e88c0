//! Nothing of a message is lost on its way.

use engine::spec::OnCutOff;
use engine::task_type::http::HttpRequest;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;

fn work() -> impl Strategy<Value = Work> {
    let request = (
        any::<String>(),
        any::<String>(),
        vec(any::<(String, String)>(), 0..4),
        any::<Option<String>>(),
    );
    let request = request.prop_map(|(method, url, headers, body)| HttpRequest {
        method,
        url,
        headers,
        body,
    });
    prop_oneof![
        any::<(String, String)>().prop_map(|(run, interpreter)| Work::Shell { run, interpreter }),
        any::<(String, String)>().prop_map(|(run, python)| Work::Python { run, python }),
        (request, vec(any::<u16>(), 0..4)).prop_map(|(request, expect_status)| Work::Http {
            request,
            expect_status
        }),
        Just(Work::Noop),
    ]
}

fn uid() -> impl Strategy<Value = DispatchId> {
    // Numbers of a database's sequences; none is negative.
    let numbers = (0..i64::MAX, 0..i64::MAX, any::<u32>(), any::<u32>(), any::<u32>());
    numbers.prop_map(
        |(generation, instance, task_index, attempt, binding)| DispatchId {
            generation: Generation(generation),
            instance: InstanceId(instance),
            task_index: engine::ids::TaskIndex(task_index),
            attempt: AttemptNumber(attempt),
            binding,
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
    fn dispatch()(
        uid in uid(),
        worker in any::<i64>(),
        owner in owner(),
        (project, workflow, task) in any::<(String, String, String)>(),
        work in work(),
        env in btree_map(any::<String>(), any::<String>(), 0..4),
        timeout_ms in option::of(any::<i64>()),
        on_cut_off in on_cut_off(),
    ) -> Dispatch {
        let attempt = uid.attempt;
        let worker = Incarnation(worker);
        Dispatch { uid, worker, owner, project, workflow, task, attempt, work, env, timeout_ms, on_cut_off }
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
