//! Projects hold workflows, and say who may see them.

use std::collections::BTreeMap;

use engine::ids::Millis;

use super::{Catalog, CatalogError, Page, PageRequest, Request, Visible};

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
    pub created_at: Millis,
    /// When it was last edited.
    pub updated_at: Millis,
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
        self.later()
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
        self.later()
    }

    /// Reads a project; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn project(&self, name: &str) -> Result<Option<Project>, CatalogError> {
        self.later()
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
        self.later()
    }

    /// Deletes a project without workflows and instances.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `PROJECT_NOT_EMPTY` while it has workflows or instances, and with
    /// `PROJECT_REQUIRED` for `default`.
    pub async fn delete_project(&self, name: &str, request: &Request) -> Result<(), CatalogError> {
        self.later()
    }
}
