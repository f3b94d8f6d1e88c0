//! The query of a list of instances.

use std::str::FromStr;

use catalog::{InstanceFilter, LabelFilter, TimeRange, VisibilityScope};
use chrono::{DateTime, FixedOffset};
use engine::ids::Timestamp;
use engine::states::{InstanceState, UnknownName};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

use crate::http::codes::Code;
use crate::http::paging::Paging;
use crate::http::problem::Problem;

/// The filter of a list of instances; everything given must hold.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct InstanceQuery {
    /// The project's name.
    project: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// The version of the workflow.
    #[serde(deserialize_with = "text_or_number")]
    #[param(value_type = Option<i64>, minimum = 1)]
    version: Option<String>,
    /// A state; repeated or with commas, any of several.
    state: Option<String>,
    /// The address of the owner.
    host: Option<String>,
    /// What started it: `api`, `schedule`, `backfill`, `sub_workflow` or `dynamic`.
    trigger: Option<String>,
    /// The name of the schedule that started it.
    schedule: Option<String>,
    /// The id of the backfill that started it.
    backfill: Option<String>,
    /// The id of the instance that started it.
    parent: Option<String>,
    /// The user for whom it was started.
    requested_by: Option<String>,
    /// `NAME:VALUE`, one of its labels; the name ends at the first colon.
    label: Option<String>,
    /// The first `scheduled_at`, RFC 3339 with an offset.
    #[param(format = DateTime)]
    scheduled_from: Option<String>,
    /// The last `scheduled_at`, RFC 3339 with an offset.
    #[param(format = DateTime)]
    scheduled_to: Option<String>,
    /// The first `created_at`, RFC 3339 with an offset.
    #[param(format = DateTime)]
    created_from: Option<String>,
    /// The last `created_at`, RFC 3339 with an offset.
    #[param(format = DateTime)]
    created_to: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl InstanceQuery {
    /// Checks every value of the query.
    pub(crate) fn into_filter(self, visible: VisibilityScope) -> Result<(InstanceFilter, Paging), Problem> {
        let filter = InstanceFilter {
            visible,
            version: parse_number("version", self.version.as_deref())?,
            states: parse_states::<InstanceState>(self.state.as_deref())?,
            trigger: parse_name("trigger", self.trigger.as_deref())?,
            backfill: parse_number("backfill", self.backfill.as_deref())?,
            parent: parse_number("parent", self.parent.as_deref())?,
            label: self.label.as_deref().map(parse_label).transpose()?,
            scheduled: TimeRange {
                from: parse_from("scheduled_from", self.scheduled_from.as_deref())?,
                to: parse_to("scheduled_to", self.scheduled_to.as_deref())?,
            },
            created: TimeRange {
                from: parse_from("created_from", self.created_from.as_deref())?,
                to: parse_to("created_to", self.created_to.as_deref())?,
            },
            project: self.project,
            workflow: self.workflow,
            host: self.host,
            schedule: self.schedule,
            requested_by: self.requested_by,
        };
        let paging = Paging {
            limit: self.limit,
            cursor: self.cursor,
        };
        Ok((filter, paging))
    }
}

/// Reads a number that a query writes as text and a body as a number.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(u64),
    }
    let written = Option::<Written>::deserialize(deserializer)?;
    Ok(written.map(|written| match written {
        Written::Text(text) => text,
        Written::Number(number) => number.to_string(),
    }))
}

fn invalid_value(name: &str, why: impl std::fmt::Display) -> Problem {
    Problem::new(Code::InvalidQuery, format!("`{name}`: {why}.")).at(format!("/{name}"))
}

/// Parses the names of states, separated by commas.
pub(crate) fn parse_states<T: FromStr<Err = UnknownName>>(text: Option<&str>) -> Result<Vec<T>, Problem> {
    let names = text.into_iter().flat_map(|text| text.split(','));
    let unknown_state = |error: UnknownName| invalid_value("state", error);
    names.map(|name| name.parse().map_err(unknown_state)).collect()
}

fn parse_name<T: FromStr<Err = UnknownName>>(name: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error| invalid_value(name, error))
}

fn parse_number<T: FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parse = |text: &str| {
        let number = Some(text)
            .filter(|text| is_number(text))
            .and_then(|text| text.parse().ok());
        number.ok_or_else(|| invalid_value(name, format!("`{text}` is not a whole number from 1 on")))
    };
    text.map(parse).transpose()
}

fn parse_label(text: &str) -> Result<LabelFilter, Problem> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok(LabelFilter {
            name: name.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err(invalid_value(
            "label",
            format!("write `NAME:VALUE`, not `{text}`"),
        )),
    }
}

/// Parses the first instant of a range. Stored instants are whole milliseconds, so that a part of one rounds up.
pub(crate) fn parse_from(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let instant = parse_instant(name, text)?;
    Ok(instant.map(|instant| {
        let part = i64::from(instant.timestamp_subsec_nanos() % 1_000_000 != 0);
        Timestamp(instant.timestamp_millis() + part)
    }))
}

/// Parses the last instant of a range.
pub(crate) fn parse_to(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let instant = parse_instant(name, text)?;
    Ok(instant.map(|instant| Timestamp(instant.timestamp_millis())))
}

fn parse_instant(name: &str, text: Option<&str>) -> Result<Option<DateTime<FixedOffset>>, Problem> {
    let parse = |text: &str| {
        DateTime::parse_from_rfc3339(text).map_err(|_| {
            // In a query string a bare `+` means a blank.
            let hint = match text.rsplit_once(' ') {
                Some((_, offset)) if offset.len() == "08:00".len() => {
                    "; the `+` of an offset is written `%2B` in a URL"
                }
                _ => "",
            };
            let why = format!("`{text}` is not an instant with an offset like `2026-01-31T08:00:00Z`{hint}");
            invalid_value(name, why)
        })
    };
    text.map(parse).transpose()
}

#[cfg(test)]
mod tests;
