//! I15: every final instance ended as its definition says for the results that were recorded and the commands that were
//! applied. A second, naive reading of the rules: it reads the graph and at the rows of attempts, and shares no line
//! with the engine.

mod branches;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use engine::plan::trigger_rule::TriggerRule;
use engine::spec::Definition;
use engine::states::{FailureStrategy, OnWorkerLost};
use ports::DefinitionStore as _;
use serde_json::Value;
use store::Store;

use super::rows;
use branches::{Decision, Turn, turn};

/// Lost attempts in one run that make a task fail.
const LOST: usize = 5;

/// One task as it is defined, and what is recorded of it in this run.
#[derive(Debug, Clone, Default)]
struct RecordedTask {
    name: String,
    needs: Vec<(usize, TriggerRule)>,
    retries: usize,
    enabled: bool,
    loss_fails: bool,
    /// Whether a force-success was applied to it.
    forced: bool,
    /// The states of its attempts, in order.
    attempts: Vec<String>,
    /// Its own state.
    state: String,
    /// What it chose, when it decides.
    decision: Option<Decision>,
}

/// One final instance.
#[derive(Debug, Clone, Default)]
struct FinalInstance {
    id: String,
    state: String,
    tasks: Vec<RecordedTask>,
    /// A stop was applied in this run.
    stopped: bool,
    /// Something else kept what had not started from starting: a pause, a time limit, the strategy `end`.
    held: bool,
}

/// Lists the instances that ended otherwise than their results say.
pub(super) async fn unlike(store: &Store) -> Vec<String> {
    let ended = read(store).await;
    if ended.is_empty() {
        return vec!["no effect: there is no final instance".to_owned()];
    }
    ended.iter().flat_map(wrong_with).collect()
}

/// What is wrong with one instance.
fn wrong_with(instance: &FinalInstance) -> Vec<String> {
    let mut wrong = Vec::new();
    let became = read_outcomes(instance);
    for (index, task) in instance.tasks.iter().enumerate() {
        let fitting = fitting(instance, task, verdict(instance, index, &became));
        if !fitting.contains(&task.state.as_str()) {
            wrong.push(format!(
                "instance {} ({}): task {index} is {}, and should be one of {fitting:?}: {task:?}",
                instance.id, instance.state, task.state
            ));
        }
    }
    let decisions = instance
        .tasks
        .iter()
        .filter_map(|task| Some((task, task.decision.as_ref()?)));
    let said =
        decisions.filter_map(|(task, decision)| Some((task, decision.contradiction(instance, &became)?)));
    wrong.extend(said.map(|(task, why)| format!("instance {}: task {}: {why}", instance.id, task.name)));
    let is = |state: &str| instance.tasks.iter().any(|task| task.state == state);
    let forced = instance.tasks.iter().any(|task| task.forced);
    let succeeds = (0..instance.tasks.len()).all(|index| stands_not(instance, &became, index));
    let fitting: &[&str] = match () {
        () if succeeds && !(instance.held && instance.state == "failed") => &["succeeded"],
        () if forced => &["failed", "stopped"],
        () if instance.stopped => &["stopped"],
        () if is("failed") || is("killed") || instance.held => &["failed"],
        () => &[],
    };
    if !fitting.contains(&instance.state.as_str()) {
        let mut states = String::new();
        instance
            .tasks
            .iter()
            .for_each(|task| write!(states, " {}", task.state).expect("a string"));
        wrong.push(format!(
            "instance {} is {}, and its tasks say one of {fitting:?}:{states}",
            instance.id, instance.state
        ));
    }
    wrong
}

/// What became of a task, in the words of the table of edges; none while it is not settled.
type Became = Option<&'static str>;

/// Reads off the graph what became of each task, until nothing more follows.
fn read_outcomes(instance: &FinalInstance) -> Vec<Became> {
    let mut became: Vec<Became> = vec![None; instance.tasks.len()];
    loop {
        let tasks = instance.tasks.iter().enumerate();
        let next: Vec<Became> = tasks
            .map(|(index, task)| outcome(instance, task, verdict(instance, index, &became)))
            .collect();
        if next == became {
            return became;
        }
        became = next;
    }
}

fn outcome(instance: &FinalInstance, task: &RecordedTask, verdict: &str) -> Became {
    // What a stop killed is not settled, and follows nothing.
    let held = instance.stopped || instance.held;
    match verdict {
        _ if task.forced => Some("succeeded"),
        "never" => Some("never"),
        "skipped" => Some("skipped"),
        "starts" if !task.enabled => Some("succeeded"),
        "starts" => match task.attempts.last().map(String::as_str) {
            Some("succeeded") => Some("succeeded"),
            Some(_) if task.state == "failed" || (task.state == "killed" && !held) => Some("failed"),
            _ => None,
        },
        _ => None,
    }
}

