//! Counts of instances, and what ran and will run in a time.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get};
use catalog::{
    ComingFire, InstanceFilter, PastRun, StatisticsKey, StatisticsRow, TimeRange, TimelineRequest,
};
use engine::ids::Timestamp;
use engine::timezone::{Tz, parse_timezone};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::Query;
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;
use crate::http::timestamp::{format_optional_time, format_time};
use crate::instances::filter::{parse_from, parse_to};

/// The time that a timeline shows unless the caller gives one: the day before and the day after now.
const TIMELINE_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(count_instances).service(read_timeline);
}

/// Which instances are counted, and by what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct StatisticsQuery {
    /// The project's name.
    project: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// The first creation, RFC 3339 with an offset.
    #[param(format = DateTime)]
    from: Option<String>,
    /// The last creation, RFC 3339 with an offset.
    #[param(format = DateTime)]
    to: Option<String>,
    /// `state` (unless given), `day` or `workflow`.
    by: Option<String>,
    /// The zone of days, an IANA name; that of the server unless given.
    timezone: Option<String>,
}

impl StatisticsQuery {
    fn parse_key(&self, server: Tz) -> Result<StatisticsKey, Problem> {
        let zone = match &self.timezone {
            None => server,
            Some(name) => parse_timezone(name)
                .map_err(|error| Problem::new(Code::UnknownTimezone, error.to_string()).at("/timezone"))?,
        };
        match self.by.as_deref() {
            None | Some("state") => Ok(StatisticsKey::State),
            Some("day") => Ok(StatisticsKey::Day(zone)),
            Some("workflow") => Ok(StatisticsKey::Workflow),
            Some(other) => {
                let detail = format!("`by`: `{other}` is not one of state, day, workflow.");
                Err(Problem::new(Code::InvalidQuery, detail).at("/by"))
            }
        }
    }
}

/// The instances of one key.
#[derive(Debug, Serialize, ToSchema)]
struct StatisticsItem {
    /// A state, a day like `2026-01-31`, or `PROJECT/NAME` of a workflow.
    key: String,
    total: u64,
    /// States without an instance are absent.
    by_state: BTreeMap<String, u64>,
    /// Half of those that ended took at most this, in milliseconds; null when none has ended.
    p50_ms: Option<i64>,
    /// 95 of 100 took at most this.
    p95_ms: Option<i64>,
}

impl From<StatisticsRow> for StatisticsItem {
    fn from(row: StatisticsRow) -> Self {
        let by_state = row.by_state.into_iter();
        Self {
            key: row.key,
            total: row.total,
            by_state: by_state
                .map(|(state, count)| (state.to_string(), count))
                .collect(),
            p50_ms: row.p50_ms,
            p95_ms: row.p95_ms,
        }
    }
}

/// Counts instances by state, day or workflow, with the durations of those that ended.
#[utoipa::path(tag = "instances", params(StatisticsQuery),
    responses((status = 200, body = List<StatisticsItem>), (status = 422)))]
#[get("/statistics")]
async fn count_instances(
    caller: Caller<AnyUser, System>,
    query: Query<StatisticsQuery>,
) -> Result<HttpResponse, Problem> {
    let key = query.0.parse_key(caller.server().state().timezone)?;
    let filter = InstanceFilter {
        project: query.0.project,
        workflow: query.0.workflow,
        created: TimeRange {
            from: parse_from("from", query.0.from.as_deref())?,
            to: parse_to("to", query.0.to.as_deref())?,
        },
        ..InstanceFilter::visible_to(caller.visible_projects())
    };
    let rows = caller.catalog().statistics().count(&filter, key).await?;
    let items = rows.into_iter().map(StatisticsItem::from).collect();
    Ok(HttpResponse::Ok().json(List::single_page(items)))
}

/// Which time is shown.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct TimelineQuery {
    /// The first moment, RFC 3339 with an offset; a day ago unless given.
    #[param(format = DateTime)]
    from: Option<String>,
    /// The last moment, RFC 3339 with an offset; a day from now unless given.
    #[param(format = DateTime)]
    to: Option<String>,
    /// The project's name.
    project: Option<String>,
    /// Entries of each kind at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// An instance in a timeline.
#[derive(Debug, Serialize, ToSchema)]
struct PastEntry {
    id: String,
    project: String,
    workflow: String,
    state: String,
    started_at: Option<String>,
    ended_at: Option<String>,
}

impl From<PastRun> for PastEntry {
    fn from(run: PastRun) -> Self {
        Self {
            id: run.id.to_string(),
            project: run.project,
            workflow: run.workflow,
            state: run.state.to_string(),
            started_at: format_optional_time(run.started_at),
            ended_at: format_optional_time(run.ended_at),
        }
    }
}

/// A fire to come.
#[derive(Debug, Serialize, ToSchema)]
struct ComingEntry {
    project: String,
    workflow: String,
    schedule: String,
    fire_at: String,
}

impl From<ComingFire> for ComingEntry {
    fn from(fire: ComingFire) -> Self {
        Self {
            project: fire.project,
            workflow: fire.workflow,
            schedule: fire.schedule,
            fire_at: format_time(fire.fire_at),
        }
    }
}

/// What ran in a time, and what schedules start in it.
#[derive(Debug, Serialize, ToSchema)]
struct Timeline {
    /// Instances that were open at some moment of it, by their start.
    past: Vec<PastEntry>,
    /// Fires after now, by time.
    coming: Vec<ComingEntry>,
}

/// Lists what ran in a time, and the fires of schedules in it.
#[utoipa::path(tag = "instances", params(TimelineQuery), responses((status = 200, body = Timeline)))]
#[get("/timeline")]
async fn read_timeline(
    caller: Caller<AnyUser, System>,
    query: Query<TimelineQuery>,
) -> Result<HttpResponse, Problem> {
    let now = caller.server().now();
    let paging = Paging {
        limit: query.0.limit,
        cursor: None,
    };
    let request = TimelineRequest {
        from: parse_from("from", query.0.from.as_deref())?.unwrap_or(now.plus(-TIMELINE_MS)),
        to: parse_to("to", query.0.to.as_deref())?.unwrap_or(now.plus(TIMELINE_MS)),
        limit: paging.page_request()?.limit,
        instances: InstanceFilter {
            project: query.0.project,
            ..InstanceFilter::visible_to(caller.visible_projects())
        },
    };
    let timelines = caller.catalog().timelines();
    let past = timelines.list_past(&request).await?;
    let from_now = TimelineRequest {
        from: request.from.max(Timestamp(now.0 + 1)),
        ..request
    };
    let coming = timelines.list_coming(&from_now).await?;
    Ok(HttpResponse::Ok().json(Timeline {
        past: past.into_iter().map(PastEntry::from).collect(),
        coming: coming.into_iter().map(ComingEntry::from).collect(),
    }))
}
