//! The topics of a stream: parsing, authorisation.

use catalog::{MarkedList, Permission, ProjectId};
use engine::ids::{AttemptNumber, BackfillId, InstanceId};

use crate::auth::access::{AnyUser, Caller, Level, check_level};
use crate::auth::objects::System;
use crate::http::codes::Code;
use crate::http::path::parse_id;
use crate::http::problem::Problem;
use crate::logs::cursor::{LogCursor, LogName};
use crate::stream::children::ChildTopic;
use crate::stream::lists::topic_of;

/// The lists that can be followed.
const LISTS: [MarkedList; 4] = [
    MarkedList::Workflows,
    MarkedList::Schedules,
    MarkedList::Approvals,
    MarkedList::Alerts,
];

/// The largest number of topics of one stream.
const MAX_TOPICS: usize = 50;

/// The topics that a client subscribes to.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    /// The transitions of instances themselves.
    pub(crate) instances: bool,
    /// Instances with all transitions, those of their tasks too.
    pub(crate) followed: Vec<InstanceId>,
    /// Logs, each from its offset on.
    pub(crate) logs: Vec<LogCursor>,
    /// The list of nodes.
    pub(crate) nodes: bool,
    /// Backfills with their progress.
    pub(crate) backfills: Vec<BackfillId>,
    /// Tasks with their children.
    pub(crate) children: Vec<ChildTopic>,
    /// Lists whose changes are announced.
    pub(crate) lists: Vec<MarkedList>,
}

impl Topics {
    /// Parses `instances,instance:42,log:42/extract/1@4096,nodes`.
    pub(crate) fn parse_topics(text: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
        if parts.is_empty() || parts.len() > MAX_TOPICS {
            let detail = format!("`topics` names 1 to {MAX_TOPICS} topics.");
            return Err(Problem::new(Code::InvalidQuery, detail).at("/topics"));
        }
        let mut topics = Self::default();
        for part in parts {
            topics.add_topic(part).ok_or_else(|| {
                let detail = format!(
                    "`{part}` is no topic; topics are `instances`, `instance:ID`, `backfill:ID`, `children:ID/TASK`, `log:ID/TASK/ATTEMPT[@OFFSET]`, `workflows`, `schedules`, `approvals`, `alerts` and `nodes`."
                );
                Problem::new(Code::InvalidQuery, detail).at("/topics")
            })?;
        }
        Ok(topics)
    }

    fn add_topic(&mut self, part: &str) -> Option<()> {
        match part.split_once(':') {
            None if part == "instances" => self.instances = true,
            None if part == "nodes" => self.nodes = true,
            None => {
                let list = LISTS.into_iter().find(|list| topic_of(*list) == part)?;
                if !self.lists.contains(&list) {
                    self.lists.push(list);
                }
            }
            Some(("instance", id)) => self.followed.push(InstanceId(parse_id(id)?)),
            Some(("backfill", id)) => self.backfills.push(BackfillId(parse_id(id)?)),
            Some(("children", task)) => self.children.push(parse_child_topic(task)?),
            Some(("log", log)) => self.logs.push(parse_log_topic(log)?),
            _ => return None,
        }
        Some(())
    }

    /// Checks every topic against the grants of the caller.
    pub(crate) async fn check_grants(&self, caller: &Caller<AnyUser, System>) -> Result<(), Problem> {
        let of_logs = self.logs.iter().map(|cursor| cursor.log().instance());
        let of_children = self.children.iter().map(|topic| topic.instance);
        for id in self.followed.iter().copied().chain(of_logs).chain(of_children) {
            let project = caller.catalog().instances().project_of(id).await?;
            let project = project.ok_or_else(|| Problem::not_found(format!("instance {id}")))?;
            check_read_grant(caller, project).await?;
        }
        for id in self.backfills.iter().copied() {
            let project = caller.catalog().backfills().project_of(id).await?;
            let project = project.ok_or_else(|| Problem::not_found(format!("backfill {id}")))?;
            check_read_grant(caller, project).await?;
        }
        Ok(())
    }
}

async fn check_read_grant(caller: &Caller<AnyUser, System>, project: ProjectId) -> Result<(), Problem> {
    let level = Level::Grant(Permission::Read);
    check_level(caller.server(), caller.identity(), level, Some(project)).await
}

fn parse_child_topic(text: &str) -> Option<ChildTopic> {
    let (id, task) = text.split_once('/')?;
    Some(ChildTopic {
        instance: InstanceId(parse_id(id)?),
        task: task.to_owned(),
    })
}

fn parse_log_topic(text: &str) -> Option<LogCursor> {
    let (log, offset) = match text.rsplit_once('@') {
        Some((log, offset)) => (log, offset.parse().ok()?),
        None => (text, 0),
    };
    let (id, rest) = log.split_once('/')?;
    let (task, attempt) = rest.rsplit_once('/')?;
    let attempt = AttemptNumber(attempt.parse().ok()?);
    let log = LogName::new(InstanceId(parse_id(id)?), task.to_owned(), attempt);
    Some(LogCursor::new(log, offset))
}

#[cfg(test)]
mod tests;
