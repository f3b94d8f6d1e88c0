//! The fire times of a schedule that is not stored.

use chrono_tz::Tz;
use serde_json::Value;

use super::definition::ScheduleDefinition;
use super::field_reader::{FieldReader, parse_time};
use super::fields::timing_keys;
use crate::ids::Timestamp;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::validator::{Path, Validator};

/// The fewest and the most fire times of one answer.
const COUNTS: (i64, i64) = (1, 1_000);

/// The number of fire times of an answer when the request says none.
const DEFAULT_COUNT: u32 = 10;

/// What a preview is asked for besides when the schedule fires.
const PREVIEW_KEYS: [&str; 3] = ["project", "count", "after"];

/// The fire times of a schedule that is not stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The schedule.
    pub definition: ScheduleDefinition,
    /// The project whose calendars it may name.
    pub project: Option<String>,
    /// The most fire times.
    pub count: u32,
    /// Fire times are after it; now unless given.
    pub after: Option<Timestamp>,
}

/// Parses the request of a preview.
///
/// # Errors
/// Lists everything that is wrong with it.
pub fn parse_preview(value: &Value, default_zone: Tz) -> Result<Preview, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let preview = parse_preview_fields(&mut validator, value, default_zone);
    validator.finish(preview)
}

fn parse_preview_fields(validator: &mut Validator, value: &Value, default_zone: Tz) -> Option<Preview> {
    let at = Path::ROOT;
    let keys: Vec<&str> = timing_keys().chain(PREVIEW_KEYS).collect();
    let map = validator.object(value, &at, &keys)?;
    let mut fields = FieldReader::new(validator, map, at);
    let project = fields.read("project", |validator, value, at| validator.name(value, at));
    let count = fields.read("count", |validator, value, at| {
        validator.integer(value, at, COUNTS)
    });
    let after = fields.read("after", parse_time);
    let definition = fields.read_definition(default_zone)?;
    let zone = definition.timezone.unwrap_or(default_zone);
    Some(Preview {
        project,
        count: count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(DEFAULT_COUNT),
        after: after.and_then(|after| after.begin_in(zone)),
        definition,
    })
}

/// Parses the count of an answer with fire times, as a query gives it; `None` when it is out of bounds.
pub fn parse_count(count: Option<u32>) -> Option<u32> {
    let count = count.unwrap_or(DEFAULT_COUNT);
    (COUNTS.0..=COUNTS.1).contains(&i64::from(count)).then_some(count)
}
