//! Every documented endpoint, by the beginning of its path.
//!
//! A pattern with a parameter is a regular expression of about 120 KiB on each thread, and a request is matched with all
//! of its scope until one fits. Endpoints share scopes, so that most of their patterns are plain texts.

use utoipa_actix_web::scope::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::{login, setup};
use crate::http::openapi;
use crate::instances::{bulk, commands, edit, start, task_commands};
use crate::projects::grants;
use crate::users::{own_password, preferences};
use crate::{
    alerts, approvals, backfills, calendars, channels, connections, debug, explanations, graphs, groups,
    health, instances, limits, lineage, logs, nodes, operations, projects, retention, schedules, secrets,
    silences, statistics, stream, task_instances, task_types, tasks, tokens, users, workflows,
};

/// Registers every documented endpoint.
pub(crate) fn register_routes(config: &mut ServiceConfig) {
    health::register_routes(config);
    openapi::register_routes(config);
    config.service(scope("/api/v1").configure(register_api));
}

/// Registers what the API has; whatever has no parameter in its path comes before the scopes with one.
fn register_api(config: &mut ServiceConfig) {
    login::register_routes(config);
    setup::register_routes(config);
    projects::register_routes(config);
    instances::register_routes(config);
    bulk::register_routes(config);
    task_instances::register_routes(config);
    statistics::register_routes(config);
    schedules::register_routes(config);
    backfills::register_routes(config);
    alerts::register_routes(config);
    alerts::rules::register_routes(config);
    config
        .service(scope("/projects/{project}").configure(register_project))
        .service(scope("/instances/{id}").configure(register_instance))
        .service(scope("/backfills/{id}").configure(register_backfill));
    calendars::register_routes(config);
    connections::register_routes(config);
    limits::register_routes(config);
    channels::register_routes(config);
    silences::register_routes(config);
    groups::register_routes(config);
    operations::register_routes(config);
    approvals::register_routes(config);
    own_password::register_routes(config);
    preferences::register_routes(config);
    users::register_routes(config);
    tokens::register_routes(config);
    nodes::register_routes(config);
    debug::register_routes(config);
    task_types::register_routes(config);
    retention::register_routes(config);
    secrets::register_routes(config);
    stream::register_routes(config);
}

fn register_project(config: &mut ServiceConfig) {
    projects::register_project_routes(config);
    grants::register_routes(config);
    calendars::register_project_routes(config);
    connections::register_project_routes(config);
    limits::register_project_routes(config);
    alerts::rules::register_project_routes(config);
    secrets::register_project_routes(config);
    channels::register_project_routes(config);
    lineage::register_project_routes(config);
    workflows::register_project_routes(config);
    config.service(scope("/workflows/{workflow}").configure(register_workflow));
}

fn register_workflow(config: &mut ServiceConfig) {
    workflows::register_workflow_routes(config);
    graphs::register_workflow_routes(config);
    lineage::register_workflow_routes(config);
    start::register_routes(config);
    backfills::create::register_routes(config);
    schedules::register_workflow_routes(config);
    config.service(scope("/schedules/{schedule}").configure(schedules::register_schedule_routes));
}

fn register_instance(config: &mut ServiceConfig) {
    instances::register_instance_routes(config);
    edit::register_routes(config);
    graphs::register_instance_routes(config);
    explanations::register_instance_routes(config);
    commands::register_routes(config);
    tasks::register_instance_routes(config);
    config.service(scope("/tasks/{task}").configure(register_task));
}

fn register_task(config: &mut ServiceConfig) {
    tasks::register_task_routes(config);
    explanations::register_task_routes(config);
    task_commands::register_routes(config);
    approvals::commands::register_routes(config);
    logs::register_routes(config);
}

fn register_backfill(config: &mut ServiceConfig) {
    backfills::register_backfill_routes(config);
    backfills::commands::register_routes(config);
}
