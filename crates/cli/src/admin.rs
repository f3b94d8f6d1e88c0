//! Commands about projects, users, tokens, nodes and take-overs.

use clap::ValueEnum;
use reqwest::Method;
use serde_json::json;

use super::args::{
    FailoverCommand, NodeCommand, Permission, ProjectCap, ProjectCommand, TokenCommand, UserCommand,
};
use super::body::Body;
use super::failure::Failure;
use super::output::{Printer, TableLayout, plain, say};
use super::password;
use super::rest::{Call, Rest};
use super::suggestion;
use crate::settings::Settings;

const PROJECTS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("PROJECT", "/name"),
        ("DESCRIPTION", "/description"),
        ("CREATED", "/created_at"),
    ],
};

const GRANTS: TableLayout = TableLayout {
    name: "user",
    columns: &[("USER", "/user"), ("PERMISSION", "/permission")],
};

const USERS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("USER", "/name"),
        ("ROLE", "/role"),
        ("ENABLED", "/enabled"),
        ("CREATED", "/created_at"),
    ],
};

const TOKENS: TableLayout = TableLayout {
    name: "id",
    columns: &[
        ("ID", "/id"),
        ("NAME", "/name"),
        ("USER", "/user"),
        ("CREATED", "/created_at"),
        ("EXPIRES", "/expires_at"),
    ],
};

const NODES: TableLayout = TableLayout {
    name: "incarnation",
    columns: &[
        ("INCARNATION", "/incarnation"),
        ("NODE", "/name"),
        ("HOST", "/host"),
        ("ROLES", "/roles"),
        ("STATE", "/state"),
        ("INSTANCES", "/instances"),
        ("SLOTS", "/slots/used"),
        ("OF", "/slots/total"),
        ("GROUP", "/worker_group"),
        ("JOINED", "/joined_at"),
        ("VERSION", "/version"),
    ],
};

const FAILOVERS: TableLayout = TableLayout {
    name: "id",
    columns: &[
        ("ID", "/id"),
        ("DEAD", "/dead/host"),
        ("SURVIVOR", "/survivor/host"),
        ("DECLARED", "/declared_at"),
        ("ACKNOWLEDGED", "/acknowledged_at"),
        ("INSTANCES", "/instances"),
        ("REATTACHED", "/attempts_reattached"),
        ("LOST", "/attempts_lost"),
        ("REASON", "/reason"),
    ],
};

/// Runs a command about projects.
pub(super) fn project(command: ProjectCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        ProjectCommand::List => printer.list(rest.list(&Call::get(&["projects"]), usize::MAX)?, PROJECTS),
        ProjectCommand::Get { project } => {
            let found = rest.json(Call::get(&["projects", &project]));
            let found = found.map_err(|failure| suggestion::for_project(failure, rest, &project))?;
            printer.item(&found, PROJECTS)
        }
        ProjectCommand::Create { project, description } => {
            let mut body = json!({ "name": project });
            if let Some(description) = description {
                body["description"] = json!(description);
            }
            printer.item(
                &rest.json(Call::new(Method::POST, &["projects"]).json(&body))?,
                PROJECTS,
            )
        }
        ProjectCommand::Update(args) => {
            let project = &args.project;
            let body = Body::default()
                .add_some("description", args.description)
                .add_some(
                    "max_instances",
                    args.max_instances.map(|ProjectCap(cap)| json!(cap)),
                )
                .add_some("max_tasks", args.max_tasks.map(|ProjectCap(cap)| json!(cap)))
                .add_some("weight", args.weight);
            let call = Call::new(Method::PATCH, &["projects", project]);
            let updated = rest.json(call.json(&body.into_value()));
            let updated = updated.map_err(|failure| suggestion::for_project(failure, rest, project))?;
            printer.item(&updated, PROJECTS)
        }
        ProjectCommand::Delete { project } => {
            delete(rest, &["projects", &project], &format!("project {project}"))
                .map_err(|failure| suggestion::for_project(failure, rest, &project))
        }
        ProjectCommand::Grant {
            project,
            user,
            permission,
        } => grant_permission(rest, &project, &user, permission),
        ProjectCommand::Grants { project } => {
            let call = Call::get(&["projects", &project, "grants"]);
            let grants = rest.list(&call, usize::MAX);
            let grants = grants.map_err(|failure| suggestion::for_project(failure, rest, &project))?;
            printer.list(grants, GRANTS)
        }
        ProjectCommand::Revoke { project, user } => {
            let path = ["projects", &project, "grants", &user];
            delete(rest, &path, &format!("the grant of {user}"))
                .map_err(|failure| suggest_grant(failure, rest, &project, &user))
        }
    }
}

