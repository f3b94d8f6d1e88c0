//! The kinds of single values in the fields of task types.

use serde_json::{Value, json};
use url::Url;

use super::channel_values::{
    channel_names_schema, mail_addresses_schema, parse_channel_names, parse_channel_url,
    parse_mail_addresses, parse_template,
};
use super::child_values::{
    lists_schema, params_schema, parse_lists, parse_params, parse_separator, parse_texts, texts_schema,
};
use super::connector_values::{
    certificates_schema, parse_certificates, parse_host, parse_line, parse_secret, parse_service_url,
    secret_schema,
};
use super::header_values::{MAX_LINE_BYTES, parse_header_name, parse_headers};
use super::logic_values::{
    cases_schema, conditions_schema, parse_cases, parse_conditions, parse_task_names, task_names_schema,
};
use super::wait_values::{approval_inputs_schema, approvers_schema, dependencies_schema};
use crate::spec::names::MAX_CHARS;
use crate::spec::validator::{Path, Validator, named};

/// The most bytes of a script or a text; the limit of a whole document is near it anyway.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// The most words of a program with its arguments.
const MAX_WORDS: usize = 100;

/// The most status codes in a list.
const MAX_STATUS_CODES: usize = 500;

/// A single value, without fields of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A text that is not blank.
    Script,
    /// A program with arguments of its own, as a text that is split at blanks or as a list of words: it is started
    /// directly, not by a shell.
    Program,
    /// An http or https address, a placeholder that stands for one, or a path below the url of a connection.
    Url,
    /// A text, or a number or truth value that stands for its text.
    Text,
    /// One of these names.
    Choice(&'static [&'static str]),
    /// Names of HTTP headers with their values.
    Headers,
    /// A list of HTTP status codes.
    StatusCodes,
    /// A time like `10m`, checked with the other fields of its task.
    Duration,
    /// Instances that are waited for, checked with the other fields of their task.
    Dependencies,
    /// Names of users and groups, checked with the other fields of their task.
    Approvers,
    /// Answers of a person, checked with the other fields of their task.
    ApprovalInputs,
    /// The name of a project or workflow.
    Name,
    /// A whole number within bounds.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Parameters of a start, by name.
    ParamValues,
    /// Parameters with the values that they take in turn.
    ValueLists,
    /// A list of texts.
    Texts,
    /// A short text that is not empty.
    Separator,
    /// The name of one task, or a list of names.
    TaskNames,
    /// Cases of a switch: each an expression with the tasks that it chooses.
    Cases,
    /// Conditions about tasks, which may be nested.
    Conditions,
    /// The name of a connection of one of these types.
    Connection(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// A text of one line that is not empty.
    Line,
    /// The name or address of a host.
    Host,
    /// An http or https address that others are put behind: without user, password, query and fragment.
    ServiceUrl,
    /// The name of an HTTP header.
    HeaderName,
    /// Certificates in PEM.
    Certificates,
    /// An http or https address that messages are sent to: without user and password.
    ChannelUrl,
    /// A template of a message.
    Template,
    /// Mail addresses.
    MailAddresses,
    /// Names of channels, each once.
    ChannelNames,
    /// A text that is never shown: a text sets it, `{"set": true}` keeps it, null removes it.
    Secret,
}

impl ValueKind {
    /// Parses a value; `None` when it is wrong.
    pub(super) fn parse(
        self,
        validator: &mut Validator,
        value: &Value,
        at: &Path<'_>,
        key: &str,
    ) -> Option<Value> {
        match self {
            Self::Script => parse_script(validator, value, at).map(Value::from),
            Self::Program => parse_program(validator, value, at, key),
            Self::Url => parse_url(validator, value, at).map(Value::from),
            Self::Text => validator.scalar(value, at, MAX_TEXT_BYTES).map(Value::from),
            Self::Choice(names) => validator
                .choice(value, at, &named(names, |name| name))
                .map(Value::from),
            Self::Headers => parse_headers(validator, value, at).map(Value::from),
            Self::StatusCodes => parse_status_codes(validator, value, at).map(Value::from),
            Self::Duration | Self::Dependencies | Self::Approvers | Self::ApprovalInputs => {
                Some(value.clone())
            }
            Self::Name | Self::Connection(_) => validator.name(value, at).map(Value::from),
            Self::Integer { min, max } => validator.integer(value, at, (min, max)).map(Value::from),
            Self::ParamValues => parse_params(validator, value, at).map(Value::from),
            Self::ValueLists => parse_lists(validator, value, at).map(Value::from),
            Self::Texts => parse_texts(validator, value, at).map(Value::from),
            Self::Separator => parse_separator(validator, value, at).map(Value::from),
            Self::TaskNames => parse_task_names(validator, value, at),
            Self::Cases => parse_cases(validator, value, at),
            Self::Conditions => parse_conditions(validator, value, at),
            Self::Boolean => validator.boolean(value, at).map(Value::from),
            Self::Line => parse_line(validator, value, at).map(Value::from),
            Self::Host => parse_host(validator, value, at).map(Value::from),
            Self::ServiceUrl => parse_service_url(validator, value, at).map(Value::from),
            Self::HeaderName => parse_header_name(validator, value, at).map(Value::from),
            Self::Certificates => parse_certificates(validator, value, at).map(Value::from),
            Self::ChannelUrl => parse_channel_url(validator, value, at).map(Value::from),
            Self::Template => parse_template(validator, value, at).map(Value::from),
            Self::MailAddresses => parse_mail_addresses(validator, value, at).map(Value::from),
            Self::ChannelNames => parse_channel_names(validator, value, at).map(Value::from),
            Self::Secret => parse_secret(validator, value, at),
        }
    }

