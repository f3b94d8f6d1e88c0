use std::collections::BTreeMap;

use super::fixture::*;
use crate::ids::TaskIndex;
use crate::instance::{Event, ParamLayer, seen_params};
use crate::plan::InstanceContext;
use crate::spec::model::{Direction, Output, Param};
use crate::spec::values::ParamType;
use crate::start::Start;

fn input(name: &str, value: &str) -> Param {
    Param {
        name: name.into(),
        kind: ParamType::Untyped,
        direction: Direction::In,
        value: Some(value.into()),
    }
}

/// A workflow of `a`, which gives `rows`, and `b` after it; each scope gives a name of its own, and `all`.
fn world() -> World {
    let mut a = task("a", &[]);
    a.outputs = vec![Output {
        name: "rows".into(),
        kind: ParamType::Untyped,
        default: Some("7".into()),
    }];
    let mut b = task("b", &[0]);
    b.params = vec![input("own", "${rows} of ${day}"), input("all", "task")];
    let mut definition = workflow(vec![a, b]);
    definition.params = vec![
        input("day", "monday"),
        input("rows", "0"),
        input("all", "workflow"),
    ];
    let texts = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let start = Start {
        params: texts("day", "tuesday"),
        ..start()
    };
    let mut world = World::new(definition, start);
    world.plan = world.plan.with_context(InstanceContext {
        project: "p".into(),
        workflow: "w".into(),
        project_params: texts("zone", "eu"),
        ..InstanceContext::default()
    });
    world.send(Event::Loaded);
    world
}

#[test]
fn each_parameter_names_the_scope_that_gave_it() {
    let mut world = world();
    let seen = |world: &World, name: &str| {
        let seen = seen_params(&world.plan, &world.state, TaskIndex(1));
        let param = seen.get(name).unwrap_or_else(|| panic!("no {name}"));
        (param.value.clone(), param.layer)
    };
    let is = |value: &str, layer| (value.to_owned(), layer);
    assert_eq!(
        seen(&world, "rows"),
        is("0", ParamLayer::Workflow),
        "what is known"
    );
    world.succeed(0);
    world.run(1);
    for (name, value, layer) in [
        ("rows", "7", ParamLayer::Upstream(TaskIndex(0))),
        ("own", "7 of tuesday", ParamLayer::Task),
        ("all", "task", ParamLayer::Task),
        ("day", "tuesday", ParamLayer::Start),
        ("zone", "eu", ParamLayer::Project),
        ("system.project.name", "p", ParamLayer::BuiltIn),
        (
            "system.task.instance.id",
            &world.uid(1).to_string(),
            ParamLayer::BuiltIn,
        ),
    ] {
        assert_eq!(seen(&world, name), is(value, layer), "{name}");
    }
}

#[test]
fn parameters_without_values_are_shown_as_they_were_written() {
    let mut b = task("b", &[]);
    b.params = vec![input("x", "${y}"), input("y", "${x}")];
    let world = World::of(vec![b]);
    let seen = seen_params(&world.plan, &world.state, TaskIndex(0));
    assert_eq!(seen["x"].value, "${y}");
}
