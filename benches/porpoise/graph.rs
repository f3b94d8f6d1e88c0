//! The shapes of workflows that are measured, and their documents.

use serde_json::{Map, Value, json};

/// What each task does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nothing, in the owner itself.
    Noop,
    /// A script for `/bin/sh`.
    Shell(String),
    /// The lightest process, with one slot of each of these limits.
    Limited(Vec<&'static str>),
    /// A script for a Python interpreter at this path.
    Python(String, String),
}

impl Body {
    /// The lightest process.
    pub(crate) fn shell() -> Self {
        Self::Shell(":".to_owned())
    }

    fn document(&self) -> Value {
        match self {
            Self::Noop => json!({ "type": "noop" }),
            Self::Shell(run) => json!({ "type": "shell", "run": run }),
            Self::Limited(limits) => json!({ "type": "shell", "run": ":", "limits": limits }),
            Self::Python(python, run) => json!({ "type": "python", "run": run, "python": python }),
        }
    }
}

/// A graph: for each task the tasks before it.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    needs: Vec<Vec<usize>>,
}

impl Graph {
    /// One task after the other.
    pub(crate) fn chain(length: usize) -> Self {
        let needs = (0..length).map(|at| at.checked_sub(1).into_iter().collect());
        Self {
            needs: needs.collect(),
        }
    }

    /// Independent tasks.
    pub(crate) fn independent(width: usize) -> Self {
        Self {
            needs: vec![Vec::new(); width],
        }
    }

    /// Independent tasks and one that waits for all.
    pub(crate) fn fan_out(width: usize) -> Self {
        let mut needs = vec![Vec::new(); width];
        needs.push((0..width).collect());
        Self { needs }
    }

    /// One task, then many, then one that waits for all.
    pub(crate) fn wide(width: usize) -> Self {
        let mut needs = vec![vec![0]; width + 1];
        needs[0].clear();
        needs.push((1..=width).collect());
        Self { needs }
    }

    /// Layers in which each task waits for three of the layer before.
    pub(crate) fn layered(layers: usize, width: usize) -> Self {
        let before = |layer: usize, at: usize| match layer.checked_sub(1) {
            Some(upper) => (0..3).map(|step| upper * width + (at + step) % width).collect(),
            None => Vec::new(),
        };
        let needs = (0..layers * width).map(|task| before(task / width, task % width));
        Self {
            needs: needs.collect(),
        }
    }

    /// How many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.needs.len()
    }

    /// The tasks before a task.
    pub(crate) fn needs(&self, task: usize) -> &[usize] {
        &self.needs[task]
    }

    /// The name of a task.
    pub(crate) fn name(task: usize) -> String {
        format!("t{task}")
    }

    /// The task of a name.
    pub(crate) fn task(&self, name: &str) -> Option<usize> {
        let task = name.strip_prefix('t')?.parse().ok()?;
        (task < self.len()).then_some(task)
    }

    /// The workflow document in which every task has the same body.
    pub(crate) fn document(&self, name: &str, body: &Body) -> String {
        let mut tasks = Map::new();
        for (task, needs) in self.needs.iter().enumerate() {
            let mut document = body.document();
            if !needs.is_empty() {
                let names: Vec<String> = needs.iter().copied().map(Self::name).collect();
                document["needs"] = json!(names);
            }
            tasks.insert(Self::name(task), document);
        }
        json!({ "version": 1, "name": name, "tasks": tasks }).to_string()
    }
}
