//! Which connections the documents of a project may name.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, SelectGetableTuple, Selector,
};

use crate::connections::owner::ConnectionOwner;
use crate::connections::stored::{Connections, granted_to};
use crate::entity::connection;
use crate::error::CatalogError;
use crate::projects::ProjectId;

/// Whether a project may use a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionAccess {
    /// It is its own, or granted to it.
    Usable,
    /// It is shared, and not granted to the project.
    NotGranted,
}

/// What a name means in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsableConnection {
    /// The type of the connection.
    pub connection_type: String,
    /// Whether the project may use it.
    pub access: ConnectionAccess,
}

impl Connections<'_> {
    /// Returns what each name of a connection means in a project.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn names_in(
        self,
        project: ProjectId,
    ) -> Result<BTreeMap<String, UsableConnection>, CatalogError> {
        let shared = connection::Column::ProjectId.is_null();
        let all = select_names(Condition::all().add(shared))
            .all(self.store.reader())
            .await?;
        let own = ConnectionOwner::Project(project).condition();
        let usable = select_names(Condition::any().add(own).add(granted_to(project)));
        let usable: Vec<(String, String)> = usable.all(self.store.reader()).await?;
        // Of two with one name the project's own is read last.
        let named = |access| {
            move |(name, connection_type)| {
                (
                    name,
                    UsableConnection {
                        connection_type,
                        access,
                    },
                )
            }
        };
        let mut names: BTreeMap<String, UsableConnection> =
            all.into_iter().map(named(ConnectionAccess::NotGranted)).collect();
        names.extend(usable.into_iter().map(named(ConnectionAccess::Usable)));
        Ok(names)
    }

    /// Returns the shared connections, which shared channels may name.
    pub(crate) async fn shared_names(self) -> Result<BTreeMap<String, UsableConnection>, CatalogError> {
        let shared = select_names(Condition::all().add(connection::Column::ProjectId.is_null()));
        let shared = shared.all(self.store.reader()).await?.into_iter();
        let named = shared.map(|(name, connection_type)| {
            let access = ConnectionAccess::Usable;
            (
                name,
                UsableConnection {
                    connection_type,
                    access,
                },
            )
        });
        Ok(named.collect())
    }
}

/// Selects name and type; those of projects come last.
fn select_names(condition: Condition) -> Selector<SelectGetableTuple<(String, String)>> {
    connection::Entity::find()
        .select_only()
        .column(connection::Column::Name)
        .column(connection::Column::Type)
        .filter(condition)
        .order_by_asc(connection::Column::ProjectId.is_not_null())
        .into_tuple()
}
