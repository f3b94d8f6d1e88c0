//! Alerts with their deliveries.

use std::collections::BTreeMap;

use engine::ids::{AlertId, DeliveryId, InstanceId, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};
use store::Store;

use crate::entity::{alert, alert_delivery, alert_delivery_item, project, workflow};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;
use crate::visibility::VisibilityScope;

/// The name of the list in cursors.
const LIST: &str = "alerts";

/// The states of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried, or tried again.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It is not tried again.
    Failed,
    /// A silence kept it from being sent.
    Silenced,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Failed, Self::Silenced];

    /// Returns the stored and shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Silenced => "silenced",
        }
    }
}

/// Which alerts are listed; everything given must hold.
#[derive(Debug, Clone)]
pub struct AlertFilter {
    /// The projects that the caller may see.
    pub visible: VisibilityScope,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// The event.
    pub event: Option<String>,
    /// The state of any of its deliveries.
    pub state: Option<DeliveryState>,
    /// The earliest time.
    pub from: Option<Timestamp>,
    /// The latest time.
    pub to: Option<Timestamp>,
}

/// An alert with its deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// Its id.
    pub id: AlertId,
    /// The event.
    pub event: String,
    /// What it is about.
    pub subject: String,
    /// The rule that made it.
    pub rule: String,
    /// The project's row; none of alerts about nodes.
    pub project_id: Option<ProjectId>,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// The instance.
    pub instance: Option<InstanceId>,
    /// When the event occurred.
    pub at: Timestamp,
    /// One sentence.
    pub text: String,
    /// One for each channel that no rule before named.
    pub deliveries: Vec<DeliveryRow>,
}

/// A message to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// The channel's name.
    pub channel: String,
    /// Its state.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct ListedAlert {
    id: i64,
    event: String,
    subject: String,
    rule: String,
    project_id: Option<i64>,
    project: Option<String>,
    workflow: Option<String>,
    instance: Option<i64>,
    at: i64,
    text: String,
}

#[derive(FromQueryResult)]
struct ListedDelivery {
    alert: i64,
    id: i64,
    channel: String,
    state: String,
    attempts: i64,
    last_error: Option<String>,
    next_at: Option<i64>,
}

impl From<ListedAlert> for AlertRow {
    fn from(row: ListedAlert) -> Self {
        Self {
            id: AlertId(row.id),
            event: row.event,
            subject: row.subject,
            rule: row.rule,
            project_id: row.project_id.map(ProjectId),
            project: row.project,
            workflow: row.workflow,
            instance: row.instance.map(InstanceId),
            at: Timestamp(row.at),
            text: row.text,
            deliveries: Vec::new(),
        }
    }
}

impl From<ListedDelivery> for DeliveryRow {
    fn from(row: ListedDelivery) -> Self {
        Self {
            id: DeliveryId(row.id),
            channel: row.channel,
            state: row.state,
            attempts: row.attempts,
            last_error: row.last_error,
            next_at: row.next_at.map(Timestamp),
        }
    }
}

/// The alerts, and the rules of projects and of the server.
#[derive(Debug, Clone, Copy)]
pub struct Alerts<'a> {
    store: &'a Store,
}

