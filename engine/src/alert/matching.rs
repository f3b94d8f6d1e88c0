//! Which rules an event matches, and which channels each of them has to itself.

use std::collections::BTreeSet;

use super::event::AlertEvent;
use super::rule::{AlertRule, RuleLabel, RuleSource};
use super::rule_scope::rule_scope;
use super::subject::EventSubject;
use crate::expression::{Expression, ExpressionError};

/// A rule with the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRule {
    /// Where it stands.
    pub source: RuleSource,
    /// Its place there, from 0.
    pub place: u32,
    /// The rule.
    pub rule: AlertRule,
}

impl PlacedRule {
    /// Returns its name in alerts.
    pub fn label(&self) -> RuleLabel {
        RuleLabel::new(self.source, self.place, self.rule.name.as_deref())
    }
}

/// A rule that an event matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch {
    /// The position of the rule in the list that was matched.
    pub position: usize,
    /// Its name in alerts.
    pub label: RuleLabel,
    /// Its channels that no rule before it names.
    pub channels: Vec<String>,
    /// Why its `when` has no result; the rule counts all the same.
    pub when_failure: Option<String>,
}

/// Returns the rules that an event matches. The rules come in the order in which they count: that of their sources, and of
/// their places there.
pub fn match_rules(event: AlertEvent, subject: &EventSubject, rules: &[PlacedRule]) -> Vec<RuleMatch> {
    let mut taken: BTreeSet<(bool, &str)> = BTreeSet::new();
    let mut matches = Vec::new();
    for (position, placed) in rules.iter().enumerate() {
        if !placed.rule.on.contains(event) || !counts_for(placed, subject) {
            continue;
        }
        let when_failure = match placed
            .rule
            .when
            .as_deref()
            .map(|when| holds(when, event, subject))
        {
            None | Some(Ok(true)) => None,
            Some(Ok(false)) => continue,
            Some(Err(error)) => Some(error.to_string()),
        };
        // The same name may mean another channel in a rule of the server, which knows shared ones only.
        let is_shared = placed.source == RuleSource::Server;
        let channels = placed.rule.channels.iter();
        let own = channels.filter(|channel| taken.insert((is_shared, channel.as_str())));
        matches.push(RuleMatch {
            position,
            label: placed.label(),
            channels: own.cloned().collect(),
            when_failure,
        });
    }
    matches
}

/// Whether a rule counts for the instance of an event, whatever its `when` says.
fn counts_for(placed: &PlacedRule, subject: &EventSubject) -> bool {
    let Some(instance) = &subject.instance else {
        return true;
    };
    let is_of_start = placed.source == RuleSource::Start;
    let is_silenced = instance.silences_document && placed.source == RuleSource::Document;
    (placed.rule.children || !instance.is_child) && (is_of_start || !instance.is_dry_run) && !is_silenced
}

fn holds(when: &str, event: AlertEvent, subject: &EventSubject) -> Result<bool, ExpressionError> {
    Expression::parse(when)?.evaluate(&rule_scope(event, subject))
}

#[cfg(test)]
mod tests;
