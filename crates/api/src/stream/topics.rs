//! The topics of a stream, as they are written and as they are checked.

use engine::ids::{AttemptNumber, InstanceId};

use super::super::access::{Authorised, Everything, Level, SignedIn, authorise, number};
use super::super::codes::Code;
use super::super::logs::{LogCursor, LogPlace};
use super::super::problem::Problem;
use store::catalog::Permission;

/// The most topics of one stream.
const MOST: usize = 50;

/// What a client wants to hear.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// The instances' own steps.
    pub(super) instances: bool,
    /// Every step of these.
    pub(super) whole: Vec<InstanceId>,
    /// These logs, each from its offset on.
    pub(super) logs: Vec<LogCursor>,
    /// The list of nodes.
    pub(super) nodes: bool,
}

impl Topics {
    /// Reads `instances,instance:42,log:42/extract/1@4096,nodes`.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
        if parts.is_empty() || parts.len() > MOST {
            let detail = format!("`topics` names 1 to {MOST} topics.");
            return Err(Problem::new(Code::InvalidQuery, detail).at("/topics"));
        }
        let mut topics = Self::default();
        for part in parts {
            topics.add(part).ok_or_else(|| {
                let detail = format!(
                    "`{part}` is no topic; topics are `instances`, `instance:ID`, `log:ID/TASK/ATTEMPT[@OFFSET]` and `nodes`."
                );
                Problem::new(Code::InvalidQuery, detail).at("/topics")
            })?;
        }
        Ok(topics)
    }

    fn add(&mut self, part: &str) -> Option<()> {
        match part.split_once(':') {
            None if part == "instances" => self.instances = true,
            None if part == "nodes" => self.nodes = true,
            Some(("instance", id)) => self.whole.push(InstanceId(number(id)?)),
            Some(("log", place)) => self.logs.push(read_log(place)?),
            _ => return None,
        }
        Some(())
    }

    /// Checks every topic against the grants of the caller.
    pub(super) async fn authorise(&self, who: &Authorised<SignedIn, Everything>) -> Result<(), Problem> {
        let of_logs = self.logs.iter().map(|log| log.place.instance);
        for id in self.whole.iter().copied().chain(of_logs) {
            let project = who.catalog().project_of(id).await?;
            let project = project.ok_or_else(|| Problem::not_found(format!("instance {id}")))?;
            authorise(
                &who.server,
                &who.identity,
                Level::Granted(Permission::Read),
                Some(project),
            )
            .await?;
        }
        Ok(())
    }
}

fn read_log(text: &str) -> Option<LogCursor> {
    let (place, offset) = match text.rsplit_once('@') {
        Some((place, offset)) => (place, offset.parse().ok()?),
        None => (text, 0),
    };
    let (id, rest) = place.split_once('/')?;
    let (task, attempt) = rest.rsplit_once('/')?;
    Some(LogCursor {
        place: LogPlace {
            instance: InstanceId(number(id)?),
            task: task.to_owned(),
            attempt: AttemptNumber(attempt.parse().ok()?),
        },
        offset,
        done: false,
    })
}

#[cfg(test)]
mod tests;
