//! Looks at the children of an attempt, starts those that are missing, and passes pause and stop on to them.
//!
//! What is to be done follows from the stored row of the attempt and the stored rows of its children; a repetition
//! changes nothing. Children end in commits of their own, wherever they are owned: their notice makes this look again,
//! and so does the time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use engine::children::{ChildSummary, FanOut, FanOutStep, plan_fan_out};
use engine::ids::InstanceId;
use engine::states::{Command, InstanceState};
use engine::task::{ChildrenSeen, Observation, WatchGoal};
use futures_util::FutureExt as _;

use crate::execution::attempt_look::{AttemptLook, LookFuture, WatchRequest};
use crate::execution::child_starts::{ChildStarter, StartOutcome};
use crate::execution::running_instance::RunningInstance;
use crate::execution::workflow_deps::WorkflowDeps;
use ports::fail_points::fail_point;
use ports::{ChildrenCommand, ChildrenTakeover, ParentTask, StoreError, TakeoverOutcome};

/// The pause between two looks while children run by themselves.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The pause between two looks while children wait, or are to pause or to stop.
const HELD_INTERVAL: Duration = Duration::from_secs(1);

/// The pause before a look after one that another transaction held up.
const DEFERRED_INTERVAL: Duration = Duration::from_millis(50);

/// Looks at the children of one attempt.
#[derive(Clone)]
pub(crate) struct ChildLook {
    deps: WorkflowDeps,
    goal: WatchGoal,
    fan_out: FanOut,
    starter: ChildStarter,
    /// Until the next look that nothing requests.
    pause: Rc<Cell<Duration>>,
}

/// How far a look came.
enum LookProgress {
    /// This is what it found.
    Seen(ChildrenSeen),
    /// Another transaction held it up.
    Deferred,
}

/// Whether the children of earlier attempts are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TakeoverProgress {
    Done,
    Deferred,
}

impl ChildLook {
    /// Makes the look of an open attempt; none when its row says nothing of children.
    pub(crate) fn of_attempt(
        deps: &WorkflowDeps,
        instance: &RunningInstance,
        request: WatchRequest,
    ) -> Option<Self> {
        let row = instance.state.task(request.task_index)?;
        let fan_out: FanOut = row.progress.as_ref()?.read_detail()?;
        let attempt = (request.task_index, request.attempt);
        Some(Self {
            starter: ChildStarter::new(deps, instance, attempt, &fan_out)?,
            deps: deps.clone(),
            goal: request.goal,
            fan_out,
            pause: Rc::new(Cell::new(LOOK_INTERVAL)),
        })
    }

    fn parent(&self) -> &ParentTask {
        self.starter.parent()
    }

    async fn run(self) -> Result<Option<Observation>, StoreError> {
        let progress = match self.goal {
            WatchGoal::Run => self.advance().await?,
            WatchGoal::Pause => self.pass_on(Command::Pause).await?,
            WatchGoal::End(_) => self.pass_on(Command::Stop).await?,
        };
        Ok(match progress {
            LookProgress::Seen(seen) => {
                self.pause.set(self.pause_after(&seen));
                Some(Observation::Children(seen))
            }
            LookProgress::Deferred => {
                self.pause.set(DEFERRED_INTERVAL);
                None
            }
        })
    }

    /// Children that run by themselves say when they change; of the others it is found out.
    fn pause_after(&self, seen: &ChildrenSeen) -> Duration {
        let runs = |child: &ChildSummary| child.state == InstanceState::Running || child.state.is_final();
        if self.goal == WatchGoal::Run && seen.children.iter().all(runs) {
            LOOK_INTERVAL
        } else {
            HELD_INTERVAL
        }
    }

