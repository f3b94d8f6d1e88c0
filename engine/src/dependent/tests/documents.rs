//! What documents may say of dependent tasks, and what is refused where.

use serde_json::{Value, json};

use crate::dependent::*;
use crate::spec::validator::{Path, Validator};

fn read(fields: &Value) -> Result<DependencyTask, Vec<(String, String)>> {
    let mut validator = Validator::default();
    let task = DependencyTask::parse(&mut validator, fields.as_object().expect("a map"), &Path::ROOT);
    validator.finish(task).map_err(|issues| {
        let found = issues.into_iter();
        found.map(|issue| (issue.pointer, issue.message)).collect()
    })
}

fn day() -> Value {
    json!({"workflow": "orders", "cycle": "day", "date": "today"})
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({"all": [day()]}), |inner, _| json!({"any": [inner]}))
}

#[test]
fn every_date_stands_with_its_own_cycle_only() {
    for cycle in DependencyCycle::ALL
        .iter()
        .filter(|cycle| **cycle != DependencyCycle::None)
    {
        for date in DependencyDate::ALL {
            let item = json!({"workflow": "w", "cycle": cycle.as_str(), "date": date.as_str()});
            let read = read(&json!({ "all": [item] }));
            assert_eq!(read.is_ok(), date.cycle() == *cycle, "{cycle} {date}");
            if let Err(errors) = read {
                let (pointer, message) = &errors[0];
                assert_eq!(pointer, "/all/0/date");
                let first = DependencyDate::of_cycle(*cycle).next().expect("a date");
                assert!(message.contains(first.as_str()), "{message}");
            }
        }
    }
}

#[test]
fn borders_are_inside() {
    let many = |count: usize| json!({"all": vec![day(); count]});
    assert_eq!(read(&many(100)).expect("a hundred items").items().len(), 100);
    assert!(read(&many(101)).is_err());
    let two_groups = |each: usize| json!({"any": [{"all": vec![day(); each]}, {"all": vec![day(); each]}]});
    assert!(read(&two_groups(50)).is_ok());
    assert!(read(&two_groups(51)).is_err());
    assert!(read(&nested(4)).is_ok());
    assert!(read(&nested(5)).is_err());
    let every = |interval: &str| json!({"all": [day()], "check_interval": interval});
    for (interval, is_legal) in [("1s", true), ("1h", true), ("999ms", false), ("1h1ms", false)] {
        assert_eq!(read(&every(interval)).is_ok(), is_legal, "{interval}");
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    let cases = [
        (json!({}), "/all"),
        (json!({"all": []}), "/all"),
        (json!({"all": [day()], "any": [day()]}), "/any"),
        (json!({"all": [{"all": [day()], "any": [day()]}]}), "/all/0/any"),
        (
            json!({"all": [{"all": [day()], "workflow": "w"}]}),
            "/all/0/workflow",
        ),
        (
            json!({"all": [{"cycle": "day", "date": "today"}]}),
            "/all/0/workflow",
        ),
        (
            json!({"all": [{"workflow": "w", "date": "today"}]}),
            "/all/0/cycle",
        ),
        (
            json!({"all": [{"workflow": "w", "cycle": "year", "date": "today"}]}),
            "/all/0/cycle",
        ),
        (json!({"all": [{"workflow": "w", "cycle": "day"}]}), "/all/0/date"),
        (
            json!({"all": [{"workflow": "w", "cycle": "none"}]}),
            "/all/0/within",
        ),
        (
            json!({"all": [{"workflow": "w", "cycle": "none", "within": "1h", "date": "today"}]}),
            "/all/0/date",
        ),
        (
            json!({"all": [{"workflow": "w", "task": "t", "tasks": "all", "cycle": "day", "date": "today"}]}),
            "/all/0/tasks",
        ),
        (
            json!({"all": [{"workflow": "w", "tasks": "some", "cycle": "day", "date": "today"}]}),
            "/all/0/tasks",
        ),
        (json!({"all": [day()], "on_failure": "wait"}), "/failure_wait"),
        (json!({"all": [day()], "failure_wait": "1m"}), "/failure_wait"),
    ];
    for (fields, pointer) in cases {
        let errors = read(&fields).expect_err("an error");
        assert_eq!(errors[0].0, pointer, "{fields}: {errors:?}");
        assert_eq!(errors.len(), 1, "{fields}: {errors:?}");
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let task = read(&json!({"any": [{"workflow": "w", "cycle": "none", "within": "6h"}]})).expect("a task");
    assert_eq!(task.on_failure, DependencyFailurePolicy::Fail);
    assert_eq!((task.failure_wait_ms, task.check_interval_ms), (None, 10_000));
    let items = task.items();
    assert_eq!(items[0].target, DependencyTarget::Instance);
    assert_eq!(items[0].window, DependencyWindow::EndedWithin(6 * 3_600_000));
    assert!(!items[0].pass_outputs);
}
