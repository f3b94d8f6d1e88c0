//! Strict parsing of bodies and query strings: size limits, no unknown members, a pointer to each error.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use document::{Format, LocatedDiagnostic, parse_value};
use engine::spec::names;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::codes::Code;
use crate::http::permission_first::after_permission;
use crate::http::problem::{Detail, Problem};

/// The limit of every body but a document's.
const BODY_LIMIT: usize = 1 << 20;
/// The limit of a workflow document.
const DOCUMENT_LIMIT: usize = 8 << 20;

/// A JSON body of a known form; an empty one counts as `{}`.
#[derive(Debug)]
pub(crate) struct Body<T> {
    /// The parsed body.
    pub(crate) value: T,
    /// The bytes as they came, which identify a repeated request.
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let parsed = read_json(&request, &mut payload)
                .await
                .and_then(|bytes| Ok((parse_body(&bytes)?, bytes)));
            match parsed {
                Ok((value, bytes)) => Ok(Self { value, bytes }),
                Err(problem) => Err(after_permission(&request, problem).await),
            }
        })
    }
}

/// A JSON body whose values keep the text in which they came; an empty one counts as `{}`.
#[derive(Debug)]
pub(crate) struct ValueBody {
    /// The parsed body.
    pub(crate) value: Value,
    /// The bytes as they came, which identify a repeated request.
    pub(crate) bytes: Bytes,
}

impl FromRequest for ValueBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let parsed = read_json(&request, &mut payload)
                .await
                .and_then(|bytes| Ok((parse_value_body(&bytes)?, bytes)));
            match parsed {
                Ok((value, bytes)) => Ok(Self { value, bytes }),
                Err(problem) => Err(after_permission(&request, problem).await),
            }
        })
    }
}

/// The body of a document as it came.
#[derive(Debug)]
pub(crate) struct DocumentBody(pub(crate) Bytes);

impl FromRequest for DocumentBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            match read_payload(&mut payload, DOCUMENT_LIMIT).await {
                Ok(bytes) => Ok(Self(bytes)),
                Err(problem) => Err(after_permission(&request, problem).await),
            }
        })
    }
}

/// A query string; unknown names are errors where `T` denies them.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match parse_query(request.query_string()) {
                Ok(query) => Ok(Self(query)),
                Err(problem) => Err(after_permission(&request, problem).await),
            }
        })
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let parsed = actix_web::web::Query::from_query(&join_states(query));
    parsed.map(actix_web::web::Query::into_inner).map_err(|error| {
        let text = error.to_string();
        let message = text.rsplit("error: ").next().unwrap_or_default();
        let detail = format!("The query string is wrong: {message}.");
        Problem::new(Code::InvalidQuery, detail)
    })
}

/// Joins a repeated `state` with commas: both notations mean any of them.
fn join_states(query: &str) -> Cow<'_, str> {
    const STATE: &str = "state=";
    let (states, mut parts): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|part| part.starts_with(STATE));
    if states.len() < 2 {
        return query.into();
    }
    let joined = states.iter().map(|part| &part[STATE.len()..]).collect::<Vec<_>>();
    let state = format!("{STATE}{}", joined.join(","));
    parts.push(&state);
    parts.join("&").into()
}

/// A query string without any parameter.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoQuery {}

/// Returns the media type without its parameters, lower case.
pub(crate) fn media_type(request: &HttpRequest) -> String {
    let header = request.headers().get(CONTENT_TYPE);
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

async fn read_json(request: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Problem> {
    let bytes = read_payload(payload, BODY_LIMIT).await?;
    if bytes.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    if media_type(request) != "application/json" {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "The body must be JSON (Content-Type: application/json).",
        ));
    }
    Ok(bytes)
}

async fn read_payload(payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut body = actix_web::web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedBody, "The body ended early."))?;
        if body.len() + chunk.len() > limit {
            let detail = format!("The body is larger than {} MiB.", limit >> 20);
            return Err(Problem::new(Code::BodyTooLarge, detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Parses JSON; an error points to the wrong place.
///
/// Only objects are bodies: serde would take an array for a struct, member by member.
pub(crate) fn parse_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::new(Code::InvalidBody, "The body must be a JSON object.").at("/"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = error_pointer(error.path(), &error.inner().to_string());
        body_problem(error.inner(), pointer)
    })?;
    reader
        .end()
        .map_err(|error| body_problem(&error, "/".to_owned()))?;
    reject_duplicate_keys(bytes)?;
    Ok(value)
}

/// Parses JSON of any form; unlike serde this keeps the text of numbers.
fn parse_value_body(bytes: &[u8]) -> Result<Value, Problem> {
    let value = parse_value(bytes, Format::Json).map_err(|issues| match issues.first() {
        Some(issue) if issue.code != "DUPLICATE_KEY" => Problem::new(
            Code::MalformedBody,
            format!("The body is not JSON: {}.", issue.message),
        ),
        _ => duplicate_keys(&issues),
    })?;
    if !value.is_object() {
        return Err(Problem::new(Code::InvalidBody, "The body must be a JSON object.").at("/"));
    }
    Ok(value)
}

/// Refuses duplicate keys, which serde accepts in maps by keeping the last value.
fn reject_duplicate_keys(bytes: &[u8]) -> Result<(), Problem> {
    match parse_value(bytes, Format::Json) {
        Ok(_) => Ok(()),
        Err(issues) => Err(duplicate_keys(&issues)),
    }
}

fn duplicate_keys(issues: &[LocatedDiagnostic]) -> Problem {
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let message = errors
        .first()
        .map_or_else(String::new, |first| first.message.clone());
    Problem::new(Code::InvalidBody, format!("The body is not valid: {message}.")).with_errors(errors)
}

fn body_problem(error: &serde_json::Error, pointer: String) -> Problem {
    let text = error.to_string();
    if !error.is_data() {
        return Problem::new(Code::MalformedBody, format!("The body is not JSON: {text}."));
    }
    let message = text.split(" at line ").next().unwrap_or_default().to_owned();
    let code = match () {
        () if message.starts_with("unknown field") => "UNKNOWN_MEMBER",
        () if message.starts_with("missing field") => "MISSING_MEMBER",
        () => "INVALID_VALUE",
    };
    let detail = format!("The body is not valid: {message}.");
    Problem::new(Code::InvalidBody, detail).with_errors(vec![Detail {
        pointer,
        code: code.to_owned(),
        message,
        line: None,
        column: None,
    }])
}

/// Makes a JSON pointer of the path to the wrong value; an unknown or missing member is its last part.
fn error_pointer(path: &serde_path_to_error::Path, message: &str) -> String {
    use serde_path_to_error::Segment;
    let mut parts: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(escape_pointer(key)),
            Segment::Enum { variant } => Some(escape_pointer(variant)),
            Segment::Unknown => None,
        })
        .collect();
    let member = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    if let Some(member) = member.map(escape_pointer)
        && parts.last() != Some(&member)
    {
        parts.push(member);
    }
    format!("/{}", parts.join("/"))
}

/// Escapes one part of a JSON pointer.
pub(crate) fn escape_pointer(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// Checks the rules for names of projects, workflows and users.
pub(crate) fn check_name(pointer: &str, name: &str) -> Result<(), Problem> {
    names::check(name).map_err(|why| Problem::new(Code::InvalidName, why).at(pointer))
}

#[cfg(test)]
mod tests;