impl<'a> Alerts<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    pub(super) fn store(&self) -> &'a Store {
        self.store
    }

    /// Lists alerts, the newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        filter: &AlertFilter,
        page: &PageRequest,
    ) -> Result<Page<AlertRow>, CatalogError> {
        let before = page.after::<i64>(LIST)?;
        let rows = select_alerts(conditions(filter))
            .filter(Condition::all().add_option(before.map(|id| alert::Column::Id.lt(id))))
            .order_by_desc(alert::Column::Id)
            .limit(page.rows())
            .into_model::<ListedAlert>()
            .all(self.store.reader())
            .await?;
        let rows: Vec<AlertRow> = rows.into_iter().map(AlertRow::from).collect();
        let mut page = Page::cut(LIST, page, rows, |row| row.id.to_string());
        self.add_deliveries(&mut page.items).await?;
        Ok(page)
    }

    /// Reads an alert; none when there is none with that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, id: AlertId) -> Result<Option<AlertRow>, CatalogError> {
        let row = select_alerts(Condition::all().add(alert::Column::Id.eq(id.0)))
            .into_model::<ListedAlert>()
            .one(self.store.reader())
            .await?;
        let mut rows: Vec<AlertRow> = row.into_iter().map(AlertRow::from).collect();
        self.add_deliveries(&mut rows).await?;
        Ok(rows.pop())
    }

    async fn add_deliveries(self, alerts: &mut [AlertRow]) -> Result<(), CatalogError> {
        let ids: Vec<i64> = alerts.iter().map(|row| row.id.0).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let rows = alert_delivery_item::Entity::find()
            .select_only()
            .column(alert_delivery_item::Column::Alert)
            .columns([
                alert_delivery::Column::Id,
                alert_delivery::Column::Channel,
                alert_delivery::Column::State,
                alert_delivery::Column::Attempts,
                alert_delivery::Column::LastError,
                alert_delivery::Column::NextAt,
            ])
            .join(JoinType::InnerJoin, alert_delivery_item::Relation::Delivery.def())
            .filter(alert_delivery_item::Column::Alert.is_in(ids))
            .order_by_asc(alert_delivery::Column::Id)
            .into_model::<ListedDelivery>()
            .all(self.store.reader())
            .await?;
        let mut deliveries: BTreeMap<i64, Vec<DeliveryRow>> = BTreeMap::new();
        for row in rows {
            deliveries.entry(row.alert).or_default().push(row.into());
        }
        for alert in alerts {
            alert.deliveries = deliveries.remove(&alert.id.0).unwrap_or_default();
        }
        Ok(())
    }
}

fn select_alerts(condition: Condition) -> sea_orm::Select<alert::Entity> {
    alert::Entity::find()
        .select_only()
        .columns([
            alert::Column::Id,
            alert::Column::Event,
            alert::Column::Subject,
            alert::Column::Rule,
            alert::Column::ProjectId,
            alert::Column::Instance,
            alert::Column::At,
            alert::Column::Text,
        ])
        .column_as(project::Column::Name, "project")
        .column_as(workflow::Column::Name, "workflow")
        .join(JoinType::LeftJoin, alert::Relation::Project.def())
        .join(JoinType::LeftJoin, alert::Relation::Workflow.def())
        .filter(condition)
}

fn conditions(filter: &AlertFilter) -> Condition {
    let of_state = filter.state.map(|state| {
        let deliveries = Query::select()
            .expr(Expr::val(1))
            .from(alert_delivery_item::Entity)
            .inner_join(
                alert_delivery::Entity,
                Expr::col((alert_delivery::Entity, alert_delivery::Column::Id))
                    .equals((alert_delivery_item::Entity, alert_delivery_item::Column::Delivery)),
            )
            .and_where(
                Expr::col((alert_delivery_item::Entity, alert_delivery_item::Column::Alert))
                    .equals((alert::Entity, alert::Column::Id)),
            )
            .and_where(Expr::col((alert_delivery::Entity, alert_delivery::Column::State)).eq(state.as_str()))
            .to_owned();
        Expr::exists(deliveries)
    });
    Condition::all()
        .add(filter.visible.condition(alert::Column::ProjectId))
        .add_option(filter.project.as_ref().map(|name| project::Column::Name.eq(name)))
        .add_option(
            filter
                .workflow
                .as_ref()
                .map(|name| workflow::Column::Name.eq(name)),
        )
        .add_option(filter.event.as_ref().map(|event| alert::Column::Event.eq(event)))
        .add_option(filter.from.map(|from| alert::Column::At.gte(from.0)))
        .add_option(filter.to.map(|to| alert::Column::At.lte(to.0)))
        .add_option(of_state)
}
