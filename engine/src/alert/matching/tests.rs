use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::alert::{AlertedInstance, EventSet, parse_rule_list};

fn placed(source: RuleSource, rules: Value) -> Vec<PlacedRule> {
    let rules = parse_rule_list(&json!({ "rules": rules }), source).expect("valid rules");
    let placed = (0..)
        .zip(rules)
        .map(|(place, rule)| PlacedRule { source, place, rule });
    placed.collect()
}

fn nightly() -> EventSubject {
    EventSubject {
        instance: Some(AlertedInstance {
            id: "7".to_owned(),
            project: "etl".to_owned(),
            workflow: "night".to_owned(),
            state: "failed".to_owned(),
            scheduled_at: None,
            trigger: "schedule".to_owned(),
            labels: vec![("team".to_owned(), "bi".to_owned())],
            is_child: false,
            is_dry_run: false,
            silences_document: false,
        }),
        task: None,
        error: None,
    }
}

fn with_instance(change: impl FnOnce(&mut AlertedInstance)) -> EventSubject {
    let mut subject = nightly();
    subject.instance.as_mut().map(change);
    subject
}

fn matched(event: AlertEvent, subject: &EventSubject, rules: &[PlacedRule]) -> Vec<(String, Vec<String>)> {
    let matches = match_rules(event, subject, rules).into_iter();
    matches
        .map(|matched| (matched.label.to_string(), matched.channels))
        .collect()
}

fn pair(label: &str, channels: &[&str]) -> (String, Vec<String>) {
    let channels = channels.iter().map(|channel| (*channel).to_owned());
    (label.to_owned(), channels.collect())
}

#[test]
fn the_first_rule_that_names_a_channel_has_the_delivery() {
    let mut rules = placed(
        RuleSource::Document,
        json!([
            { "name": "broken", "on": ["failed"], "channels": ["a", "b"] },
            { "on": ["failed"], "channels": ["b", "c"] },
            { "on": ["succeeded"], "channels": ["d"] },
        ]),
    );
    rules.extend(placed(
        RuleSource::Project,
        json!([{ "on": ["failed"], "channels": ["a"] }]),
    ));
    rules.extend(placed(
        RuleSource::Server,
        json!([{ "on": ["failed"], "channels": ["a"] }]),
    ));
    assert_eq!(
        matched(AlertEvent::Failed, &nightly(), &rules),
        [
            pair("document/broken", &["a", "b"]),
            pair("document/1", &["c"]),
            pair("project/0", &[]),
            // `a` of the server is a shared channel, which may be another one.
            pair("server/0", &["a"]),
        ]
    );
}

#[test]
fn an_expression_decides_and_one_that_fails_counts_as_true() {
    let rules = placed(
        RuleSource::Document,
        json!([
            { "on": ["failed"], "channels": ["a"], "when": "instance.trigger == 'schedule'" },
            { "on": ["failed"], "channels": ["a"], "when": "instance.labels.team == 'ops'" },
            { "on": ["failed"], "channels": ["a"], "when": "event == 'failed' and task.name == 'load'" },
        ]),
    );
    let matches = match_rules(AlertEvent::Failed, &nightly(), &rules);
    let labels: Vec<&str> = matches.iter().map(|matched| matched.label.as_str()).collect();
    assert_eq!(labels, ["document/0", "document/2"]);
    assert_eq!(matches[0].when_failure, None);
    assert!(
        matches[1].when_failure.is_some(),
        "there is no task in this event"
    );
    let of_task = EventSubject {
        task: Some("load".to_owned()),
        ..nightly()
    };
    assert_eq!(
        match_rules(AlertEvent::Failed, &of_task, &rules[2..])[0].when_failure,
        None
    );
}

#[test]
fn children_dry_runs_and_silent_starts_are_left_out() {
    let mut rules = placed(
        RuleSource::Start,
        json!([{ "on": ["failed"], "channels": ["s"] }]),
    );
    rules.extend(placed(
        RuleSource::Document,
        json!([
            { "on": ["failed"], "channels": ["d"] },
            { "on": ["failed"], "channels": ["c"], "children": true },
        ]),
    ));
    rules.extend(placed(
        RuleSource::Project,
        json!([{ "on": ["failed"], "channels": ["p"] }]),
    ));
    let labels = |subject: &EventSubject| -> Vec<String> {
        let matches = matched(AlertEvent::Failed, subject, &rules).into_iter();
        matches.map(|(label, _)| label).collect()
    };
    assert_eq!(
        labels(&nightly()),
        ["start/0", "document/0", "document/1", "project/0"]
    );
    assert_eq!(
        labels(&with_instance(|instance| instance.is_child = true)),
        ["document/1"]
    );
    assert_eq!(
        labels(&with_instance(|instance| instance.is_dry_run = true)),
        ["start/0"]
    );
    assert_eq!(
        labels(&with_instance(|instance| instance.silences_document = true)),
        ["start/0", "project/0"]
    );
}

proptest! {
    /// Whatever rules there are, a channel gets an event once, and gets it when any rule that counts names it.
    #[test]
    fn each_named_channel_gets_an_event_once(
        rules in proptest::collection::vec(
            (proptest::collection::btree_set("[abc]", 1..3), any::<bool>(), any::<bool>()),
            0..8,
        ),
    ) {
        let rules: Vec<PlacedRule> = (0..)
            .zip(rules)
            .map(|(place, (channels, names_event, is_of_project))| PlacedRule {
                source: if is_of_project { RuleSource::Project } else { RuleSource::Document },
                place,
                rule: AlertRule {
                    name: None,
                    on: EventSet::NONE
                        .with(if names_event { AlertEvent::Failed } else { AlertEvent::Succeeded }),
                    channels: channels.into_iter().collect(),
                    group_ms: None,
                    when: None,
                    late: None,
                    within_ms: None,
                    children: false,
                },
            })
            .collect();
        let sent: Vec<String> = match_rules(AlertEvent::Failed, &nightly(), &rules)
            .into_iter()
            .flat_map(|matched| matched.channels)
            .collect();
        let distinct: BTreeSet<&String> = sent.iter().collect();
        prop_assert_eq!(distinct.len(), sent.len());
        let wanted: BTreeSet<&String> = rules
            .iter()
            .filter(|placed| placed.rule.on.contains(AlertEvent::Failed))
            .flat_map(|placed| &placed.rule.channels)
            .collect();
        prop_assert_eq!(distinct, wanted);
    }
}
