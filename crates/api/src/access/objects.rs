//! Finds what a request is about, and the project whose grants decide.

use std::future::Future;

use actix_web::HttpRequest;
use engine::ids::{InstanceId, OperationId};
use percent_encoding::percent_decode_str;

use super::super::problem::Problem;
use super::Server;
use store::catalog::{Operation, Project, ProjectId, Startable};

/// What a request can be about.
pub(in super::super) trait Object: Sized + 'static {
    /// Finds it by the path of the request; also the project that it belongs to.
    fn find(
        server: &Server,
        request: &HttpRequest,
    ) -> impl Future<Output = Result<(Self, Option<ProjectId>), Problem>>;
}

/// The whole server.
#[derive(Debug)]
pub(in super::super) struct Everything;

impl Object for Everything {
    async fn find(_: &Server, _: &HttpRequest) -> Result<(Self, Option<ProjectId>), Problem> {
        Ok((Self, None))
    }
}

/// The project named in the path.
#[derive(Debug)]
pub(in super::super) struct OfProject(pub(in super::super) Project);

impl Object for OfProject {
    async fn find(server: &Server, request: &HttpRequest) -> Result<(Self, Option<ProjectId>), Problem> {
        let name = path_value(request, "project")?;
        let found = server.catalog().project(&name).await?;
        let project = found.ok_or_else(|| no_project(&name))?;
        let id = project.id;
        Ok((Self(project), Some(id)))
    }
}

/// The workflow named in the path, to be started.
#[derive(Debug)]
pub(in super::super) struct OfStartable(pub(in super::super) Startable);

impl Object for OfStartable {
    async fn find(server: &Server, request: &HttpRequest) -> Result<(Self, Option<ProjectId>), Problem> {
        let name = path_value(request, "project")?;
        let workflow = path_value(request, "workflow")?;
        let found = server.catalog().startable(&name, &workflow).await?;
        let startable = found.ok_or_else(|| no_project(&name))?;
        let id = startable.project.id;
        Ok((Self(startable), Some(id)))
    }
}

/// The instance whose id is in the path.
#[derive(Debug)]
pub(in super::super) struct OfInstance(pub(in super::super) InstanceId);

impl Object for OfInstance {
    async fn find(server: &Server, request: &HttpRequest) -> Result<(Self, Option<ProjectId>), Problem> {
        let text = path_value(request, "id")?;
        let none = || Problem::not_found(format!("instance {text}"));
        let id = number(&text).map(InstanceId).ok_or_else(none)?;
        let project = server.catalog().project_of(id).await?.ok_or_else(none)?;
        Ok((Self(id), Some(project)))
    }
}

/// The operation whose id is in the path.
#[derive(Debug)]
pub(in super::super) struct OfOperation(pub(in super::super) Operation);

impl Object for OfOperation {
    async fn find(server: &Server, request: &HttpRequest) -> Result<(Self, Option<ProjectId>), Problem> {
        let text = path_value(request, "id")?;
        let none = || Problem::not_found(format!("operation {text}"));
        let id = number(&text).map(OperationId).ok_or_else(none)?;
        let operation = server.catalog().operation(id).await?.ok_or_else(none)?;
        let project = operation.project_id;
        Ok((Self(operation), Some(project)))
    }
}

fn no_project(name: &str) -> Problem {
    Problem::not_found(format!("project `{name}`"))
}

/// Returns a decoded part of the path.
pub(in super::super) fn path_value(request: &HttpRequest, name: &str) -> Result<String, Problem> {
    let part = request.match_info().get(name);
    let part = part.ok_or_else(|| Problem::internal(format!("the route has no `{name}`")))?;
    let text = percent_decode_str(part)
        .decode_utf8()
        .map_err(|_| Problem::not_found("such path"))?;
    Ok(text.into_owned())
}

/// Reads an id as it is written, without sign or leading zeros.
pub(in super::super) fn number(text: &str) -> Option<i64> {
    let id: i64 = text.parse().ok()?;
    (id.to_string() == text).then_some(id)
}

#[cfg(test)]
mod tests;
