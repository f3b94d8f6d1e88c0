//! The branches of tasks that choose others.

use std::collections::BTreeMap;

use crate::ids::TaskIndex;
use crate::spec::model::{Definition, TaskDefinition};
use crate::task_type::ExecutionSite;
use crate::task_type::conditions::read_conditions;
use crate::task_type::switch::read_switch;

/// The output of a switch: the names of the chosen tasks, with commas between them.
pub(crate) const BRANCH_OUTPUT: &str = "branch";

/// The output of conditions: `true` or `false`.
pub(crate) const RESULT_OUTPUT: &str = "result";

/// The branches of a task that chooses others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BranchTable {
    branches: Vec<Branch>,
    /// The output that says which branch was taken.
    output: &'static str,
}

/// One branch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Branch {
    /// The value of the output.
    value: String,
    /// The tasks that it names.
    tasks: Vec<TaskIndex>,
}

/// Returns the branches of every task that chooses others.
pub(super) fn branch_tables(definition: &Definition) -> BTreeMap<TaskIndex, BranchTable> {
    let tasks = || (0..).map(TaskIndex).zip(&definition.tasks);
    let chooses = |task: &TaskDefinition| task.action.site() == ExecutionSite::Decision;
    if !definition.tasks.iter().any(chooses) {
        return BTreeMap::new();
    }
    let places = tasks()
        .map(|(task_index, task)| (task.name.as_str(), task_index))
        .collect();
    tasks()
        .filter_map(|(task_index, task)| Some((task_index, BranchTable::of(task, &places)?)))
        .collect()
}

/// Names the branch by which a task chooses a successor: `then`, `else`, `case` or `default`; none when it runs always.
pub fn branch_to(task: &TaskDefinition, successor: &str) -> Option<&'static str> {
    let names = |tasks: &[String]| tasks.iter().any(|name| name == successor);
    if let Some(fields) = read_conditions(&task.action) {
        let of_result = [("then", &fields.then), ("else", &fields.otherwise)];
        return of_result
            .into_iter()
            .find_map(|(branch, tasks)| names(tasks).then_some(branch));
    }
    let fields = read_switch(&task.action)?;
    if fields.cases.iter().any(|case| names(&case.then)) {
        return Some("case");
    }
    names(&fields.default).then_some("default")
}

impl BranchTable {
    /// Returns the branches of a task; none when it chooses nothing.
    fn of(task: &TaskDefinition, places: &BTreeMap<&str, TaskIndex>) -> Option<Self> {
        let branch = |value: String, names: &[String]| Branch {
            value,
            tasks: names
                .iter()
                .filter_map(|name| places.get(name.as_str()).copied())
                .collect(),
        };
        if let Some(fields) = read_conditions(&task.action) {
            return Some(Self {
                branches: vec![
                    branch("true".to_owned(), &fields.then),
                    branch("false".to_owned(), &fields.otherwise),
                ],
                output: RESULT_OUTPUT,
            });
        }
        let fields = read_switch(&task.action)?;
        let cases = fields.cases.iter().map(|case| &case.then);
        let all = cases.chain([&fields.default]);
        Some(Self {
            branches: all.map(|names| branch(names.join(","), names)).collect(),
            output: BRANCH_OUTPUT,
        })
    }

    /// Returns the number of the branch that these outputs say; none when they say none.
    pub(super) fn branch_of(&self, outputs: &BTreeMap<String, String>) -> Option<u32> {
        let value = outputs.get(self.output)?;
        let place = self.branches.iter().position(|branch| branch.value == *value)?;
        u32::try_from(place).ok()
    }

    /// Whether any branch names a task.
    pub(super) fn names(&self, task_index: TaskIndex) -> bool {
        self.branches
            .iter()
            .any(|branch| branch.tasks.contains(&task_index))
    }

    /// Returns the tasks that a branch chooses.
    pub(super) fn chosen(&self, number: u32) -> &[TaskIndex] {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        self.branches.get(place).map_or(&[], |branch| &branch.tasks)
    }

    /// Returns the tasks that any branch names.
    pub(super) fn named(&self) -> impl Iterator<Item = TaskIndex> + '_ {
        self.branches
            .iter()
            .flat_map(|branch| branch.tasks.iter().copied())
    }
}
