//! Secrets in requests and answers.

use std::fmt;

use catalog::StoredSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// The value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutSecret {
    /// 6 bytes to 64 KiB. Taken as any JSON, so that no parser's message repeats it.
    #[schema(value_type = String, write_only, min_length = 6, max_length = 65536)]
    pub(crate) value: Value,
}

impl fmt::Debug for PutSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutSecret(***)")
    }
}

/// Has no members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateSecrets {}

/// A secret, without its value.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Secret)]
pub(crate) struct SecretView {
    name: String,
    created_at: String,
    /// When its value was last set.
    updated_at: String,
    /// Who set it.
    updated_by: String,
}

impl From<StoredSecret> for SecretView {
    fn from(secret: StoredSecret) -> Self {
        Self {
            name: secret.name,
            created_at: format_time(secret.created_at),
            updated_at: format_time(secret.updated_at),
            updated_by: secret.updated_by,
        }
    }
}
