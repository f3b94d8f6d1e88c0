//! Replaces placeholders in a text: `${name}` by a value, `$[expression]` by a time.
//!
//! What was put in is not interpolated again: a value that itself holds a placeholder arrives as it is.

use super::time::{self, TimeBase};

/// The longest placeholder in bytes, several times a name of 100 characters of four bytes; a longer one is ordinary text.
const MAX_PLACEHOLDER: usize = 1024;

/// The deepest nesting of placeholders in placeholders. Each level may be read twice, so it stays small.
const MAX_NESTING: usize = 2;

/// Returns what stands for `${name}`; `Ok(None)` leaves the placeholder as it is.
pub(crate) type Lookup<'a, E> = dyn FnMut(&str) -> Result<Option<String>, E> + 'a;

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
            let replaced = match from.as_bytes().get(1) {
                Some(b'{') => self.name(from, depth)?,
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

    fn name<'t>(&mut self, from: &'t str, depth: usize) -> Result<Option<(String, &'t str)>, E> {
        let Some((inside, after)) = self.inside(from, (b'{', b'}')) else {
            return Ok(None);
        };
        let name = if inside.contains('$') && depth < MAX_NESTING {
            self.interpolate(inside, depth + 1)?
        } else {
            inside.to_owned()
        };
        let value = (self.lookup)(&name)?;
        Ok(value.map(|value| (value, after)))
    }

    fn time<'t>(&mut self, from: &'t str, depth: usize) -> Result<Option<(String, &'t str)>, E> {
        let Some((inside, after)) = self.inside(from, (b'[', b']')) else {
            return Ok(None);
        };
        let expression = if inside.contains('$') && depth < MAX_NESTING {
            self.interpolate(inside, depth + 1)?
        } else {
            inside.to_owned()
        };
        Ok(time::evaluate(&expression, self.base).map(|value| (value, after)))
    }

    /// What stands between `$` with its bracket and the closing one, and what follows.
    fn inside<'t>(&self, from: &'t str, (open, close): (u8, u8)) -> Option<(&'t str, &'t str)> {
        let bytes = from.as_bytes();
        let mut level = 0;
        for place in 1..bytes.len().min(MAX_PLACEHOLDER) {
            let opens = bytes[place] == open && bytes[place - 1] == b'$';
            if opens && level > 0 && self.style == Style::Script {
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
}
