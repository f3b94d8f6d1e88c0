//! Which workflows run besides, after which dates.

use proptest::prelude::*;
use serde_json::json;

use crate::backfill::*;
use crate::dependent::{DependencyCycle, cycle_interval_start};
use crate::ids::Timestamp;
use crate::spec::{self, Definition};
use crate::timezone::Tz;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn planned(times: &[i64]) -> Vec<PlannedDate> {
    let zone = Tz::UTC;
    let at = times.iter().map(|at| Timestamp(*at));
    at.map(|at| PlannedDate { at, zone }).collect()
}

fn after(cycle: DependencyCycle) -> DependentIntervals {
    let zone = Tz::UTC;
    DependentIntervals { cycle, zone }
}

/// Writes each run as its date in hours, those of dependents with their index and what they run after.
fn lines(runs: &[PlannedRun]) -> Vec<String> {
    let line = |run: &PlannedRun| {
        let hour = run.date.at.0 / HOUR_MS;
        match run.dependent {
            None => hour.to_string(),
            Some(PlannedDependent { index, awaited }) => {
                format!(
                    "{hour}: dependent {index} after {} to {}",
                    awaited.first, awaited.last
                )
            }
        }
    };
    runs.iter().map(line).collect()
}

#[test]
fn a_dependent_stands_behind_the_last_date_of_its_interval() {
    let dates = planned(&[0, 6 * HOUR_MS, DAY_MS, DAY_MS + HOUR_MS]);
    let dependents = [after(DependencyCycle::Day), after(DependencyCycle::None)];
    assert_eq!(
        lines(&plan_runs(&dates, DateOrder::Ascending, &dependents)),
        [
            "0",
            "0: dependent 1 after 0 to 0",
            "6",
            "6: dependent 0 after 0 to 2",
            "6: dependent 1 after 2 to 2",
            "24",
            "24: dependent 1 after 5 to 5",
            "25",
            "25: dependent 0 after 5 to 7",
            "25: dependent 1 after 7 to 7",
        ]
    );
    assert_eq!(
        lines(&plan_runs(&dates, DateOrder::Descending, &dependents[..1])),
        [
            "25",
            "24",
            "25: dependent 0 after 0 to 1",
            "6",
            "0",
            "6: dependent 0 after 3 to 4"
        ]
    );
    let unordered = plan_runs(&dates, DateOrder::Descending, &[]);
    assert_eq!(lines(&unordered), ["25", "24", "6", "0"]);
}

fn definition(tasks: serde_json::Value) -> Definition {
    let document = json!({"version": 1, "name": "w", "tasks": tasks});
    spec::parse(&document).expect("a valid document")
}

#[test]
fn the_first_item_that_names_the_workflow_counts() {
    let item =
        |workflow: &str, cycle: &str, date: &str| json!({"workflow": workflow, "cycle": cycle, "date": date});
    let definition = definition(json!({
        "other": {"type": "dependent", "all": [item("x", "hour", "currentHour")]},
        "wait": {"type": "dependent", "any": [
            item("x", "hour", "currentHour"),
            {"all": [{"project": "q", "workflow": "orders", "cycle": "week", "date": "lastWeek"}]},
            item("orders", "day", "today"),
        ]},
        "later": {"type": "dependent", "all": [item("orders", "month", "lastMonth")]},
    }));
    let found = |named| Dependency::find(&definition, "p", named);
    let of = |task: &str, cycle| {
        let task = task.to_owned();
        Some(Dependency { task, cycle })
    };
    assert_eq!(found(("p", "orders")), of("wait", DependencyCycle::Day));
    assert_eq!(found(("q", "orders")), of("wait", DependencyCycle::Week));
    assert_eq!(found(("p", "x")), of("other", DependencyCycle::Hour));
    assert_eq!(found(("q", "x")), None);
}

proptest! {
    #[test]
    fn each_interval_has_one_run_after_exactly_its_dates(
        hours in prop::collection::btree_set(0_i64..3_000, 1..60),
        cycle in prop::sample::select(DependencyCycle::ALL),
        zone in prop::sample::select(vec![Tz::UTC, Tz::Asia__Kolkata, Tz::America__New_York]),
        order in prop::sample::select(DateOrder::ALL),
    ) {
        let dates = planned(&hours.iter().map(|hour| hour * HOUR_MS).collect::<Vec<_>>());
        let runs = plan_runs(&dates, order, &[DependentIntervals { cycle, zone }, after(DependencyCycle::Hour)]);
        let key = |at: Timestamp| cycle_interval_start(cycle, at, zone).unwrap_or(at);
        let mut keys: Vec<Timestamp> = dates.iter().map(|date| key(date.at)).collect();
        keys.dedup();
        let of_first = runs.iter().filter_map(|run| Some((run, run.dependent.filter(|dependent| dependent.index == 0)?)));
        let mut seen = Vec::new();
        for (run, PlannedDependent { awaited, .. }) in of_first {
            let range = &runs[awaited.first as usize..=awaited.last as usize];
            let own: Vec<Timestamp> = range.iter().filter(|run| run.dependent.is_none()).map(|run| run.date.at).collect();
            let of_interval = dates.iter().filter(|date| key(date.at) == key(run.date.at)).count();
            prop_assert!(own.iter().all(|at| key(*at) == key(run.date.at)) && own.len() == of_interval);
            prop_assert_eq!(own.iter().max(), Some(&run.date.at));
            seen.push(key(run.date.at));
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, keys);
        prop_assert_eq!(runs.iter().filter(|run| run.dependent.is_none()).count(), dates.len());
    }
}
