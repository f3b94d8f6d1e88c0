//! The names of secrets in the fields of connections and channels.

use std::collections::BTreeMap;

use engine::connector::ConnectorUpdate;

/// The names of secrets by the JSON pointer of the field that has them.
pub(crate) type NamedSecrets = BTreeMap<String, Vec<String>>;

/// Returns the secrets that each field names, those of kept fields too.
pub(crate) fn named_secrets(update: &ConnectorUpdate, old: Option<&NamedSecrets>) -> NamedSecrets {
    let old = old.into_iter().flatten();
    let kept = old.filter(|(field, _)| update.kept.contains_key(*field));
    kept.chain(&update.secret_names)
        .map(|(field, names)| (field.clone(), names.clone()))
        .collect()
}