    /// Returns the JSON Schema of a value.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::TaskNames => task_names_schema(),
            Self::Cases => cases_schema(),
            Self::Conditions => conditions_schema(),
            Self::Script => json!({ "type": "string", "minLength": 1 }),
            Self::Program => json!({
                "oneOf": [
                    { "type": "string", "pattern": "^\\s*[^\\s-]" },
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_WORDS,
                        "items": { "type": "string", "minLength": 1 },
                    },
                ],
            }),
            Self::Url => json!({ "type": "string" }),
            Self::Text => json!({ "type": ["string", "number", "boolean", "null"] }),
            Self::Choice(names) => json!({ "enum": names }),
            Self::Headers => json!({
                "type": "object",
                "additionalProperties": { "type": ["string", "number", "boolean"], "description": "A header." },
            }),
            Self::Duration => json!({ "type": "string", "minLength": 2 }),
            Self::Dependencies => dependencies_schema(),
            Self::Approvers => approvers_schema(),
            Self::ApprovalInputs => approval_inputs_schema(),
            Self::StatusCodes => json!({
                "type": "array",
                "minItems": 1,
                "items": { "type": "integer", "minimum": 100, "maximum": 599 },
            }),
            Self::Name => json!({ "type": "string", "minLength": 1, "maxLength": MAX_CHARS }),
            Self::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::ParamValues => params_schema(),
            Self::ValueLists => lists_schema(),
            Self::Texts => texts_schema(),
            Self::Separator | Self::Line | Self::Host | Self::HeaderName => {
                json!({ "type": "string", "minLength": 1 })
            }
            Self::Connection(types) => json!({
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_CHARS,
                "format": "connection",
                "x-connection-types": types,
            }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::ChannelUrl => json!({ "type": "string", "pattern": "^https?://" }),
            Self::Template => json!({ "type": "string" }),
            Self::MailAddresses => mail_addresses_schema(),
            Self::ChannelNames => channel_names_schema(),
            Self::ServiceUrl => json!({ "type": "string", "format": "uri", "pattern": "^https?://" }),
            Self::Certificates => certificates_schema(),
            Self::Secret => secret_schema(),
        }
    }
}

fn parse_script(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let script = validator.short_text(value, at, MAX_TEXT_BYTES)?;
    if script.trim().is_empty() {
        validator.invalid(
            at,
            "MISSING",
            "the script is empty; a task that does nothing is of type noop",
        );
        return None;
    }
    // A carriage return would be a part of each line's last word.
    Some(script.replace("\r\n", "\n"))
}

fn parse_program(validator: &mut Validator, value: &Value, at: &Path<'_>, key: &str) -> Option<Value> {
    let words: Vec<&str> = match value {
        Value::Array(list) => {
            validator.at_most(list.len(), MAX_WORDS, at).then_some(())?;
            let words = list.iter().enumerate();
            words
                .map(|(place, word)| validator.text(word, &at.index(place)))
                .collect::<Option<_>>()?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            validator.text(value, at)?.split_ascii_whitespace().collect()
        }
    };
    let bytes = words.iter().map(|word| word.len()).sum::<usize>();
    let is_legal = |word: &&str| !word.is_empty() && !word.contains(char::is_control);
    let has_program = words.first().is_some_and(|program| !program.starts_with('-'));
    if !has_program || !words.iter().all(is_legal) || words.len() > MAX_WORDS || bytes > MAX_LINE_BYTES {
        let message = format!("`{key}` is a program with its arguments, like `bash -eu` or [bash, -eu]");
        validator.invalid(at, "BAD_VALUE", message);
        return None;
    }
    Some(value.clone())
}

fn parse_url(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let url = validator.short_text(value, at, MAX_LINE_BYTES)?;
    let has_legal_start = ["http://", "https://", "/", "${", "$["]
        .iter()
        .any(|start| url.starts_with(start));
    if !has_legal_start || url.chars().any(char::is_control) {
        validator.invalid(
            at,
            "BAD_VALUE",
            "a url begins with http:// or https://, or with `/` below that of a connection, and is one line",
        );
        return None;
    }
    if !url.contains('$')
        && !url.starts_with('/')
        && let Err(error) = Url::parse(&url)
    {
        validator.invalid(at, "BAD_VALUE", format!("this is not a url: {error}"));
        return None;
    }
    Some(url)
}

fn parse_status_codes(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Vec<i64>> {
    let list = validator.list(value, at, MAX_STATUS_CODES)?;
    if list.is_empty() {
        validator.invalid(
            at,
            "MISSING",
            "no status at all would be a success; leave `expect` out for 200 to 299",
        );
    }
    list.iter()
        .enumerate()
        .map(|(place, status)| validator.integer(status, &at.index(place), (100, 599)))
        .collect()
}
