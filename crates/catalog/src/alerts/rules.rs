//! The rules of projects and of the server, and the channels that rules may name.

use engine::alert::{AlertRule, RuleSource};
use sea_orm::ConnectionTrait;
use store::{RulePlace, Transaction, replace_alert_rules};

use crate::alerts::stored::Alerts;
use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::parse_json;
use crate::context::AuditContext;
use crate::error::CatalogError;
use crate::projects::ProjectId;

/// Whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleOwner {
    /// Those of a project.
    Project(ProjectId),
    /// Those of the server, which name shared channels only.
    Server,
}

impl RuleOwner {
    /// Returns the kind of place.
    pub fn source(self) -> RuleSource {
        match self {
            Self::Project(_) => RuleSource::Project,
            Self::Server => RuleSource::Server,
        }
    }

    /// Returns the project, whose own channels go before shared ones.
    pub fn project(self) -> Option<ProjectId> {
        match self {
            Self::Project(project) => Some(project),
            Self::Server => None,
        }
    }

    fn place(self) -> RulePlace {
        match self {
            Self::Project(project) => RulePlace::of_project(project.0),
            Self::Server => RulePlace::SERVER,
        }
    }
}

impl Alerts<'_> {
    /// Reads the rules of a project or of the server, in order.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn rules(self, owner: RuleOwner) -> Result<Vec<AlertRule>, CatalogError> {
        let place = owner.place();
        let sql = "SELECT rule FROM alert_rule WHERE project_id = $1 AND workflow_id = $2 AND source = $3 \
                   AND valid_until IS NULL ORDER BY place";
        let values = [
            place.project_id.into(),
            place.workflow_id.into(),
            place.source.as_str().into(),
        ];
        let rows = self
            .store()
            .reader()
            .query_all_raw(self.store().statement(sql, values))
            .await?;
        rows.iter()
            .map(|row| parse_json("rule", &row.try_get_by_index::<String>(0)?))
            .collect()
    }

    /// Puts rules in the place of those before.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn replace_rules(
        self,
        owner: RuleOwner,
        rules: &[AlertRule],
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        self.lock_rules(change.on(), owner).await?;
        replace_alert_rules(change.on(), owner.place(), rules, context.at).await?;
        let resource = match owner {
            RuleOwner::Project(project) => project.0.to_string(),
            RuleOwner::Server => "server".to_owned(),
        };
        let entry =
            AuditEntry::done("rule.put", "rule", &resource).with_detail(format!("{} rules", rules.len()));
        change.commit_with(&entry).await
    }

    /// Keeps two changes of the same rules from mixing: the second waits here.
    async fn lock_rules(self, on: &Transaction, owner: RuleOwner) -> Result<(), CatalogError> {
        if self.store().backend() == sea_orm::DbBackend::Sqlite {
            return Ok(());
        }
        let sql = match owner {
            RuleOwner::Project(_) => "SELECT 1 FROM project WHERE id = $1 FOR NO KEY UPDATE",
            RuleOwner::Server => "SELECT 1 FROM alert_progress WHERE id = 1 + $1 FOR UPDATE",
        };
        let id = owner.project().map_or(0, |project| project.0);
        on.query_all_raw(self.store().statement(sql, [id.into()])).await?;
        Ok(())
    }

    /// Lists the names of the channels that rules of a project may name, or the shared ones only.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn channel_names(self, project: Option<ProjectId>) -> Result<Vec<String>, CatalogError> {
        let sql =
            "SELECT DISTINCT name FROM channel WHERE project_id IS NULL OR project_id = $1 ORDER BY name";
        let project = project.map(|project| project.0);
        let rows = self
            .store()
            .reader()
            .query_all_raw(self.store().statement(sql, [project.into()]))
            .await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }
}
