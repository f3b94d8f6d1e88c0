use serde_json::json;

use super::*;
use crate::alert::rule_document::serialize_rules;

fn parse(rules: Value, source: RuleSource) -> Result<Vec<AlertRule>, Vec<(String, String)>> {
    parse_rule_list(&json!({ "rules": rules }), source).map_err(|issues| {
        let issues = issues.into_iter();
        issues.map(|issue| (issue.pointer, issue.message)).collect()
    })
}

#[test]
fn what_is_read_is_written_the_same() {
    let rules = json!([
        { "name": "broken", "on": ["failed", "timed_out"], "channels": ["oncall"], "group": "5m" },
        { "on": ["succeeded"], "channels": ["bi-mail"], "when": "instance.trigger == 'schedule'" },
        { "on": ["late"], "channels": ["oncall"], "by": "06:30" },
        { "on": ["late"], "channels": ["oncall"], "after": "2h" },
        { "on": ["not_started"], "channels": ["oncall"], "within": "15m" },
        { "on": ["task_failed"], "channels": ["oncall"], "children": true },
    ]);
    let parsed = parse(rules.clone(), RuleSource::Project).expect("valid");
    assert_eq!(serialize_rules(&parsed), rules);
    let stored = serde_json::to_string(&parsed).unwrap();
    assert_eq!(serde_json::from_str::<Vec<AlertRule>>(&stored).unwrap(), parsed);
}

/// Fails unless each list of rules has a mistake at this place that says this.
fn assert_mistakes(cases: &[(Value, &str, &str)]) {
    for (rules, pointer, part) in cases {
        let issues = parse(rules.clone(), RuleSource::Project).expect_err(&rules.to_string());
        assert!(
            issues
                .iter()
                .any(|(at, message)| at == pointer && message.contains(part)),
            "{rules}: {issues:?}"
        );
    }
}

/// A rule with its only channel.
fn rule(mut members: Value) -> Value {
    members["channels"] = json!(["a"]);
    json!([members])
}

#[test]
fn mistakes_in_events_and_channels_name_their_place_and_the_fix() {
    let channels = |names: &[&str]| json!([{ "on": ["failed"], "channels": names }]);
    assert_mistakes(&[
        (
            rule(json!({ "on": ["faild"] })),
            "/rules/0/on/0",
            "did you mean `failed`?",
        ),
        (
            rule(json!({ "on": ["sql_result"] })),
            "/rules/0/on/0",
            "`mail` of a task",
        ),
        (
            rule(json!({ "on": ["node_dead"] })),
            "/rules/0/on/0",
            "rules of the server",
        ),
        (rule(json!({ "on": [] })), "/rules/0/on", "name at least one"),
        (channels(&[]), "/rules/0/channels", "name at least one"),
        (
            channels(&["a", "a"]),
            "/rules/0/channels/1",
            "in the list already",
        ),
        (
            rule(json!({ "on": ["failed"], "when": "1 +" })),
            "/rules/0/when",
            "syntax error",
        ),
        (
            rule(json!({ "on": ["failed"], "when": "rows > 1" })),
            "/rules/0/when",
            "knows no `rows`",
        ),
        (
            rule(json!({ "on": ["failed"], "name": "3" })),
            "/rules/0/name",
            "not named by a number",
        ),
    ]);
    let twice = json!([
        { "on": ["failed"], "channels": ["a"], "name": "x" },
        { "on": ["failed"], "channels": ["a"], "name": "x" },
    ]);
    assert_mistakes(&[(twice, "/rules/1/name", "another rule here")]);
}

#[test]
fn mistakes_in_times_name_their_place_and_the_fix() {
    let late = |members: Value| {
        let mut members = members;
        members["on"] = json!(["late"]);
        rule(members)
    };
    assert_mistakes(&[
        (late(json!({})), "/rules/0/by", "`late` needs it"),
        (late(json!({ "by": "6:30" })), "/rules/0/by", "\"06:30\""),
        (late(json!({ "by": "24:00" })), "/rules/0/by", "time of the day"),
        (
            late(json!({ "by": "06:30", "after": "1h" })),
            "/rules/0/after",
            "exclude each other",
        ),
        (late(json!({ "after": "30d" })), "/rules/0/after", "at most 7d"),
        (
            rule(json!({ "on": ["failed"], "by": "06:30" })),
            "/rules/0/by",
            "about `late`",
        ),
        (
            rule(json!({ "on": ["failed"], "within": "1h" })),
            "/rules/0/within",
            "`not_started`",
        ),
        (
            rule(json!({ "on": ["not_started"] })),
            "/rules/0/within",
            "needs it",
        ),
    ]);
}

#[test]
fn events_that_cannot_match_at_a_place_are_refused() {
    let refused = [
        (RuleSource::Schedule, AlertEvent::BackfillFinished),
        (RuleSource::Backfill, AlertEvent::ScheduleRefused),
        (RuleSource::Start, AlertEvent::ScheduleRefused),
        (RuleSource::Start, AlertEvent::BackfillFinished),
        (RuleSource::Document, AlertEvent::Failover),
    ];
    for (source, event) in refused {
        let rules = json!([{ "on": [event], "channels": ["a"] }]);
        assert!(parse(rules.clone(), source).is_err(), "{source}: {event}");
        assert!(parse(rules, RuleSource::Server).is_ok(), "{event}");
    }
    let of_children = json!([{ "on": ["failed"], "channels": ["a"], "children": true }]);
    assert!(parse(of_children.clone(), RuleSource::Start).is_err());
    assert!(parse(of_children, RuleSource::Document).is_ok());
}
