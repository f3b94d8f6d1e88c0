//! Templates of messages, in the language of minijinja. Their work and their output are bounded; an unknown name is an
//! error, so that a wrong template is found when it is saved.

mod sample;

use std::io;
use std::sync::LazyLock;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value as Json;

use crate::expression::json_value;

pub use sample::sample_values;

/// The most bytes of a template.
pub const MAX_TEMPLATE_BYTES: usize = 64 * 1024;

/// The most bytes of what a template makes.
const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// The work that one rendering may do: about one unit for an instruction, an element or 64 bytes.
const FUEL: u64 = 1_000_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(64);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    // It would show every value, and is of no use in a message.
    environment.remove_global("debug");
    environment
});

/// Why a template cannot be read or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct TemplateError {
    /// The line in the template, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, as a readable text.
    pub message: String,
}

/// Checks the syntax of a template, and renders it with sample values.
///
/// # Errors
/// The first place where it is wrong.
pub fn check_template(text: &str, samples: &[Json]) -> Result<(), TemplateError> {
    if text.len() > MAX_TEMPLATE_BYTES {
        return Err(TemplateError {
            line: 1,
            column: 1,
            message: format!("a template has at most {MAX_TEMPLATE_BYTES} bytes"),
        });
    }
    for sample in samples {
        render_template(text, sample.clone())?;
    }
    Ok(())
}

/// Renders a template with the members of an object as its names.
///
/// # Errors
/// Its syntax is wrong, it names something unknown, or it does too much work.
pub fn render_template(text: &str, values: Json) -> Result<String, TemplateError> {
    let explain = |error: &minijinja::Error| explain(text, error);
    let template = ENVIRONMENT
        .template_from_str(text)
        .map_err(|error| explain(&error))?;
    let mut output = BoundedText::default();
    let rendered = template.render_captured_to(json_value(values), &mut output);
    rendered.map_err(|error| explain(&error))?;
    // What a template makes of texts is a text.
    Ok(String::from_utf8_lossy(&output.bytes).into_owned())
}

fn explain(text: &str, error: &minijinja::Error) -> TemplateError {
    let kind = match error.kind() {
        ErrorKind::SyntaxError => "syntax error".to_owned(),
        ErrorKind::OutOfFuel => "it does too much work".to_owned(),
        ErrorKind::WriteFailure => format!("it makes more than {MAX_OUTPUT_BYTES} bytes"),
        kind => kind.to_string(),
    };
    let message = match error.detail() {
        Some(detail) if error.kind() != ErrorKind::WriteFailure => format!("{kind}: {detail}"),
        Some(_) | None => kind,
    };
    let (line, column) = match error.range() {
        Some(range) => position_of(text, range.start),
        None => (error.line().unwrap_or(1), 1),
    };
    TemplateError {
        line,
        column,
        message,
    }
}

/// Turns a place in bytes into a line and a column in characters.
fn position_of(text: &str, place: usize) -> (usize, usize) {
    let before: String = text
        .char_indices()
        .take_while(|(at, _)| *at < place)
        .map(|(_, letter)| letter)
        .collect();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// What was rendered so far.
#[derive(Debug, Default)]
struct BoundedText {
    bytes: Vec<u8>,
}

impl io::Write for BoundedText {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > MAX_OUTPUT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Json {
        json!({ "alert": { "text": "a \"b\"\nc", "run": 2, "task": null }, "alerts": [1, 2] })
    }

    fn fault(text: &str) -> TemplateError {
        check_template(text, &[sample()]).unwrap_err()
    }

    #[test]
    fn values_are_filled_in_and_json_is_quoted() {
        let render = |text| render_template(text, sample()).unwrap();
        assert_eq!(render("{{ alert.run }}/{{ alerts|length }}"), "2/2");
        assert_eq!(
            render("{\"t\": {{ alert.text|tojson }}}"),
            "{\"t\": \"a \\\"b\\\"\\nc\"}"
        );
        assert_eq!(render("{% for a in alerts %}{{ a }};{% endfor %}"), "1;2;");
        assert_eq!(render("{{ alert.task or '-' }}"), "-");
    }

    #[test]
    fn a_wrong_template_names_the_place() {
        let error = fault("one\ntwo {{ alert.");
        assert_eq!(error.line, 2, "{error}");
        assert!(error.to_string().contains("syntax error"), "{error}");
        let error = fault("é {{ alert.txet.x }}");
        assert_eq!((error.line, error.column > 4), (1, true), "{error}");
        assert!(fault("{{ nothing }}").to_string().contains("undefined"));
        assert!(
            fault(&"x".repeat(MAX_TEMPLATE_BYTES + 1))
                .to_string()
                .contains("at most")
        );
    }

    #[test]
    fn work_and_output_are_bounded() {
        let loops = "{% for a in range(9000) %}{% for b in range(9000) %}{{ a }}{% endfor %}{% endfor %}";
        assert!(fault(loops).to_string().contains("too much work"));
        let long = format!("{{% for a in range(100) %}}{}{{% endfor %}}", "x".repeat(20_000));
        assert!(fault(&long).to_string().contains("more than"));
    }
}
