use engine::ids::{BackfillId, InstanceId};
use engine::trigger::TriggerType;

use super::*;

fn filter_of(query: &str) -> Result<InstanceFilter, Problem> {
    let query = actix_web::web::Query::<InstanceQuery>::from_query(query).unwrap();
    let (filter, _) = query.into_inner().into_filter(VisibilityScope::All)?;
    Ok(filter)
}

#[test]
fn every_parameter_has_its_condition() {
    let filter = filter_of(
        "trigger=schedule&schedule=nightly&backfill=12&parent=7&requested_by=eve&label=team:a:b&version=2\
         &scheduled_from=2026-01-02T00:00:00Z&scheduled_to=2026-01-02T08:00:00%2B08:00\
         &created_from=1970-01-01T00:00:00.0005Z&created_to=1970-01-01T00:00:00.0015Z",
    )
    .unwrap();
    let midnight = Some(Timestamp(1_767_312_000_000));
    let expected = InstanceFilter {
        trigger: Some(TriggerType::Schedule),
        schedule: Some("nightly".to_owned()),
        backfill: Some(BackfillId(12)),
        parent: Some(InstanceId(7)),
        requested_by: Some("eve".to_owned()),
        label: Some(LabelFilter {
            name: "team".to_owned(),
            value: "a:b".to_owned(),
        }),
        version: Some(2),
        scheduled: TimeRange {
            from: midnight,
            to: midnight,
        },
        created: TimeRange {
            from: Some(Timestamp(1)),
            to: Some(Timestamp(1)),
        },
        ..InstanceFilter::visible_to(VisibilityScope::All)
    };
    assert_eq!(filter, expected);
}
