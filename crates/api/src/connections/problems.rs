//! What is wrong with a connection, as answers say it.

use engine::spec::Diagnostic;

use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

/// Codes that an answer shows itself when one of its errors has them.
const OWN_CODES: [Code; 3] = [Code::SecretNeeded, Code::UnknownSecret, Code::SecretMisplaced];

/// Makes the answer to fields of a connection that are wrong.
pub(super) fn invalid_connection(issues: &[Diagnostic]) -> Problem {
    let code_of = |issue: &Diagnostic| OWN_CODES.into_iter().find(|code| code.as_str() == issue.code);
    let code = issues.iter().find_map(code_of).unwrap_or(Code::InvalidBody);
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let first = errors
        .first()
        .map(|error| format!("{}: {}", error.pointer, error.message));
    Problem::new(code, first.unwrap_or_default()).with_errors(errors)
}