    /// Takes over what earlier attempts started, starts what is missing, and says what there is.
    async fn advance(&self) -> Result<LookProgress, StoreError> {
        if self.take_over().await? == TakeoverProgress::Deferred {
            return Ok(LookProgress::Deferred);
        }
        let mut seen = ChildrenSeen::new(self.list().await?);
        if self.fan_out.resumes {
            self.command(Command::Resume, &seen.children).await?;
            fail_point("children.after_resume");
            seen.resume_children();
        }
        while let FanOutStep::Start(indexes) = plan_fan_out(&self.fan_out, &seen.children) {
            let known = seen.children.len();
            match self.starter.start(&self.deps, &self.fan_out, &indexes).await? {
                StartOutcome::Started { children, version } => {
                    seen.version = Some(version);
                    seen.add_children(children);
                }
                // Some are queued, or were made before: their rows say what they are.
                StartOutcome::Unclear { version } => {
                    seen.version = Some(version);
                    seen.children = self.list().await?;
                }
                StartOutcome::Refused(refusal) => {
                    seen.refusal = Some(refusal);
                    return Ok(LookProgress::Seen(seen));
                }
                StartOutcome::Deferred => return Ok(LookProgress::Deferred),
            }
            if seen.children.len() <= known {
                return Ok(LookProgress::Deferred);
            }
        }
        self.add_results(&mut seen).await?;
        Ok(LookProgress::Seen(seen))
    }

    /// Passes a pause or a stop on to the children that can take it.
    async fn pass_on(&self, command: Command) -> Result<LookProgress, StoreError> {
        let mut seen = ChildrenSeen::new(self.list().await?);
        self.command(command, &seen.children).await?;
        self.add_results(&mut seen).await?;
        Ok(LookProgress::Seen(seen))
    }

    /// Moves the children of earlier attempts here; those that ended without success run again.
    async fn take_over(&self) -> Result<TakeoverProgress, StoreError> {
        let parent = self.parent();
        if parent.since == parent.attempt {
            return Ok(TakeoverProgress::Done);
        }
        let takeover = ChildrenTakeover {
            parent: parent.clone(),
            count: self.fan_out.count(),
            at: self.deps.clock.now(),
        };
        fail_point("children.before_takeover");
        let outcome = self.deps.store.take_over_children(&takeover).await?;
        fail_point("children.after_takeover");
        match outcome {
            TakeoverOutcome::Done(commanded) => {
                self.deps.notices.announce_commands(commanded);
                Ok(TakeoverProgress::Done)
            }
            TakeoverOutcome::Deferred => Ok(TakeoverProgress::Deferred),
        }
    }

    /// Lists the children that belong to the attempt.
    async fn list(&self) -> Result<Vec<ChildSummary>, StoreError> {
        let mut children = self.deps.children.list(self.parent().clone()).await?;
        children.retain(|child| child.index < self.fan_out.count());
        Ok(children)
    }

    /// Puts a command into the inboxes of those children that it applies to.
    async fn command(&self, command: Command, children: &[ChildSummary]) -> Result<(), StoreError> {
        let applies = |child: &&ChildSummary| match command {
            Command::Pause => matches!(child.state, InstanceState::Running | InstanceState::Queued),
            Command::Resume => child.state == InstanceState::Paused,
            _ => !child.state.is_final() && child.state != InstanceState::Stopping,
        };
        let children: Vec<InstanceId> = children.iter().filter(applies).map(|child| child.id).collect();
        if children.is_empty() {
            return Ok(());
        }
        let order = ChildrenCommand {
            parent: self.parent().clone(),
            command,
            children,
            at: self.deps.clock.now(),
        };
        fail_point("children.before_command");
        let commanded = self.deps.store.command_children(&order).await?;
        fail_point("children.after_command");
        self.deps.notices.announce_commands(commanded);
        Ok(())
    }

    /// Adds the outputs of the children when the attempt can end.
    async fn add_results(&self, seen: &mut ChildrenSeen) -> Result<(), StoreError> {
        if plan_fan_out(&self.fan_out, &seen.children) == FanOutStep::Succeeded {
            seen.results = self.deps.children.read_results(self.parent().clone()).await?;
        }
        Ok(())
    }
}

impl AttemptLook for ChildLook {
    fn look(&self) -> LookFuture {
        self.clone().run().boxed_local()
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.pause.get())
    }
}
