//! What a new instance takes over from one that has ended: choices of its start, and results.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::record::InstanceRecord;
use super::row_overlay::RowOverlay;
use super::state::{Instance, InstanceRows};
use crate::ids::{TaskIndex, Timestamp};
use crate::plan::Plan;
use crate::plan::trigger_rule::{TriggerRule, Verdict};
use crate::spec::model::{Definition, Direction, TaskDefinition};
use crate::states::TaskState;
use crate::task::Task;

/// An instance that has ended, from which a new one continues.
#[derive(Debug, Clone, Copy)]
pub struct EndedInstance<'a> {
    /// What it ran.
    pub plan: &'a Plan,
    /// Its rows.
    pub instance: &'a Instance,
}

/// The rows of a new instance whose results were taken over.
pub type ReusedRows = BTreeMap<TaskIndex, Box<Task>>;

impl EndedInstance<'_> {
    /// Fills in what the body of a start leaves out: parameters that the version still declares, base instant, zone,
    /// priority, failure strategy and worker group.
    pub fn inherit_choices(self, choices: &mut Map<String, Value>, definition: &Definition) {
        let start = &self.plan.start;
        let mut params = match choices.remove("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params,
            // Whatever it is, the parser of the start refuses it.
            Some(other) => return drop(choices.insert("params".to_owned(), other)),
        };
        let inputs = definition.params.iter();
        for input in inputs.filter(|param| param.direction == Direction::In) {
            if let (Some(value), false) = (start.params.get(&input.name), params.contains_key(&input.name)) {
                params.insert(input.name.clone(), Value::from(value.as_str()));
            }
        }
        choices.insert("params".to_owned(), Value::Object(params));
        let base = start.scheduled_at.unwrap_or(self.instance.rows.created_at);
        let others = [
            ("scheduled_at", Some(instant_text(base))),
            ("timezone", Some(start.timezone.name().to_owned())),
            ("priority", Some(start.priority.to_string())),
            ("failure_strategy", Some(start.failure_strategy.to_string())),
            ("worker_group", start.worker_group.clone()),
        ];
        for (key, value) in others {
            let is_left_out = choices.get(key).is_none_or(Value::is_null);
            if let Some(value) = value.filter(|_| is_left_out) {
                choices.insert(key.to_owned(), Value::from(value));
            }
        }
    }

    /// Returns the rows of the tasks of a new instance whose results are taken over: each is still the same, its edges let
    /// it start, and everything before it is taken over, disabled or skipped again.
    pub fn reusable_rows(self, plan: &Plan) -> ReusedRows {
        let empty = Instance::load(plan, self.rows_without_tasks());
        let mut rows = RowOverlay::new(plan, &empty);
        let mut passed = BTreeSet::new();
        let mut reused = ReusedRows::new();
        for task_index in plan.order.iter().copied() {
            let node = &plan.nodes[task_index.as_usize()];
            if !node.preds.iter().all(|need| passed.contains(&need.task)) {
                continue;
            }
            let result = match rows.verdict_of(task_index) {
                Verdict::Skipped => None,
                Verdict::Starts if node.disabled && !node.has_when => None,
                Verdict::Starts => match self.result_of(plan, task_index) {
                    Some(row) => Some(row),
                    None => continue,
                },
                Verdict::Undecided | Verdict::NeverStarts => continue,
            };
            passed.insert(task_index);
            if let Some(row) = result {
                rows.put_row(task_index, row.clone());
                reused.insert(task_index, Box::new(row));
            }
        }
        reused
    }

    /// Returns the row that takes over the result of the same task; none when there is none.
    fn result_of(self, plan: &Plan, task_index: TaskIndex) -> Option<Task> {
        let task = plan.definition.task(task_index)?;
        let earlier_index = self.plan.definition.task_index_of(&task.name)?;
        let earlier = self.plan.definition.task(earlier_index)?;
        let is_same = earlier.action.type_name() == task.action.type_name()
            && edges_by_name(&self.plan.definition, earlier) == edges_by_name(&plan.definition, task);
        let row = self.instance.task(earlier_index).filter(|_| is_same)?;
        let has_result = matches!(row.state, TaskState::Succeeded | TaskState::ForcedSuccess);
        has_result.then(|| Task {
            state: TaskState::Succeeded,
            outputs: row.outputs.clone(),
            reused: Some(self.instance.rows.id),
            ..Task::unstarted()
        })
    }

    fn rows_without_tasks(self) -> InstanceRows {
        let rows = &self.instance.rows;
        InstanceRows {
            record: InstanceRecord::clone(&rows.record),
            tasks: BTreeMap::new(),
            ..*rows
        }
    }
}

/// Returns the edges to a task by the names of its predecessors.
fn edges_by_name<'a>(definition: &'a Definition, task: &TaskDefinition) -> BTreeMap<&'a str, TriggerRule> {
    let edges = task.needs.iter();
    edges
        .filter_map(|need| Some((definition.task(need.task)?.name.as_str(), need.on)))
        .collect()
}

/// Writes an instant as the body of a start has it.
fn instant_text(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