/// Decides about a task by its edges: `never`, `waits`, `skipped` or `starts`.
fn verdict(instance: &FinalInstance, index: usize, became: &[Became]) -> &'static str {
    let task = &instance.tasks[index];
    let edges: Vec<&str> = task
        .needs
        .iter()
        .map(|(need, on)| match turn(instance, *need, index, became) {
            Turn::Plain => edge(*on, became[*need]),
            Turn::Undecided => "undecided",
            Turn::Chosen => "open",
            Turn::TurnedDown => "turned down",
            Turn::Void => "void",
        })
        .collect();
    let any = |kind: &str| edges.contains(&kind);
    let asks = task.decision.as_ref().is_some_and(Decision::is_conditions);
    match () {
        () if any("undecided") => "waits",
        () if any("turned down") => "skipped",
        () if asks && any("waits") => "waits",
        () if asks && edges.iter().all(|edge| *edge == "void") => "skipped",
        () if asks => "starts",
        () if any("dead") => "never",
        () if any("waits") => "waits",
        () if any("closed") || (any("void") && !any("open")) => "skipped",
        () => "starts",
    }
}

/// The table of edges.
fn edge(on: TriggerRule, became: Became) -> &'static str {
    match (on.as_str(), became) {
        (_, None) => "waits",
        (_, Some("skipped")) => "void",
        ("done", _) | ("succeeded", Some("succeeded")) | ("failed", Some("failed")) => "open",
        ("failed", Some("succeeded")) => "closed",
        _ => "dead",
    }
}

/// Whether a task stands against no success of its instance.
fn stands_not(instance: &FinalInstance, became: &[Became], index: usize) -> bool {
    match became[index] {
        Some("succeeded" | "skipped") => true,
        Some("failed") => {
            let followers = || {
                let tasks = instance.tasks.iter().enumerate();
                tasks.flat_map(|(follower, task)| task.needs.iter().map(move |need| (follower, need)))
            };
            let asks = |follower: usize| {
                let decision = instance.tasks[follower].decision.as_ref();
                decision.is_some_and(Decision::is_conditions)
            };
            let edges = || followers().filter(|(_, (need, _))| *need == index);
            let is_lost = edges().any(|(follower, (_, on))| *on == TriggerRule::OnSuccess && !asks(follower));
            let mut handlers =
                edges().filter(|(follower, (_, on))| *on == TriggerRule::OnFailure || asks(*follower));
            !is_lost && handlers.any(|(follower, _)| matches!(became[follower], Some("succeeded" | "failed")))
        }
        _ => !instance.tasks[index].enabled,
    }
}

/// The states that a task may have ended in, given its attempts and what its edges decide.
fn fitting(instance: &FinalInstance, task: &RecordedTask, verdict: &str) -> Vec<&'static str> {
    if task.forced {
        return vec!["forced_success"];
    }
    if verdict == "skipped" && task.attempts.is_empty() {
        return vec!["skipped"];
    }
    let ready = verdict == "starts";
    let Some((last, before)) = task.attempts.split_last().filter(|_| task.enabled) else {
        let held = instance.held || instance.stopped;
        let may_rest = !task.enabled || !ready || held;
        return if may_rest && task.attempts.is_empty() {
            vec!["not_run"]
        } else {
            Vec::new()
        };
    };
    let count = |state: &str| task.attempts.iter().filter(|attempt| *attempt == state).count();
    let followed = before.iter().all(|state| state == "failed" || state == "lost");
    let retried = before.iter().filter(|state| *state == "failed").count();
    // An attempt follows a failed or lost one, while tries are left, and only when everything needed is there.
    if !ready || !followed || retried > task.retries {
        return Vec::new();
    }
    let held = instance.held || instance.stopped;
    match last.as_str() {
        "succeeded" => vec!["succeeded"],
        "killed" => vec!["killed"],
        "failed" if count("failed") > task.retries => vec!["failed"],
        "failed" if held => vec!["failed", "killed"],
        "lost" if task.loss_fails || count("lost") >= LOST => vec!["failed"],
        "lost" if held => vec!["killed", "not_run"],
        _ => Vec::new(),
    }
}

async fn read(store: &Store) -> Vec<FinalInstance> {
    let sql = "SELECT id::text, workflow_id::text, version::text, state, run::text, timed_out::text, start \
               FROM instance WHERE state IN ('succeeded', 'failed', 'stopped') ORDER BY id";
    let records = Records::read(store).await;
    let mut ended = Vec::new();
    for row in rows(store, sql).await {
        let [id, workflow, version, state, run, timed_out, start] = row.try_into().expect("seven columns");
        let start: serde_json::Value = serde_json::from_str(&start).expect("a start");
        let chosen = start["tasks"].as_array().is_some_and(|tasks| !tasks.is_empty());
        if chosen || start["dry_run"] == true {
            // Which tasks take part is another question, and nothing runs dry in these clusters.
            continue;
        }
        let number = |text: &str| text.parse::<i64>().expect("a number");
        let definition = store.load_definition(number(&workflow), number(&version)).await;
        let run = number(&run);
        let strategy_ends = start["failure_strategy"] == FailureStrategy::End.as_str();
        ended.push(FinalInstance {
            tasks: records.tasks(&id, &definition.expect("a definition")),
            stopped: records.was_applied(&id, "stop", run),
            held: timed_out == "true" || strategy_ends || records.stays_paused(&id, run),
            id,
            state,
        });
    }
    ended
}

