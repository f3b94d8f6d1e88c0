//! Silences as they are when alerts are made.

use engine::alert::AlertEvent;
use engine::ids::Timestamp;
use ports::StoreError;
use sea_orm::ConnectionTrait;

use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// A silence that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActiveSilence {
    project: Option<i64>,
    workflow: Option<String>,
    event: Option<String>,
}

impl ActiveSilence {
    /// Whether all that it names is that of an alert.
    pub(super) fn matches(&self, project: Option<i64>, workflow: Option<&str>, event: AlertEvent) -> bool {
        (self.project.is_none() || self.project == project)
            && (self.workflow.is_none() || self.workflow.as_deref() == workflow)
            && self.event.as_deref().is_none_or(|name| name == event.as_str())
    }
}

/// Reads the silences that have not ended.
pub(super) async fn read_silences(
    store: &Store,
    transaction: &Transaction,
    at: Timestamp,
) -> Result<Vec<ActiveSilence>, StoreError> {
    let sql = "SELECT project_id, workflow, event FROM silence WHERE until > $1";
    let rows = transaction
        .query_all_raw(store.statement(sql, [at.0.into()]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok(ActiveSilence {
                project: columns.next_value()?,
                workflow: columns.next_value()?,
                event: columns.next_value()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_silence_names_has_to_match() {
        let silence = |project, workflow: Option<&str>, event: Option<&str>| ActiveSilence {
            project,
            workflow: workflow.map(str::to_owned),
            event: event.map(str::to_owned),
        };
        let failed = AlertEvent::Failed;
        for (silence, expected) in [
            (silence(None, None, None), true),
            (silence(Some(1), None, None), true),
            (silence(Some(2), None, None), false),
            (silence(Some(1), Some("w"), Some("failed")), true),
            (silence(Some(1), Some("v"), None), false),
            (silence(None, None, Some("late")), false),
        ] {
            assert_eq!(
                silence.matches(Some(1), Some("w"), failed),
                expected,
                "{silence:?}"
            );
        }
        assert!(!silence(Some(1), None, None).matches(None, None, AlertEvent::NodeDead));
    }
}
