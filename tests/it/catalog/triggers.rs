use std::collections::BTreeMap;

use catalog::{InstanceFilter, LabelFilter, PageRequest, TimeRange, VisibilityScope};
use engine::ids::{AttemptNumber, BackfillId, InstanceId, Timestamp};
use engine::spec::ProjectDefaults;
use engine::start::Start;
use engine::states::{FailureStrategy, Priority, Scope};
use engine::timezone::Tz;
use engine::trigger::{ParentAttempt, Trigger, TriggerType};
use ports::{InstanceWriter as _, NewInstance, Write, WriteOutcome};

use super::fixture::CatalogFixture;

pub(super) const FIRE: Timestamp = Timestamp(1_800_000_000_000);

/// An instance of the workflow with row 1 that was started by a trigger.
pub(super) fn started_by(trigger: Trigger, requested_by: Option<&str>) -> NewInstance {
    let scheduled_at = (trigger != Trigger::Api).then_some(FIRE);
    NewInstance {
        project_id: 1,
        workflow_id: 1,
        project: "default".to_owned(),
        workflow: "w".to_owned(),
        project_params: BTreeMap::new(),
        version: 1,
        tasks: 3,
        excluded: 0,
        start: Start {
            params: BTreeMap::new(),
            tasks: Vec::new(),
            start_within_ms: None,
            scope: Scope::All,
            failure_strategy: FailureStrategy::Continue,
            priority: Priority::Medium,
            worker_group: None,
            dry_run: false,
            scheduled_at,
            timezone: Tz::Asia__Shanghai,
            defaults: ProjectDefaults::default(),
            labels: BTreeMap::from([("team".to_owned(), "bi".to_owned())]),
            notify: None,
            body: None,
        },
        trigger,
        requested_by: requested_by.map(str::to_owned),
        owner: None,
        continued_from: None,
        request_key: None,
        at: Timestamp(1_000),
    }
}

pub(super) async fn store_instance(fixture: &CatalogFixture, new: NewInstance) -> InstanceId {
    let outcomes = fixture.store.write_batch(&[Write::Create(new)]).await;
    match outcomes.expect("an answer").remove(0) {
        WriteOutcome::Created { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn every_trigger_is_shown_as_it_was_stored(fixture: &CatalogFixture) {
    fixture.flow(catalog::ProjectId(1), "w").await;
    let parent = ParentAttempt {
        instance: InstanceId(77),
        task: "load all".to_owned(),
        attempt: AttemptNumber(3),
    };
    let nightly = Trigger::Schedule {
        schedule: "nightly".to_owned(),
        fire_at: FIRE,
    };
    let dynamic = Trigger::Dynamic {
        parent: parent.clone(),
        index: 4,
    };
    let triggers = [
        (Trigger::Api, Some("admin"), "started by admin (api)"),
        (nightly, None, "started by schedule nightly"),
        (
            Trigger::Backfill(BackfillId(12)),
            Some("eve"),
            "started by eve (backfill 12)",
        ),
        (
            Trigger::SubWorkflow(parent),
            Some("eve"),
            "started by eve (task load all of instance 77)",
        ),
        (dynamic, None, "started by task load all of instance 77"),
    ];
    for (trigger, requested_by, reason) in triggers {
        let new = started_by(trigger, requested_by);
        let id = store_instance(fixture, new.clone()).await;
        let row = fixture.catalog.instances().find(id).await.expect("an answer");
        let row = row.expect("the instance");
        assert_eq!((row.trigger, row.requested_by), (new.trigger, new.requested_by));
        assert_eq!(
            (row.scheduled_at, row.timezone, row.labels),
            (new.start.scheduled_at, Tz::Asia__Shanghai, new.start.labels)
        );
        let history = fixture.catalog.history().list(id, &Default::default()).await;
        assert_eq!(history.expect("a history").items[0].why, reason);
    }
}

pub(super) async fn labels_are_deleted_with_their_instance(fixture: &CatalogFixture) {
    fixture.flow(catalog::ProjectId(1), "w").await;
    let id = store_instance(fixture, started_by(Trigger::Api, None)).await;
    assert_eq!(fixture.count("instance_label").await, 1);
    fixture
        .sql(&format!("DELETE FROM instance WHERE id = {id}"))
        .await;
    assert_eq!(fixture.count("instance_label").await, 0);
}

/// Lists the ids of a filter in pages of two.
async fn listed(fixture: &CatalogFixture, filter: &InstanceFilter) -> Vec<i64> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit: 2, cursor };
        let page = fixture
            .catalog
            .instances()
            .list(filter, &request)
            .await
            .expect("a page");
        ids.extend(page.items.iter().map(|row| row.id.0));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return ids;
        }
    }
}

