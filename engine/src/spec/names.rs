//! The rules of legal names.

use crate::params::secret_slots::SECRET_PREFIX;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// The longest name, in characters.
pub const MAX_CHARS: usize = 100;

/// Beginning of the variables that the system sets for every attempt.
pub(super) const SYSTEM_PREFIX: &str = "PORPOISE_";

/// Names that change how programs are found or loaded.
const FORBIDDEN: &[&str] = &["PATH", "IFS", "ENV", "HOME", "SHELL"];

/// Beginnings of such names.
const FORBIDDEN_PREFIXES: &[&str] = &["LD_", "BASH_", "PYTHON", SYSTEM_PREFIX];

/// Checks the name of a project, workflow, task or worker group.
///
/// # Errors
/// A readable text says what is wrong with it.
pub fn check(name: &str) -> Result<(), String> {
    check_length(name)?;
    if name == "." || name == ".." {
        return Err(format!("`{name}` cannot be a name"));
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Err(format!("the name `{name}` must not begin or end with a space"));
    }
    match name.chars().find(|c| !is_name_char(*c)) {
        Some(bad) => Err(format!(
            "`{}` is not allowed in a name: use letters, marks, digits, space, `.`, `_` and `-`",
            bad.escape_default()
        )),
        None => Ok(()),
    }
}

/// Whether a name may contain the character: a letter, mark or digit of any script, space, `.`, `_`, `-`.
///
/// Scripts such as Devanagari and Tamil write vowels as marks, and a decomposed `é` is a letter with a mark.
pub fn is_name_char(c: char) -> bool {
    let is_mark = || c.general_category_group() == GeneralCategoryGroup::Mark;
    c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-') || is_mark()
}

/// Checks the name of a parameter or an output for its characters; see also [`is_forbidden`].
///
/// # Errors
/// A readable text says what is wrong with it.
pub fn check_param(name: &str) -> Result<(), String> {
    check_length(name)?;
    if name.starts_with(|c: char| c.is_numeric()) {
        return Err(format!("the parameter name `{name}` must not begin with a digit"));
    }
    let is_legal = |c: char| is_name_char(c) && c != ' ';
    match name.chars().find(|c| !is_legal(*c)) {
        Some(bad) => Err(format!(
            "`{}` is not allowed in a parameter name: use letters, marks, digits, `_`, `.` and `-`",
            bad.escape_default()
        )),
        None => Ok(()),
    }
}

/// Checks the name of a parameter that a document declares or a task sets.
///
/// # Errors
/// A stable code, and a readable text that says what is wrong with it.
pub(crate) fn check_declared(name: &str) -> Result<(), (&'static str, String)> {
    check_param(name).map_err(|why| ("BAD_NAME", why))?;
    if name.starts_with(SECRET_PREFIX) {
        let why = format!("the name `{name}` cannot begin with `{SECRET_PREFIX}`, which means a secret");
        return Err(("BAD_NAME", why));
    }
    if is_forbidden(name) {
        let why = format!(
            "`{name}` is refused: it changes how programs are found or loaded, or belongs to the system"
        );
        return Err(("FORBIDDEN_NAME", why));
    }
    Ok(())
}

/// Whether the name changes how programs are found or loaded, or belongs to the system.
pub fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.contains(&name) || FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a shell and an environment can carry it as a variable.
pub fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Finds the candidate that was most probably meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let chars = name.chars().count();
    if chars > MAX_CHARS {
        return None;
    }
    let limit = 1 + chars / 3;
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= 4 * limit)
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn check_length(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a name has at least one character".to_owned());
    }
    let chars = name.chars().count();
    if chars > MAX_CHARS {
        return Err(format!(
            "a name has at most {MAX_CHARS} characters, this one has {chars}"
        ));
    }
    Ok(())
}
