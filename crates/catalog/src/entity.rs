//! The tables as sea-orm sees them, one file each.
//!
//! A test compares them with what the migrations create.

#![allow(
    unreachable_pub,
    reason = "derived entities are public items of private modules"
)]

pub(crate) mod attempt;
pub(crate) mod attempt_secret;
pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod backfill_date;
pub(crate) mod backfill_purge;
pub(crate) mod bulk_item;
pub(crate) mod bulk_operation;
pub(crate) mod calendar;
pub(crate) mod channel;
pub(crate) mod cluster_meta;
pub(crate) mod connection;
pub(crate) mod connection_grant;
pub(crate) mod dependency_end;
pub(crate) mod dependency_wait;
pub(crate) mod failover;
pub(crate) mod inbox;
pub(crate) mod index;
pub(crate) mod instance;
pub(crate) mod instance_label;
pub(crate) mod instance_purge;
pub(crate) mod limit_request;
pub(crate) mod log_removal;
pub(crate) mod member;
pub(crate) mod member_heartbeat;
pub(crate) mod named_limit;
pub(crate) mod owner_log;
pub(crate) mod place;
pub(crate) mod place_release;
pub(crate) mod project;
pub(crate) mod project_grant;
pub(crate) mod project_share;
pub(crate) mod request_key;
pub(crate) mod retention_lease;
pub(crate) mod retention_run;
pub(crate) mod schedule;
pub(crate) mod schedule_fire;
pub(crate) mod secret;
pub(crate) mod secret_rotation;
pub(crate) mod secret_value;
pub(crate) mod setup_link;
pub(crate) mod silence;
pub(crate) mod task_instance;
pub(crate) mod token;
pub(crate) mod transition;
pub(crate) mod user_account;
pub(crate) mod user_group;
pub(crate) mod user_group_member;
pub(crate) mod user_preference;
pub(crate) mod workflow;
pub(crate) mod workflow_connection;
pub(crate) mod workflow_layout;
pub(crate) mod workflow_limit;
pub(crate) mod workflow_reference;
pub(crate) mod workflow_secret;
pub(crate) mod workflow_version;

use sea_orm::{DbBackend, EntityTrait, Schema, Statement};

/// Writes the statements that create the tables as the entities declare them, in the order of their foreign keys;
/// for the comparison with the migrations.
pub fn create_table_statements(backend: DbBackend) -> Vec<Statement> {
    fn create<E: EntityTrait>(backend: DbBackend, entity: E) -> Statement {
        backend.build(&Schema::new(backend).create_table_from_entity(entity))
    }
    vec![
        create(backend, cluster_meta::Entity),
        create(backend, member::Entity),
        create(backend, member_heartbeat::Entity),
        create(backend, project::Entity),
        create(backend, workflow::Entity),
        create(backend, workflow_version::Entity),
        create(backend, user_account::Entity),
        create(backend, token::Entity),
        create(backend, project_grant::Entity),
        create(backend, project_share::Entity),
        create(backend, audit::Entity),
        create(backend, request_key::Entity),
        create(backend, instance::Entity),
        create(backend, instance_label::Entity),
        create(backend, task_instance::Entity),
        create(backend, attempt::Entity),
        create(backend, transition::Entity),
        create(backend, inbox::Entity),
        create(backend, owner_log::Entity),
        create(backend, failover::Entity),
        create(backend, log_removal::Entity),
        create(backend, backfill::Entity),
        create(backend, backfill_date::Entity),
        create(backend, backfill_purge::Entity),
        create(backend, calendar::Entity),
        create(backend, schedule::Entity),
        create(backend, schedule_fire::Entity),
        create(backend, retention_lease::Entity),
        create(backend, retention_run::Entity),
        create(backend, instance_purge::Entity),
        create(backend, dependency_wait::Entity),
        create(backend, dependency_end::Entity),
        create(backend, place::Entity),
        create(backend, place_release::Entity),
        create(backend, named_limit::Entity),
        create(backend, limit_request::Entity),
        create(backend, workflow_limit::Entity),
        create(backend, user_preference::Entity),
        create(backend, workflow_layout::Entity),
        create(backend, workflow_reference::Entity),
        create(backend, bulk_operation::Entity),
        create(backend, bulk_item::Entity),
        create(backend, secret::Entity),
        create(backend, secret_value::Entity),
        create(backend, attempt_secret::Entity),
        create(backend, secret_rotation::Entity),
        create(backend, workflow_secret::Entity),
        create(backend, connection::Entity),
        create(backend, connection_grant::Entity),
        create(backend, workflow_connection::Entity),
        create(backend, channel::Entity),
        create(backend, silence::Entity),
        create(backend, setup_link::Entity),
        create(backend, user_group::Entity),
        create(backend, user_group_member::Entity),
    ]
}

/// Writes the statements that create the indexes as the entities declare them; for the comparison with the
/// migrations.
pub fn create_index_statements(backend: DbBackend) -> Vec<Statement> {
    [
        member::indexes(),
        project::indexes(),
        workflow::indexes(),
        user_account::indexes(),
        token::indexes(),
        project_grant::indexes(),
        project_share::indexes(),
        audit::indexes(),
        request_key::indexes(),
        instance::indexes(),
        instance_label::indexes(),
        task_instance::indexes(),
        attempt::indexes(),
        transition::indexes(),
        inbox::indexes(),
        failover::indexes(),
        backfill::indexes(),
        backfill_date::indexes(),
        calendar::indexes(),
        schedule::indexes(),
        schedule_fire::indexes(),
        log_removal::indexes(),
        retention_run::indexes(),
        dependency_wait::indexes(),
        place::indexes(),
        named_limit::indexes(),
        limit_request::indexes(),
        workflow_limit::indexes(),
        workflow_reference::indexes(),
        bulk_operation::indexes(),
        bulk_item::indexes(),
        secret::indexes(),
        secret_value::indexes(),
        attempt_secret::indexes(),
        secret_rotation::indexes(),
        workflow_secret::indexes(),
        connection::indexes(),
        connection_grant::indexes(),
        workflow_connection::indexes(),
        channel::indexes(),
        silence::indexes(),
        setup_link::indexes(),
        user_group::indexes(),
        user_group_member::indexes(),
    ]
    .iter()
    .flatten()
    .map(|index| backend.build(index))
    .collect()
}
