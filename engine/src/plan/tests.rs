use super::*;
use crate::instance::tests_support::{forbidden, noop, start, task, workflow};
use crate::spec::ProjectDefaults;

fn diamond() -> Arc<Definition> {
    // a -> b, c -> d
    let tasks = vec![
        task("a", &[]),
        task("b", &[0]),
        task("c", &[0]),
        task("d", &[1, 2]),
    ];
    Arc::new(workflow(tasks))
}

fn chosen(names: &[&str], scope: Scope) -> Plan {
    let tasks = names.iter().map(|name| (*name).to_owned()).collect();
    let start = Start {
        tasks,
        scope,
        ..start()
    };
    Plan::new(diamond(), Arc::new(start))
}

fn excluded(plan: &Plan) -> u32 {
    count_excluded(&plan.definition, &plan.start)
}

fn range_of(plan: &Plan) -> String {
    let tasks = plan.definition.tasks.iter().zip(&plan.nodes);
    let inside = tasks.filter(|(_, node)| node.in_range);
    let words: Vec<String> = inside
        .map(|(task, node)| {
            let preds: Vec<&str> = node
                .preds
                .iter()
                .map(|need| plan.definition.tasks[need.task.as_usize()].name.as_str())
                .collect();
            format!("{}<{}", task.name, preds.join(","))
        })
        .collect();
    words.join(" ")
}

#[test]
fn without_chosen_tasks_everything_runs() {
    let plan = chosen(&[], Scope::All);
    assert_eq!(range_of(&plan), "a< b<a c<a d<b,c");
    assert_eq!(excluded(&plan), 0);
}

#[test]
fn only_runs_exactly_the_chosen_ones_without_edges_to_the_outside() {
    let plan = chosen(&["b"], Scope::Only);
    assert_eq!(range_of(&plan), "b<");
    assert_eq!(excluded(&plan), 3);
    assert!(plan.nodes[1].succs.is_empty());
}

#[test]
fn upstream_adds_everything_that_the_chosen_ones_need() {
    assert_eq!(range_of(&chosen(&["b"], Scope::Upstream)), "a< b<a");
    assert_eq!(range_of(&chosen(&["d"], Scope::Upstream)), "a< b<a c<a d<b,c");
}

#[test]
fn downstream_adds_everything_that_needs_the_chosen_ones() {
    assert_eq!(range_of(&chosen(&["b", "c"], Scope::Downstream)), "b< c< d<b,c");
    assert_eq!(range_of(&chosen(&["b"], Scope::Downstream)), "b< d<b");
}

#[test]
fn names_that_the_definition_lacks_choose_nothing() {
    let plan = chosen(&["b", "missing"], Scope::Only);
    assert_eq!(range_of(&plan), "b<");
    assert_eq!(excluded(&chosen(&["missing"], Scope::Only)), 4);
}

#[test]
fn forbidden_tasks_keep_their_edges_and_never_run() {
    let tasks = vec![task("a", &[]), forbidden(task("b", &[0])), task("c", &[1])];
    let plan = Plan::new(Arc::new(workflow(tasks)), Arc::new(start()));
    assert_eq!(range_of(&plan), "a< b<a c<b");
    assert_eq!((excluded(&plan), plan.included()), (0, 2));
    assert!(plan.task(TaskIndex(1)).is_none());
}

#[test]
fn the_order_puts_predecessors_first() {
    let tasks = vec![task("z", &[1, 2]), task("y", &[2]), task("x", &[])];
    let plan = Plan::new(Arc::new(workflow(tasks)), Arc::new(start()));
    assert_eq!(plan.order, [2, 1, 0].map(TaskIndex));
}

#[test]
fn a_task_without_a_group_uses_the_starts_then_the_workflows() {
    let mut tasks = vec![task("a", &[]), task("b", &[])];
    tasks[1].worker_group = Some("own".into());
    let definition = Arc::new(workflow(tasks));
    let chosen = Start {
        worker_group: Some("chosen".into()),
        ..start()
    };
    let groups = |start: Start| {
        let plan = Plan::new(definition.clone(), Arc::new(start));
        let tasks = &plan.definition.tasks;
        [0, 1].map(|o: usize| plan.worker_group_of(&tasks[o]).to_owned())
    };
    assert_eq!(groups(start()), ["default", "own"]);
    assert_eq!(groups(chosen), ["chosen", "own"]);
}

#[test]
fn a_projects_defaults_hold_for_tasks_on_workers_that_say_nothing() {
    let retry = |max| RetryPolicy {
        max,
        ..RetryPolicy::default()
    };
    let mut own = task("own", &[]);
    own.retry = Some(retry(0));
    own.timeout_ms = Some(5);
    let definition = Arc::new(workflow(vec![task("silent", &[]), own, noop("inline", &[])]));
    let defaults = ProjectDefaults {
        worker_group: Some("etl".into()),
        retry: Some(retry(3)),
        timeout_ms: Some(1000),
        ..ProjectDefaults::default()
    };
    let seen = |defaults| {
        let plan = Plan::new(definition.clone(), Arc::new(Start { defaults, ..start() }));
        let tasks = plan.definition.tasks.iter();
        let seen = tasks.map(|task| (plan.retry_of(task).max, plan.timeout_of(task)));
        (
            seen.collect::<Vec<_>>(),
            plan.worker_group_of(&plan.definition.tasks[0]).to_owned(),
        )
    };
    assert_eq!(
        seen(defaults),
        (vec![(3, Some(1000)), (0, Some(5)), (0, None)], "etl".to_owned())
    );
    let none = seen(ProjectDefaults::default());
    assert_eq!(
        none,
        (vec![(0, None), (0, Some(5)), (0, None)], "default".to_owned())
    );
}