/// A filter of every instance, changed.
fn filter_of(change: impl FnOnce(&mut InstanceFilter)) -> InstanceFilter {
    let mut filter = InstanceFilter::visible_to(VisibilityScope::All);
    change(&mut filter);
    filter
}

fn label(value: &str) -> Option<LabelFilter> {
    Some(LabelFilter {
        name: "team".to_owned(),
        value: value.to_owned(),
    })
}

fn range(from: Option<i64>, to: Option<i64>) -> TimeRange {
    TimeRange {
        from: from.map(Timestamp),
        to: to.map(Timestamp),
    }
}

/// Filters, and the ids that they select.
fn filter_cases() -> Vec<(InstanceFilter, &'static [i64])> {
    let eve = || Some("eve".to_owned());
    vec![
        (filter_of(|_| {}), &[5, 4, 3, 2, 1]),
        (
            filter_of(|filter| filter.trigger = Some(TriggerType::Schedule)),
            &[3, 2],
        ),
        (
            filter_of(|filter| filter.schedule = Some("nightly".to_owned())),
            &[3, 2],
        ),
        (filter_of(|filter| filter.backfill = Some(BackfillId(12))), &[4]),
        (filter_of(|filter| filter.parent = Some(InstanceId(1))), &[5]),
        (filter_of(|filter| filter.requested_by = eve()), &[5, 4]),
        (filter_of(|filter| filter.version = Some(1)), &[5, 4, 3, 2, 1]),
        (filter_of(|filter| filter.version = Some(2)), &[]),
        (filter_of(|filter| filter.label = label("bi")), &[4, 3, 2]),
        (filter_of(|filter| filter.label = label("b")), &[]),
        (
            filter_of(|filter| filter.created = range(Some(1_001), Some(1_003))),
            &[4, 3, 2],
        ),
        (
            filter_of(|filter| filter.created = range(Some(1_004), None)),
            &[5],
        ),
        (
            filter_of(|filter| filter.scheduled = range(Some(0), None)),
            &[5, 4, 3, 2],
        ),
        (
            filter_of(|filter| filter.scheduled = range(None, Some(FIRE.0 + 2))),
            &[3, 2],
        ),
        (
            filter_of(|filter| filter.scheduled = range(Some(FIRE.0 + 3), Some(FIRE.0 + 3))),
            &[4],
        ),
        (
            filter_of(|filter| {
                filter.label = label("bi");
                filter.requested_by = eve();
            }),
            &[4],
        ),
        (
            filter_of(|filter| {
                filter.label = label("bi");
                filter.created = range(None, Some(1_002));
            }),
            &[3, 2],
        ),
        (
            filter_of(|filter| {
                filter.parent = Some(InstanceId(1));
                filter.requested_by = Some("admin".to_owned());
            }),
            &[],
        ),
    ]
}

pub(super) async fn every_filter_selects_alone_and_with_others(fixture: &CatalogFixture) {
    fixture.flow(catalog::ProjectId(1), "w").await;
    let nightly = Trigger::Schedule {
        schedule: "nightly".to_owned(),
        fire_at: FIRE,
    };
    let parent = ParentAttempt {
        instance: InstanceId(1),
        task: "t".to_owned(),
        attempt: AttemptNumber(1),
    };
    let triggers = [
        (Trigger::Api, Some("admin"), "ops"),
        (nightly.clone(), None, "bi"),
        (nightly, None, "bi"),
        (Trigger::Backfill(BackfillId(12)), Some("eve"), "bi"),
        (Trigger::SubWorkflow(parent), Some("eve"), "ops"),
    ];
    for (place, (trigger, requested_by, team)) in triggers.into_iter().enumerate() {
        let mut new = started_by(trigger, requested_by);
        new.at = Timestamp(1_000 + i64::try_from(place).expect("few"));
        new.start.labels.insert("team".to_owned(), team.to_owned());
        new.start.scheduled_at = new.start.scheduled_at.map(|at| at.plus(new.at.0 - 1_000));
        store_instance(fixture, new).await;
    }
    for (filter, ids) in filter_cases() {
        assert_eq!(listed(fixture, &filter).await, ids, "{filter:?}");
    }
}
