//! What users edit of instances at any time: labels and a note.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, patch};
use catalog::InstanceEdit;
use engine::ids::InstanceId;
use engine::spec::parse_label_map;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Execute};
use crate::http::body::{NoQuery, Query, ValueBody, escape_pointer};
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::instances::command_bodies::invalid_arguments;
use crate::instances::find_instance;
use crate::instances::posting::NOTIFICATION_TIME;
use crate::instances::views::Instance;

/// The most bytes of a note.
const MAX_NOTE_BYTES: usize = 16 * 1024;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(edit_instance);
}

/// A change of an instance. What is absent stays as it is.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers")]
struct EditInstance {
    /// Take the place of all labels.
    labels: Option<BTreeMap<String, String>>,
    /// What a person wants to remember; null takes it away.
    note: Option<String>,
}

/// Changes labels and note of an instance, whatever its state. No owner is asked; expressions that are decided from now on
/// see the labels.
#[utoipa::path(tag = "instances", request_body = EditInstance, params(("id" = String, Path)),
    responses((status = 200, body = Instance)))]
#[patch("")]
async fn edit_instance(
    caller: Caller<Execute, InstanceId>,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let id = *caller.object();
    let edit = parse_edit(&body.value)?;
    let context = caller.audit_context(None);
    caller.catalog().instances().edit(id, &edit, &context).await?;
    let row = find_instance(caller.server(), id).await?;
    if edit.labels.is_some() && row.host.is_some() {
        let node = &caller.server().state().node;
        node.notify_owner(id, NOTIFICATION_TIME).await;
    }
    Ok(HttpResponse::Ok().json(Instance::from(row)))
}

fn parse_edit(body: &Value) -> Result<InstanceEdit, Problem> {
    let mut edit = InstanceEdit::default();
    for (name, value) in body.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("labels", Value::Null) => {}
            ("labels", value) => {
                let labels = parse_label_map(value).map_err(|issues| invalid_arguments(&issues))?;
                edit.labels = Some(labels);
            }
            ("note", Value::Null) => edit.note = Some(None),
            ("note", Value::String(note)) if note.len() <= MAX_NOTE_BYTES => {
                edit.note = Some(Some(note.clone()));
            }
            ("note", Value::String(_)) => {
                let detail = format!("a note has at most {MAX_NOTE_BYTES} bytes");
                return Err(Problem::new(Code::InvalidBody, detail).at("/note"));
            }
            ("note", _) => return Err(Problem::new(Code::InvalidBody, "`note` is a text.").at("/note")),
            (name, _) => {
                let detail = format!("unknown field `{name}`, expected `labels` or `note`");
                return Err(Problem::new(Code::InvalidBody, detail).at(format!("/{}", escape_pointer(name))));
            }
        }
    }
    Ok(edit)
}
