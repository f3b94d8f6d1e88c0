//! Lists that changed: an event names the projects in which, and the client reads what it shows again.

use std::time::{Duration, Instant};

use actix_web_lab::sse::{Data, Event};
use catalog::{ListMarks, MarkedList};
use serde::Serialize;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The lists that one client follows.
pub(crate) struct ListStream {
    followed: Vec<FollowedList>,
    read_at: Option<Instant>,
}

/// A list with what the client knows of it.
struct FollowedList {
    list: MarkedList,
    sent: Option<ListMarks>,
}

/// A change of a list as an event.
#[derive(Serialize)]
struct ListEvent<'a> {
    topic: &'static str,
    /// At first, every project that has something in it.
    projects: Vec<&'a str>,
}

impl ListStream {
    /// Follows lists from now on; none when there is none to be followed.
    pub(crate) fn follow(lists: &[MarkedList]) -> Option<Self> {
        let followed = lists.iter().map(|list| FollowedList {
            list: *list,
            sent: None,
        });
        (!lists.is_empty()).then(|| Self {
            followed: followed.collect(),
            read_at: None,
        })
    }

    /// Looks at the lists, at most once a second; nothing while the database is unavailable.
    pub(crate) async fn read_changed(&mut self, caller: &Caller<AnyUser, System>) -> Vec<Event> {
        if self.read_at.is_some_and(|at| at.elapsed() < LOOK_INTERVAL) {
            return Vec::new();
        }
        self.read_at = Some(Instant::now());
        let mut events = Vec::new();
        for followed in &mut self.followed {
            let marks = caller
                .catalog()
                .list_marks(followed.list, caller.visible_projects());
            let Ok(now) = marks.await else {
                continue;
            };
            if followed.sent.as_ref() != Some(&now) {
                events.push(change_event(followed.list, followed.sent.as_ref(), &now));
                followed.sent = Some(now);
            }
        }
        events
    }
}

fn change_event(list: MarkedList, before: Option<&ListMarks>, now: &ListMarks) -> Event {
    let nothing = ListMarks::new();
    let before = before.unwrap_or(&nothing);
    let gone = before.keys().filter(|project| !now.contains_key(*project));
    let changed = now
        .iter()
        .filter(|(project, mark)| before.get(*project) != Some(mark))
        .map(|(project, _)| project);
    let topic = topic_of(list);
    let projects = changed.chain(gone).map(String::as_str);
    let event = ListEvent {
        topic,
        // What belongs to no project has the empty name.
        projects: projects.filter(|project| !project.is_empty()).collect(),
    };
    let text = serde_json::to_string(&event).unwrap_or_default();
    Data::new(text).event(topic).into()
}

/// Returns the name of the topic of a list.
pub(crate) fn topic_of(list: MarkedList) -> &'static str {
    match list {
        MarkedList::Workflows => "workflows",
        MarkedList::Schedules => "schedules",
        MarkedList::Approvals => "approvals",
        MarkedList::Alerts => "alerts",
    }
}
