//! Projects hold workflows, and say who may see them.

use std::collections::BTreeMap;

use engine::ids::Timestamp;

use sea_orm::{ConnectionTrait, QueryResult};

use super::audit::AuditEntry;
use super::{Catalog, CatalogError, Page, PageRequest, Request, Visible, sql};

const COLUMNS: &str = "id, name, description, params, created_at, updated_at";

/// The project that exists from the start.
const DEFAULT: &str = "default";

/// The row of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(pub i64);

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its row.
    pub id: ProjectId,
    /// Unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Parameters of every instance in it; the layer under the workflow's.
    pub params: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
}

/// A project to be created; its name was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewProject {
    /// Unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Parameters of every instance in it.
    pub params: BTreeMap<String, String>,
}

/// What changes of a project; none leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectEdit {
    /// The new description.
    pub description: Option<String>,
    /// All parameters anew.
    pub params: Option<BTreeMap<String, String>>,
}

impl Catalog {
    /// Creates a project; its creator gets `write` on it in the same transaction.
    ///
    /// # Errors
    /// `Conflict` with `PROJECT_EXISTS`: take another name.
    pub async fn create_project(&self, new: &NewProject, request: &Request) -> Result<Project, CatalogError> {
        let change = self.change(request).await?;
        let row = sql::first(
            &change.tx,
            format!(
                "INSERT INTO project (name, description, params, created_at, updated_at) \
                 VALUES ($1, $2, $3, $4, $4) \
                 ON CONFLICT (name) WHERE deleted_at IS NULL DO NOTHING RETURNING {COLUMNS}"
            ),
            vec![
                new.name.clone().into(),
                new.description.clone().into(),
                sql::text(&new.params).into(),
                request.at.0.into(),
            ],
        )
        .await?;
        let Some(row) = row else {
            return Err(CatalogError::Conflict {
                code: "PROJECT_EXISTS",
                detail: format!("a project `{}` exists already", new.name),
            });
        };
        let project = project_row(&row)?;
        sql::run(
            &change.tx,
            "INSERT INTO project_grant (project_id, user_id, permission) \
             SELECT $1, id, 'write' FROM user_account WHERE name = $2",
            vec![project.id.0.into(), request.user.clone().into()],
        )
        .await?;
        change.commit("project.create", "project", &project.name).await?;
        Ok(project)
    }

    /// Lists the visible projects by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn projects(
        &self,
        visible: &Visible,
        page: &PageRequest,
    ) -> Result<Page<Project>, CatalogError> {
        let after = page.after::<String>("projects")?.unwrap_or_default();
        let mut values = vec![after.into(), page.rows().into()];
        let seen = visible.condition("id", &mut values);
        let rows = sql::all(
            self.reader(),
            format!(
                "SELECT {COLUMNS} FROM project WHERE deleted_at IS NULL AND name > $1{seen} \
                 ORDER BY name LIMIT $2"
            ),
            values,
        )
        .await?;
        let items = rows.iter().map(project_row).collect::<Result<_, _>>()?;
        Ok(Page::cut("projects", page, items, |project: &Project| {
            project.name.clone()
        }))
    }

    /// Reads a project; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn project(&self, name: &str) -> Result<Option<Project>, CatalogError> {
        read(self.reader(), name, "").await
    }

    /// Changes a project.
    ///
    /// # Errors
    /// `NotFound`: there is none of that name.
    pub async fn edit_project(
        &self,
        name: &str,
        edit: &ProjectEdit,
        request: &Request,
    ) -> Result<Project, CatalogError> {
        let change = self.change(request).await?;
        let mut project = locked(&change.tx, name).await?;
        project.description = edit.description.clone().unwrap_or(project.description);
        project.params = edit.params.clone().unwrap_or(project.params);
        project.updated_at = request.at;
        sql::run(
            &change.tx,
            "UPDATE project SET description = $2, params = $3, updated_at = $4, rev = rev + 1 WHERE id = $1",
            vec![
                project.id.0.into(),
                project.description.clone().into(),
                sql::text(&project.params).into(),
                request.at.0.into(),
            ],
        )
        .await?;
        change.commit("project.edit", "project", name).await?;
        Ok(project)
    }

    /// Deletes a project without workflows; its ended instances can still be read by admins.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `PROJECT_NOT_EMPTY` while it has workflows, and with `PROJECT_REQUIRED` for
    /// `default`.
    pub async fn delete_project(&self, name: &str, request: &Request) -> Result<(), CatalogError> {
        let refused = |code, detail: &str| {
            Err(CatalogError::Conflict {
                code,
                detail: detail.to_owned(),
            })
        };
        if name == DEFAULT {
            return refused("PROJECT_REQUIRED", "the project `default` cannot be deleted");
        }
        let change = self.change(request).await?;
        let project = locked(&change.tx, name).await?;
        let holds = sql::first(
            &change.tx,
            "SELECT 1 AS one FROM workflow WHERE project_id = $1 AND deleted_at IS NULL LIMIT 1",
            vec![project.id.0.into()],
        )
        .await?;
        if holds.is_some() {
            return refused(
                "PROJECT_NOT_EMPTY",
                "the project has workflows; delete them first",
            );
        }
        for (statement, values) in [
            (
                "UPDATE project SET deleted_at = $2 WHERE id = $1",
                vec![project.id.0.into(), request.at.0.into()],
            ),
            (
                "DELETE FROM project_grant WHERE project_id = $1",
                vec![project.id.0.into()],
            ),
        ] {
            sql::run(&change.tx, statement, values).await?;
        }
        let entry =
            AuditEntry::done("project.delete", "project", name).with_detail(format!("row {}", project.id.0));
        change.commit_with(&entry).await
    }
}

/// Reads a project and keeps others from changing or deleting it until the transaction ends.
async fn locked<C: ConnectionTrait>(on: &C, name: &str) -> Result<Project, CatalogError> {
    let found = read(on, name, sql::lock(on, " FOR UPDATE")).await?;
    found.ok_or_else(|| missing(name))
}

async fn read<C: ConnectionTrait>(on: &C, name: &str, lock: &str) -> Result<Option<Project>, CatalogError> {
    let row = sql::first(
        on,
        format!("SELECT {COLUMNS} FROM project WHERE name = $1 AND deleted_at IS NULL{lock}"),
        vec![name.into()],
    )
    .await?;
    row.as_ref().map(project_row).transpose()
}

/// Says that there is no project of this name.
pub(super) fn missing(name: &str) -> CatalogError {
    CatalogError::NotFound {
        what: format!("project `{name}`"),
    }
}

pub(super) fn project_row(row: &QueryResult) -> Result<Project, CatalogError> {
    Ok(Project {
        id: ProjectId(sql::get(row, "id")?),
        name: sql::get(row, "name")?,
        description: sql::get(row, "description")?,
        params: sql::json(row, "params")?,
        created_at: Timestamp(sql::get(row, "created_at")?),
        updated_at: Timestamp(sql::get(row, "updated_at")?),
    })
}
