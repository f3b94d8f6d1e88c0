//! Why an expression is refused.

use super::field::CronField;

/// An expression that cannot be used, in words for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// It does not follow the grammar.
    #[error("{message}")]
    Invalid {
        /// The field with the mistake; `None` when it is the number of fields.
        field: Option<CronField>,
        /// The part with the mistake, as written.
        text: String,
        /// What is wrong, and what is allowed.
        message: String,
    },
    /// It follows the grammar, but no date from 1970 to 2099 matches.
    #[error("{0:?} matches no date from 1970 to 2099")]
    NeverFires(String),
}

impl CronError {
    /// The error code that users see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "INVALID_CRON",
            Self::NeverFires(_) => "NEVER_FIRES",
        }
    }

    pub(super) fn never_fires(text: &str) -> Self {
        Self::NeverFires(text.trim().to_owned())
    }

    pub(super) fn of_expression(text: &str, message: String) -> Self {
        Self::Invalid {
            field: None,
            text: text.to_owned(),
            message,
        }
    }

    pub(super) fn of_field(field: CronField, text: &str, what: &str) -> Self {
        Self::Invalid {
            field: Some(field),
            text: text.to_owned(),
            message: format!("{}: {text:?} {what}; allowed: {}", field.name(), field.allowed()),
        }
    }

    /// The same error with a hint after it.
    pub(super) fn with_hint(self, hint: &str) -> Self {
        match self {
            Self::Invalid { field, text, message } => Self::Invalid {
                field,
                text,
                message: format!("{message}; {hint}"),
            },
            other @ Self::NeverFires(_) => other,
        }
    }
}
