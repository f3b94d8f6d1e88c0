//! Which rules name which channels.

use sea_orm::ConnectionTrait;
use serde_json::Value;
use store::{Store, Transaction};

use crate::channels::owner::ChannelOwner;
use crate::columns::parse_json;
use crate::error::CatalogError;

/// The most users that a refusal names.
const MAX_NAMED_USERS: usize = 10;

/// The rules that hold now and may name a channel: of documents those of the current version. Rules of starts and of
/// backfills do not count.
const CURRENT_RULES: &str = "SELECT r.source, r.rule, p.name AS project, w.name AS workflow FROM alert_rule r \
    LEFT JOIN project p ON p.id = r.project_id LEFT JOIN workflow w ON w.id = r.workflow_id \
    WHERE r.valid_until IS NULL AND r.source IN ('document', 'schedule', 'project', 'server') AND r.rule LIKE $1 \
    AND (r.source <> 'document' OR r.source_id = w.version) AND w.deleted_at IS NULL AND p.deleted_at IS NULL AND ";

/// Lists who names a channel in rules.
pub(super) async fn find_rules_of(
    store: &Store,
    on: &Transaction,
    owner: ChannelOwner,
    name: &str,
) -> Result<Vec<String>, CatalogError> {
    let (condition, key) = match owner {
        ChannelOwner::Project(project) => ("r.project_id = $2", project.0.into()),
        ChannelOwner::Shared => (
            "NOT EXISTS (SELECT 1 FROM channel c WHERE c.project_id = r.project_id AND c.name = $2)",
            sea_orm::Value::from(name),
        ),
    };
    let sql = format!("{CURRENT_RULES}{condition} ORDER BY r.id");
    let quoted = format!("%{}%", Value::from(name));
    let rows = on
        .query_all_raw(store.statement(&sql, [quoted.into(), key]))
        .await?;
    let mut users = Vec::new();
    for row in rows {
        let rule: Value = parse_json("rule", &row.try_get::<String>("", "rule")?)?;
        let channels = rule["channels"].as_array().into_iter().flatten();
        let project: Option<String> = row.try_get("", "project")?;
        let workflow: Option<String> = row.try_get("", "workflow")?;
        let user = describe_user(workflow, project);
        if channels.into_iter().any(|channel| channel == name) && !users.contains(&user) {
            users.push(user);
        }
    }
    users.truncate(MAX_NAMED_USERS);
    Ok(users)
}

fn describe_user(workflow: Option<String>, project: Option<String>) -> String {
    match (workflow, project) {
        (Some(workflow), Some(project)) => {
            format!("a rule of the workflow `{workflow}` of the project `{project}`")
        }
        (_, Some(project)) => format!("a rule of the project `{project}`"),
        (_, None) => "a rule of the server".to_owned(),
    }
}
