//! The limits that one task waits for.

use engine::explain::LimitShortage;
use engine::ids::{InstanceId, TaskIndex};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::columns::narrow;
use crate::error::CatalogError;
use crate::limits::stored::{Limits, first_blocked, queue_order};

/// The limits in whose queues a task is, as queues list it: those that lack room for it, or for a task before it.
const SHORTAGES: &str = "SELECT l.name, p.name AS project_name, l.slots, l.used, r.slots AS wanted \
    FROM limit_request r JOIN named_limit l ON l.id = r.limit_id LEFT JOIN project p ON p.id = l.project_id \
    WHERE r.instance = $1 AND r.task_index = $2 AND r.state <> 'holding' AND NOT r.forced AND l.enabled \
    AND ({r}) >= ({first}) ORDER BY l.name";

#[derive(FromQueryResult)]
struct ShortageRow {
    name: String,
    project_name: Option<String>,
    slots: i64,
    used: i64,
    wanted: i64,
}

impl Limits<'_> {
    /// Lists the limits that a task waits for.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub(crate) async fn list_shortages(
        self,
        instance: InstanceId,
        task_index: TaskIndex,
    ) -> Result<Vec<LimitShortage>, CatalogError> {
        let sql = SHORTAGES
            .replace("{first}", &first_blocked())
            .replace("{r}", &queue_order("r"));
        let values = [instance.0.into(), i64::from(task_index.0).into()];
        let rows = self
            .store()
            .reader()
            .query_all_raw(self.store().statement(&sql, values))
            .await?;
        rows.iter()
            .map(|row| {
                let row = ShortageRow::from_query_result(row, "")?;
                Ok(LimitShortage {
                    name: row.name,
                    project: row.project_name,
                    slots: narrow("slots", row.slots)?,
                    used: narrow("used", row.used.max(0))?,
                    wanted: narrow("wanted", row.wanted)?,
                })
            })
            .collect()
    }
}
