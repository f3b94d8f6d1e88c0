//! Whole-number arithmetic: `+ - * /`, signs, parentheses, with the usual precedence.

/// Evaluates an expression without spaces; `None` when it is none, or leaves 64 bits.
///
/// Division truncates. Depth is bounded by the length of the text, which callers bound.
pub(super) fn evaluate(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let value = sum(&mut rest)?;
    rest.is_empty().then_some(value)
}

fn sum(rest: &mut &[u8]) -> Option<i64> {
    let mut value = product(rest)?;
    loop {
        value = match rest.first() {
            Some(b'+') => value.checked_add(product(skip(rest))?)?,
            Some(b'-') => value.checked_sub(product(skip(rest))?)?,
            _ => return Some(value),
        };
    }
}

fn product(rest: &mut &[u8]) -> Option<i64> {
    let mut value = signed(rest)?;
    loop {
        value = match rest.first() {
            Some(b'*') => value.checked_mul(signed(skip(rest))?)?,
            Some(b'/') => value.checked_div(signed(skip(rest))?)?,
            _ => return Some(value),
        };
    }
}

fn signed(rest: &mut &[u8]) -> Option<i64> {
    match rest.first()? {
        b'-' => signed(skip(rest))?.checked_neg(),
        b'+' => signed(skip(rest)),
        b'(' => {
            let value = sum(skip(rest))?;
            (rest.first() == Some(&b')')).then(|| skip(rest))?;
            Some(value)
        }
        _ => number(rest),
    }
}

fn number(rest: &mut &[u8]) -> Option<i64> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn skip<'a, 'b>(rest: &'a mut &'b [u8]) -> &'a mut &'b [u8] {
    *rest = rest.get(1..).unwrap_or_default();
    rest
}
