//! The steps of JSON pointers (RFC 6901).

/// Appends a step to a pointer.
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

/// Returns the steps of a pointer.
pub(crate) fn steps(pointer: &str) -> impl Iterator<Item = String> {
    let escaped = pointer.split('/').skip(1);
    escaped.map(|step| step.replace("~1", "/").replace("~0", "~"))
}
