//! The objects of requests, with the project whose grants decide about each.

use std::future::Future;

use actix_web::HttpRequest;
use catalog::{AlertRow, Project, ProjectId, StartCandidate};
use engine::ids::{AlertId, BackfillId, InstanceId, OperationId};

use crate::auth::server::Server;
use crate::http::path::{find_by_id, path_parameter};
use crate::http::problem::Problem;
use crate::operations::accepted_operation::AcceptedOperation;

/// What a request can be about.
pub(crate) trait Object: Sized + 'static {
    /// Finds it by the path of the request, with the project that it belongs to.
    fn find_object(
        server: &Server,
        request: &HttpRequest,
    ) -> impl Future<Output = Result<(Self, Option<ProjectId>), Problem>>;
}

/// The system as a whole, which belongs to no project.
#[derive(Debug)]
pub(crate) struct System;

impl Object for System {
    async fn find_object(_: &Server, _: &HttpRequest) -> Result<(Self, Option<ProjectId>), Problem> {
        Ok((Self, None))
    }
}

/// The project named in the path.
impl Object for Project {
    async fn find_object(
        server: &Server,
        request: &HttpRequest,
    ) -> Result<(Self, Option<ProjectId>), Problem> {
        let name = path_parameter(request, "project")?;
        let found = server.catalog().projects().find(&name).await?;
        let project = found.ok_or_else(|| project_not_found(&name))?;
        let id = project.id;
        Ok((project, Some(id)))
    }
}

/// The workflow named in the path, to be started.
impl Object for StartCandidate {
    async fn find_object(
        server: &Server,
        request: &HttpRequest,
    ) -> Result<(Self, Option<ProjectId>), Problem> {
        let name = path_parameter(request, "project")?;
        let workflow = path_parameter(request, "workflow")?;
        let found = server
            .catalog()
            .workflows()
            .find_start_candidate(&name, &workflow)
            .await?;
        let startable = found.ok_or_else(|| project_not_found(&name))?;
        let id = startable.project.id;
        Ok((startable, Some(id)))
    }
}

/// The instance whose id is in the path.
impl Object for InstanceId {
    async fn find_object(
        server: &Server,
        request: &HttpRequest,
    ) -> Result<(Self, Option<ProjectId>), Problem> {
        find_by_id(request, "instance", async |id| {
            let project = server.catalog().instances().project_of(InstanceId(id)).await?;
            Ok(project.map(|project| (InstanceId(id), Some(project))))
        })
        .await
    }
}

/// The backfill whose id is in the path.
impl Object for BackfillId {
    async fn find_object(
        server: &Server,
        request: &HttpRequest,
    ) -> Result<(Self, Option<ProjectId>), Problem> {
        find_by_id(request, "backfill", async |id| {
            let project = server.catalog().backfills().project_of(BackfillId(id)).await?;
            Ok(project.map(|project| (BackfillId(id), Some(project))))
        })
        .await
    }
}

/// The alert whose id is in the path; one about nodes belongs to no project.
impl Object for AlertRow {
    async fn find_object(
        server: &Server,
        request: &HttpRequest,
    ) -> Result<(Self, Option<ProjectId>), Problem> {
        find_by_id(request, "alert", async |id| {
            let alert = server.catalog().alerts().find(AlertId(id)).await?;
            Ok(alert.map(|alert| {
                let project = alert.project_id;
                (alert, project)
            }))
        })
        .await
    }
}

/// The operation whose id is in the path; only that on one instance belongs to a project.
impl Object for AcceptedOperation {
    async fn find_object(
        server: &Server,
        request: &HttpRequest,
    ) -> Result<(Self, Option<ProjectId>), Problem> {
        let text = path_parameter(request, "id")?;
        if let Some(run) = server.catalog().retention().find(&text).await? {
            return Ok((Self::Retention(run), None));
        }
        if let Some(operation) = server.catalog().bulk_operations().find(&text).await? {
            return Ok((Self::Bulk(operation), None));
        }
        if let Some(rotation) = server.catalog().secret_rotations().find(&text).await? {
            return Ok((Self::Rotation(rotation), None));
        }
        find_by_id(request, "operation", async |id| {
            let operation = server.catalog().operations().find(OperationId(id)).await?;
            Ok(operation.map(|operation| {
                let project = operation.project_id;
                (Self::Command(operation), Some(project))
            }))
        })
        .await
    }
}

fn project_not_found(name: &str) -> Problem {
    Problem::not_found(format!("project `{name}`"))
}
