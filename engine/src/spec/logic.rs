//! Reports what is wrong between tasks that choose others, or ask about them, and the graph.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Predecessor, TaskDefinition};
use super::validator::{Path, Validator};
use crate::expression::Expression;
use crate::ids::TaskIndex;
use crate::plan::trigger_rule::TriggerRule;
use crate::task_type::conditions::{CONDITIONS, Condition, read_conditions};
use crate::task_type::switch::read_switch;

/// Reports the mistakes of every task at its place.
pub(super) fn report_logic_mistakes(validator: &mut Validator, tasks: &[TaskDefinition], at: &Path<'_>) {
    let places = (0..)
        .map(TaskIndex)
        .zip(tasks)
        .map(|(task_index, task)| (task.name.as_str(), task_index))
        .collect();
    for (task_index, task) in (0..).map(TaskIndex).zip(tasks) {
        let check = LogicCheck {
            tasks,
            places: &places,
            task_index,
            task,
        };
        check.report(validator, &at.key(&task.name));
    }
}

/// The check of one task.
struct LogicCheck<'a> {
    tasks: &'a [TaskDefinition],
    /// Where tasks stand, by name.
    places: &'a BTreeMap<&'a str, TaskIndex>,
    task_index: TaskIndex,
    task: &'a TaskDefinition,
}

impl LogicCheck<'_> {
    fn report(&self, validator: &mut Validator, at: &Path<'_>) {
        if let Some(when) = &self.task.when {
            self.report_expression(validator, when, &at.key("when"));
        }
        if self.task.action.type_name() == CONDITIONS.name {
            self.report_conditions(validator, at);
        }
        if let Some(switch) = read_switch(&self.task.action) {
            let cases = at.key("cases");
            for (place, case) in switch.cases.iter().enumerate() {
                let at = cases.index(place);
                self.report_expression(validator, &case.when, &at.key("when"));
                self.report_branch(validator, &case.then, &at.key("then"));
            }
            self.report_branch(validator, &switch.default, &at.key("default"));
        }
    }

    fn report_conditions(&self, validator: &mut Validator, at: &Path<'_>) {
        let has_field = |key: &str| self.task.action.fields().any(|(known, _)| known == key);
        match (has_field("all"), has_field("any")) {
            (true, true) => validator.invalid(
                at,
                "BAD_VALUE",
                "give either `all` or `any`, not both; one may hold the other",
            ),
            (false, false) => validator.missing(
                at,
                "all",
                "it lists what must hold, like [{ task: load, is: succeeded }]; or `any`",
            ),
            (true, false) | (false, true) => {}
        }
        if let Some(fields) = read_conditions(&self.task.action) {
            self.report_condition(validator, &fields.question, at);
            self.report_branch(validator, &fields.then, &at.key("then"));
            self.report_branch(validator, &fields.otherwise, &at.key("else"));
        }
    }

    /// Reports the tasks that a condition names and this one does not need.
    fn report_condition(&self, validator: &mut Validator, condition: &Condition, at: &Path<'_>) {
        let (key, items) = match condition {
            Condition::All { all } => ("all", all),
            Condition::Any { any } => ("any", any),
            Condition::Task { task, .. } => {
                let is_needed = self.task.needs.iter().any(|need| self.name_of(need.task) == task);
                if !is_needed {
                    let message = format!("this task does not need `{task}`; add it to its `needs`");
                    validator.invalid(&at.key("task"), "UNKNOWN_TASK", message);
                }
                return;
            }
        };
        let list = at.key(key);
        for (place, item) in items.iter().enumerate() {
            self.report_condition(validator, item, &list.index(place));
        }
    }

    /// Reports the names of a branch that do not need this task by a plain edge.
    fn report_branch(&self, validator: &mut Validator, names: &[String], at: &Path<'_>) {
        for (place, name) in names.iter().enumerate() {
            let at = at.index(place);
            let own = &self.task.name;
            let Some(named) = self.named(name) else {
                validator.invalid(&at, "UNKNOWN_TASK", format!("there is no task `{name}`"));
                continue;
            };
            let mut needs = named.needs.iter();
            match needs.find(|need| need.task == self.task_index) {
                Some(need) if need.on == TriggerRule::OnSuccess => {}
                Some(need) => validator.invalid(
                    &at,
                    "BAD_BRANCH",
                    format!(
                        "`{name}` needs `{own}` with `on: {}`; a branch names tasks that need it plainly",
                        need.on
                    ),
                ),
                None => validator.invalid(
                    &at,
                    "BAD_BRANCH",
                    format!("`{name}` does not need `{own}`; add `{own}` to its `needs`"),
                ),
            }
        }
    }

    /// Reports the tasks that an expression names and that are no ancestors of this one.
    fn report_expression(&self, validator: &mut Validator, text: &str, at: &Path<'_>) {
        let Ok(expression) = Expression::parse(text) else {
            return;
        };
        if expression.tasks().is_empty() {
            return;
        }
        let ancestors = ancestors(self.tasks, &self.task.needs);
        for name in expression.tasks() {
            if ancestors.contains(name.as_str()) {
                continue;
            }
            let message = if self.named(name).is_some() {
                format!("`{name}` is no ancestor of this task: its state is not decided when this one starts")
            } else {
                format!("there is no task `{name}`")
            };
            validator.invalid(at, "UNKNOWN_TASK", message);
        }
    }

    fn named(&self, name: &str) -> Option<&TaskDefinition> {
        self.tasks.get(self.places.get(name)?.as_usize())
    }

    fn name_of(&self, task_index: TaskIndex) -> &str {
        let task = self.tasks.get(task_index.as_usize());
        task.map_or("", |task| task.name.as_str())
    }
}

/// Returns the names of all tasks that lie before these.
fn ancestors<'a>(tasks: &'a [TaskDefinition], needs: &[Predecessor]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    let mut queue: Vec<TaskIndex> = needs.iter().map(|need| need.task).collect();
    while let Some(task_index) = queue.pop() {
        let Some(task) = tasks.get(task_index.as_usize()) else {
            continue;
        };
        if names.insert(task.name.as_str()) {
            queue.extend(task.needs.iter().map(|need| need.task));
        }
    }
    names
}
