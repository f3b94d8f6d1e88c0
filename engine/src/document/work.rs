//! Reads what a task does: the keys that belong to its type.

use serde_json::{Map, Value};

use super::reader::{Path, Reader};
use crate::definition::{Request, Work};

/// The most bytes of a script or an http body; the document's own limit is near it anyway.
const MAX_SCRIPT_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes of a url, a header's value or a program's name.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// The most headers of one request.
const MAX_HEADERS: usize = 100;

/// The task types with the keys of their own.
pub(super) const TYPES: &[(&str, &[&str])] = &[
    ("shell", &["run", "interpreter"]),
    ("python", &["run", "python"]),
    ("http", &["request", "expect"]),
    ("noop", &[]),
];

/// Keys of `request`.
pub(super) const REQUEST_KEYS: &[&str] = &["method", "url", "headers", "body"];

/// Keys of `expect`.
pub(super) const EXPECT_KEYS: &[&str] = &["status"];

/// The HTTP methods.
pub(super) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The program of a shell task that names none.
pub(super) const DEFAULT_INTERPRETER: &str = "/bin/sh";

/// The program of a python task that names none.
pub(super) const DEFAULT_PYTHON: &str = "python3";

/// Reads the keys of type `kind`; `None` when something is wrong.
pub(super) fn read(reader: &mut Reader, kind: &str, map: &Map<String, Value>, at: &Path<'_>) -> Option<Work> {
    match kind {
        "shell" => {
            let interpreter = program(reader, map, at, ("interpreter", DEFAULT_INTERPRETER));
            Some(Work::Shell {
                run: script(reader, map, at)?,
                interpreter: interpreter?,
            })
        }
        "python" => {
            let python = program(reader, map, at, ("python", DEFAULT_PYTHON));
            Some(Work::Python {
                run: script(reader, map, at)?,
                python: python?,
            })
        }
        "http" => {
            let expect_status = expect(reader, map, at);
            Some(Work::Http {
                request: request(reader, map, at)?,
                expect_status: expect_status?,
            })
        }
        "noop" => Some(Work::Noop),
        _ => None,
    }
}

fn script(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Option<String> {
    let Some(value) = map.get("run") else {
        reader.missing(at, "run", "it is the script");
        return None;
    };
    let at = at.key("run");
    let run = reader.short_text(value, &at, MAX_SCRIPT_BYTES)?;
    if run.trim().is_empty() {
        reader.wrong(
            &at,
            "MISSING",
            "the script is empty; a task that does nothing is of type noop",
        );
        return None;
    }
    Some(run)
}

/// A path or a name, never with arguments: it is started directly, not by a shell.
fn program(
    reader: &mut Reader,
    map: &Map<String, Value>,
    at: &Path<'_>,
    (key, default): (&str, &str),
) -> Option<String> {
    let Some(value) = map.get(key) else {
        return Some(default.to_owned());
    };
    let at = at.key(key);
    let program = reader.short_text(value, &at, MAX_LINE_BYTES)?;
    let legal = |c: char| !c.is_whitespace() && !c.is_control();
    if program.is_empty() || program.starts_with('-') || !program.chars().all(legal) {
        let message =
            format!("`{key}` is the path or name of one program, without arguments, like `{default}`");
        reader.wrong(&at, "BAD_VALUE", message);
        return None;
    }
    Some(program)
}

fn request(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Option<Request> {
    let Some(value) = map.get("request") else {
        reader.missing(
            at,
            "request",
            "it says what to send, for example { url: \"https://example.org\" }",
        );
        return None;
    };
    let at = at.key("request");
    let map = reader.object(value, &at, REQUEST_KEYS)?;
    let method = method(reader, map, &at);
    let headers = headers(reader, map, &at);
    let body = match map.get("body").filter(|body| !body.is_null()) {
        Some(body) => Some(reader.scalar(body, &at.key("body"), MAX_SCRIPT_BYTES)?),
        None => None,
    };
    Some(Request {
        url: url(reader, map, &at)?,
        method: method?,
        headers,
        body,
    })
}

fn method(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Option<String> {
    let Some(value) = map.get("method") else {
        return Some("GET".to_owned());
    };
    let all: Vec<(&str, &str)> = METHODS.iter().map(|method| (*method, *method)).collect();
    reader.choice(value, &at.key("method"), &all).map(str::to_owned)
}

fn url(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Option<String> {
    let Some(value) = map.get("url") else {
        reader.missing(at, "url", "it begins with http:// or https://");
        return None;
    };
    let at = at.key("url");
    let url = reader.short_text(value, &at, MAX_LINE_BYTES)?;
    let legal_start = ["http://", "https://", "${", "$["]
        .iter()
        .any(|start| url.starts_with(start));
    if !legal_start || url.chars().any(char::is_control) {
        reader.wrong(
            &at,
            "BAD_VALUE",
            "a url begins with http:// or https:// and is one line",
        );
        return None;
    }
    Some(url)
}

fn headers(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let Some(value) = map.get("headers") else {
        return headers;
    };
    let at = at.key("headers");
    let Some(map) = reader.map(value, &at) else {
        return headers;
    };
    if !reader.at_most(map.len(), MAX_HEADERS, &at) {
        return headers;
    }
    for (name, value) in map {
        let at = at.key(name);
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) {
            reader.wrong_key(
                &at,
                "BAD_NAME",
                format!("`{name}` cannot be the name of a header"),
            );
        }
        let Some(text) = reader.scalar(value, &at, MAX_LINE_BYTES) else {
            continue;
        };
        if text.contains(['\r', '\n', '\0']) {
            reader.wrong(&at, "BAD_VALUE", "the value of a header is one line");
        }
        headers.push((name.clone(), text));
    }
    headers
}

fn expect(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Option<Vec<u16>> {
    let Some(value) = map.get("expect") else {
        return Some(Vec::new());
    };
    let at = at.key("expect");
    let map = reader.object(value, &at, EXPECT_KEYS)?;
    let Some(value) = map.get("status") else {
        reader.missing(&at, "status", "it lists the status codes that are a success");
        return None;
    };
    let at = at.key("status");
    let list = reader.list(value, &at, 500)?;
    if list.is_empty() {
        reader.wrong(
            &at,
            "MISSING",
            "no status at all would be a success; leave `expect` out for 200 to 299",
        );
    }
    list.iter()
        .enumerate()
        .map(|(place, status)| reader.whole(status, &at.index(place), (100, 599)))
        .map(|status| status.and_then(|status| u16::try_from(status).ok()))
        .collect()
}
