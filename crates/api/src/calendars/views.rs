//! Calendars in requests and answers.

use catalog as stored;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::timestamp::format_time;

/// What goes with iCalendar text.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CalendarQuery {
    /// `all` or `weekdays`, with iCalendar text only; `all` unless given.
    pub(crate) days: Option<String>,
}

/// A calendar to be stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutCalendar {
    /// The IANA name of the zone of its dates; that of the schedule unless given.
    pub(crate) timezone: Option<String>,
    /// `all` or `weekdays`; `all` unless given.
    pub(crate) days: Option<String>,
    /// Dates that do not belong to it, like `2026-10-01`.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Dates that belong to it, whatever the other members say.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    /// For people.
    #[serde(default)]
    pub(crate) description: String,
}

/// A calendar.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(crate) struct CalendarView {
    name: String,
    timezone: Option<String>,
    /// `all` or `weekdays`.
    days: String,
    exclude: Vec<String>,
    include: Vec<String>,
    description: String,
    /// Whether all projects share it.
    shared: bool,
    created_at: String,
    updated_at: String,
}

impl From<stored::StoredCalendar> for CalendarView {
    fn from(row: stored::StoredCalendar) -> Self {
        let calendar = row.calendar;
        Self {
            name: row.name,
            timezone: calendar.zone.map(|zone| zone.name().to_owned()),
            days: calendar.days.to_string(),
            exclude: calendar.exclude.iter().map(ToString::to_string).collect(),
            include: calendar.include.iter().map(ToString::to_string).collect(),
            description: row.description,
            shared: row.scope == stored::CalendarScope::Shared,
            created_at: format_time(row.created_at),
            updated_at: format_time(row.updated_at),
        }
    }
}
