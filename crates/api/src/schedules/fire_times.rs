//! Fire times in answers.

use chrono::{DateTime, SecondsFormat};
use engine::ids::Timestamp;
use engine::schedule::{FireTimes, TimeText};
use engine::timezone::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::http::timestamp::format_time;

/// One time at which a schedule fires.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FireTime {
    /// In UTC.
    fire_at: String,
    /// With the offset of the schedule's zone.
    local: String,
}

/// Times at which a schedule fires; fewer than wanted when there are no more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FireTimeList {
    items: Vec<FireTime>,
}

impl FireTimeList {
    pub(crate) fn new(items: Vec<FireTime>) -> Self {
        Self { items }
    }
}

/// The same for a schedule that is not stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SchedulePreview)]
pub(crate) struct PreviewAnswer {
    items: Vec<FireTime>,
    /// When it fires, in English words.
    description: String,
}

impl PreviewAnswer {
    pub(crate) fn new(items: Vec<FireTime>, description: String) -> Self {
        Self { items, description }
    }
}

/// Parses the instant after which fire times are wanted.
pub(crate) fn parse_after(text: &str, zone: Tz) -> Result<Timestamp, Problem> {
    let time: Result<TimeText, _> = text.parse();
    time.ok().and_then(|time| time.begin_in(zone)).ok_or_else(|| {
        let detail = format!("`after`: {}.", engine::schedule::InvalidTimeText);
        Problem::new(Code::InvalidQuery, detail).at("/after")
    })
}

/// Lists fire times, off the event loop: a rare expression takes a while.
pub(crate) async fn list_fire_times(
    times: FireTimes,
    zone: Tz,
    after: Timestamp,
    count: u32,
) -> Result<Vec<FireTime>, Problem> {
    let list = move || {
        let next = |at: &Timestamp| times.next_after(*at);
        std::iter::successors(times.next_after(after), next)
            .take(count as usize)
            .map(|at| FireTime {
                fire_at: format_time(at),
                local: format_local(at, zone),
            })
            .collect()
    };
    tokio::task::spawn_blocking(list).await.map_err(Problem::internal)
}

fn format_local(at: Timestamp, zone: Tz) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .with_timezone(&zone)
        .to_rfc3339_opts(SecondsFormat::AutoSi, false)
}
