//! Replaces placeholders in a text: `${name}` by a value, `$[expression]` by a time; `$${name}` is a literal `${name}`.
//!
//! What was put in is not interpolated again: a value that itself holds a placeholder arrives as it is.

use super::secret_slots::SECRET_PREFIX;
use super::time::{self, TimeBase};

/// The longest placeholder in bytes, several times a name of 100 characters of four bytes; a longer one is ordinary text.
const MAX_PLACEHOLDER: usize = 1024;

/// The deepest nesting of placeholders in placeholders. Each level may be read twice, so it stays small.
const MAX_NESTING: usize = 2;

/// Returns what stands for a placeholder; `Ok(None)` leaves it as it is.
pub(crate) type Lookup<'a, E> = dyn FnMut(Reference<'_>) -> Result<Option<String>, E> + 'a;

/// A `${name}` or `${name | raw}` in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reference<'a> {
    /// The name.
    pub(crate) name: &'a str,
    /// Whether its value is escaped for its place.
    pub(crate) escaping: Escaping,
    /// What stands before it in the result; nothing for a name inside of another placeholder.
    pub(crate) before: &'a str,
    /// The secret that it means. The text itself spells that name out and nothing encloses it, so that no value of a
    /// parameter chooses a secret.
    pub(crate) secret: Option<&'a str>,
}

/// Whether a value is escaped for its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Escaping {
    /// As the place demands.
    ByPlace,
    /// It is put there as it is.
    Raw,
}

/// Which placeholders a text has replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Style {
    /// A value or a field: placeholders may stand in names of placeholders and in time expressions.
    Text,
    /// A script: nothing is put inside anything, since `${` may be the script's own.
    Script,
}

/// Replaces the placeholders of a text.
pub(crate) fn interpolate<E>(
    text: &str,
    style: Style,
    base: TimeBase,
    lookup: &mut Lookup<'_, E>,
) -> Result<String, E> {
    Interpolator { style, base, lookup }.interpolate(text, 0)
}

struct Interpolator<'f, 'a, E> {
    style: Style,
    base: TimeBase,
    lookup: &'f mut Lookup<'a, E>,
}

impl<E> Interpolator<'_, '_, E> {
    fn interpolate(&mut self, text: &str, depth: usize) -> Result<String, E> {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(place) = rest.find('$') {
            let (before, from) = rest.split_at(place);
            result.push_str(before);
            if self.style == Style::Text && from.starts_with("$${") {
                result.push_str("${");
                rest = &from[3..];
                continue;
            }
            let replaced = match from.as_bytes().get(1) {
                Some(b'{') => self.name(from, depth, &result)?,
                Some(b'[') => self.time(from, depth)?,
                _ => None,
            };
            match replaced {
                Some((value, after)) => {
                    result.push_str(&value);
                    rest = after;
                }
                None => {
                    result.push('$');
                    rest = &from[1..];
                }
            }
        }
        result.push_str(rest);
        Ok(result)
    }

    fn name<'t>(
        &mut self,
        from: &'t str,
        depth: usize,
        before: &str,
    ) -> Result<Option<(String, &'t str)>, E> {
        let Some((inside, after)) = split_enclosed(from, (b'{', b'}'), self.style) else {
            return Ok(None);
        };
        // Decided by the text alone: no value turns escaping off.
        let (inside, escaping) = self.split_filter(inside);
        let name = if inside.contains('$') && depth < MAX_NESTING {
            self.interpolate(inside, depth + 1)?
        } else {
            inside.to_owned()
        };
        let is_spelled_out = depth == 0 && !inside.contains('$');
        let value = (self.lookup)(Reference {
            name: &name,
            secret: name.strip_prefix(SECRET_PREFIX).filter(|_| is_spelled_out),
            escaping,
            before: if depth == 0 { before } else { "" },
        })?;
        Ok(value.map(|value| (value, after)))
    }

    fn time<'t>(&mut self, from: &'t str, depth: usize) -> Result<Option<(String, &'t str)>, E> {
        let Some((inside, after)) = split_enclosed(from, (b'[', b']'), self.style) else {
            return Ok(None);
        };
        let expression = if inside.contains('$') && depth < MAX_NESTING {
            self.interpolate(inside, depth + 1)?
        } else {
            inside.to_owned()
        };
        Ok(time::evaluate(&expression, self.base).map(|value| (value, after)))
    }

    fn split_filter<'t>(&self, inside: &'t str) -> (&'t str, Escaping) {
        match inside.rsplit_once('|') {
            Some((name, filter)) if self.style == Style::Text && filter.trim() == "raw" => {
                (name.trim(), Escaping::Raw)
            }
            _ => (inside, Escaping::ByPlace),
        }
    }
}

/// Returns what stands between `$` with its bracket and the closing one, and what follows.
pub(crate) fn split_enclosed(from: &str, (open, close): (u8, u8), style: Style) -> Option<(&str, &str)> {
    let bytes = from.as_bytes();
    let mut level = 0;
    for place in 1..bytes.len().min(MAX_PLACEHOLDER) {
        let opens = bytes[place] == open && bytes[place - 1] == b'$';
        if opens && level > 0 && style == Style::Script {
            return None;
        }
        let closes = bytes[place] == close;
        level = level + usize::from(opens) - usize::from(closes);
        if closes && level == 0 {
            return Some((&from[2..place], &from[place + 1..]));
        }
    }
    None
}