/// Name, run and task of a command that was applied.
type AppliedCommand = (String, i64, String);

/// The rows of all instances.
struct Records {
    /// State, attempts before this run and outputs, by instance and index.
    tasks: BTreeMap<(String, String), (String, usize, Value)>,
    /// Numbers and states, by instance and index.
    attempts: BTreeMap<(String, String), Vec<(usize, String)>>,
    /// Every applied command in order, by instance.
    commands: BTreeMap<String, Vec<AppliedCommand>>,
}

impl Records {
    async fn read(store: &Store) -> Self {
        let sql = "SELECT instance::text, task_index::text, state, attempts_before_run::text, outputs FROM task_instance";
        let tasks = rows(store, sql).await.into_iter().map(|row| {
            let [id, index, state, before, outputs] = row.try_into().expect("five columns");
            let outputs = serde_json::from_str(&outputs).expect("outputs");
            ((id, index), (state, before.parse().expect("a number"), outputs))
        });
        let tasks = tasks.collect();
        let sql = "SELECT instance::text, task_index::text, number::text, state FROM attempt ORDER BY attempt.number";
        let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in rows(store, sql).await {
            let [id, index, number, state] = row.try_into().expect("four columns");
            let of_task = attempts.entry((id, index)).or_default();
            of_task.push((number.parse().expect("a number"), state));
        }
        let sql = "SELECT instance::text, command, run::text, coalesce(task, '') FROM inbox \
                   WHERE kind = 'command' AND outcome = 'applied' ORDER BY inbox.id";
        let mut commands: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in rows(store, sql).await {
            let [id, command, run, task] = row.try_into().expect("four columns");
            let of_instance = commands.entry(id).or_default();
            of_instance.push((command, run.parse().expect("a number"), task));
        }
        Self {
            tasks,
            attempts,
            commands,
        }
    }

    fn commands(&self, id: &str) -> impl DoubleEndedIterator<Item = &AppliedCommand> {
        self.commands.get(id).into_iter().flatten()
    }

    /// Whether a command was applied in a run.
    fn was_applied(&self, id: &str, wanted: &str, in_run: i64) -> bool {
        self.commands(id)
            .any(|(command, run, _)| command == wanted && *run == in_run)
    }

    /// Whether a run was paused, and nothing resumed it.
    fn stays_paused(&self, id: &str, in_run: i64) -> bool {
        let mut of_run = self.commands(id).filter(|(_, run, _)| *run == in_run);
        let last = of_run.rfind(|(command, _, _)| command == "pause" || command == "resume");
        last.is_some_and(|(command, _, _)| command == "pause")
    }

    fn tasks(&self, id: &str, definition: &Definition) -> Vec<RecordedTask> {
        let reruns = self.commands(id).filter(|(command, _, _)| command == "rerun");
        let last_rerun = reruns.map(|(_, run, _)| *run).max().unwrap_or(0);
        let document = engine::spec::serialize(definition);
        let tasks = definition.tasks.iter().enumerate().map(|(index, task)| {
            let key = (id.to_owned(), index.to_string());
            let never = || ("not_run".to_owned(), 0, Value::Null);
            let (state, before, outputs) = self.tasks.get(&key).cloned().unwrap_or_else(never);
            let attempts = self.attempts.get(&key).into_iter().flatten();
            let in_run = attempts.filter(|(number, _)| *number > before);
            let forced = |(command, run, name): &AppliedCommand| {
                command == "force-success" && *run > last_rerun && *name == task.name
            };
            RecordedTask {
                name: task.name.clone(),
                decision: Decision::read(&document["tasks"][&task.name], &outputs),
                needs: task
                    .needs
                    .iter()
                    .map(|need| (need.task.as_usize(), need.on))
                    .collect(),
                retries: usize::try_from(task.retry.map_or(0, |retry| retry.max)).expect("few"),
                enabled: task.enabled,
                loss_fails: task.on_worker_lost == OnWorkerLost::Fail,
                forced: self.commands(id).any(forced),
                attempts: in_run.map(|(_, state)| state.clone()).collect(),
                // What never started, or was reset, has not run in a final instance.
                state: if state == "pending" {
                    "not_run".to_owned()
                } else {
                    state
                },
            }
        });
        tasks.collect()
    }
}

#[cfg(test)]
mod tests;