fn grant_permission(rest: &Rest, project: &str, user: &str, permission: Permission) -> Result<(), Failure> {
    let permission = permission_name(permission);
    let call = Call::new(Method::PUT, &["projects", project, "grants", user]);
    rest.json(call.json(&json!({ "permission": permission })))
        .map_err(|failure| suggest_grant(failure, rest, project, user))?;
    say(&format!(
        "{user} has the permission `{permission}` in project {project}"
    ));
    Ok(())
}

fn suggest_grant(failure: Failure, rest: &Rest, project: &str, user: &str) -> Failure {
    suggestion::for_user(suggestion::for_project(failure, rest, project), rest, user)
}

fn permission_name(permission: Permission) -> String {
    permission
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// Runs a command about users.
pub(super) fn user(
    command: UserCommand,
    rest: &Rest,
    printer: Printer,
    settings: &Settings,
) -> Result<(), Failure> {
    match command {
        UserCommand::List => printer.list(rest.list(&Call::get(&["users"]), usize::MAX)?, USERS),
        UserCommand::Me => printer.item(&rest.json(Call::get(&["users", "me"]))?, USERS),
        UserCommand::Create { name, admin } => {
            let mut body = json!({ "name": name, "password": password::ask(settings)?.reveal() });
            if admin {
                body["role"] = json!("admin");
            }
            printer.item(
                &rest.json(Call::new(Method::POST, &["users"]).json(&body))?,
                USERS,
            )
        }
        UserCommand::Password { name } => {
            let body = json!({ "password": password::ask(settings)?.reveal() });
            rest.json(Call::new(Method::PATCH, &["users", &name]).json(&body))
                .map_err(|failure| suggestion::for_user(failure, rest, &name))?;
            say(&format!("the password of {name} is changed"));
            Ok(())
        }
        UserCommand::Delete { name } => delete(rest, &["users", &name], &format!("user {name}"))
            .map_err(|failure| suggestion::for_user(failure, rest, &name)),
    }
}

/// Runs a command about tokens.
pub(super) fn token(command: TokenCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        TokenCommand::List => printer.list(rest.list(&Call::get(&["tokens"]), usize::MAX)?, TOKENS),
        TokenCommand::Create { name, expires_in } => {
            let mut body = json!({ "name": name });
            if let Some(expires_in) = expires_in {
                body["expires_in"] = json!(expires_in);
            }
            let made = rest.json(Call::new(Method::POST, &["tokens"]).json(&body))?;
            printer.item(&made, TOKENS).map_err(|failure| {
                let id = plain(made.get("id"));
                failure
                    .prefixed(&format!("token {id} is made, but it cannot be shown again: "))
                    .with_hint(&format!("delete it with `porpoise token delete {id}`"))
            })
        }
        TokenCommand::Delete { id } => delete(rest, &["tokens", &id], &format!("token {id}")),
    }
}

/// Runs a command about nodes.
pub(super) fn node(command: NodeCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        NodeCommand::List => printer.list(rest.list(&Call::get(&["nodes"]), usize::MAX)?, NODES),
        NodeCommand::Drain { incarnation } => {
            let call = Call::new(Method::POST, &["nodes", &incarnation, "drain"]);
            let drained = rest.json(call.json(&json!({})));
            let drained = drained.map_err(|failure| suggestion::for_node(failure, rest, &incarnation))?;
            printer.item(&drained, NODES)
        }
    }
}

/// Runs a command about take-overs.
pub(super) fn failover(command: &FailoverCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        FailoverCommand::List => printer.list(rest.list(&Call::get(&["failovers"]), usize::MAX)?, FAILOVERS),
    }
}

/// Deletes a thing and says so.
pub(super) fn delete(rest: &Rest, path: &[&str], what: &str) -> Result<(), Failure> {
    rest.json(Call::new(Method::DELETE, path))?;
    say(&format!("{what} is deleted"));
    Ok(())
}
