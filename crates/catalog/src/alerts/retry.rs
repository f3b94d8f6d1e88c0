//! Failed deliveries that a user has tried again.

use engine::ids::AlertId;
use sea_orm::ConnectionTrait;

use crate::alerts::stored::Alerts;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::error::CatalogError;

impl Alerts<'_> {
    /// Makes the failed deliveries of an alert waiting again, for a whole day from now; others are left alone.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn retry(self, id: AlertId, context: &AuditContext) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        let sql = "UPDATE alert_delivery SET state = 'waiting', next_at = $2, first_try_at = NULL, failures = 0, \
                   owner = NULL, leased_until = NULL WHERE state = 'failed' \
                   AND id IN (SELECT i.delivery FROM alert_delivery_item i WHERE i.alert = $1)";
        let values = [id.0.into(), context.at.0.into()];
        change
            .on()
            .execute_raw(self.store().statement(sql, values))
            .await?;
        change.commit("alert.retry", "alert", &id.to_string()).await
    }
}
