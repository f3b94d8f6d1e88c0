//! One key of the configuration: its name, its default, its type.

/// How `config show` prints a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    /// As it is.
    Shown,
    /// With its password masked. The value may also come from a file.
    MaskedUrl,
    /// Never. The value may also come from a file.
    Hidden,
}

/// One key with values of type `T`.
#[derive(Debug)]
pub(super) struct Key<T> {
    name: &'static str,
    default: &'static str,
    visibility: Visibility,
    parse: fn(&str) -> Result<T, String>,
    about: &'static str,
}

impl<T> Key<T> {
    /// A key with a default: it always has a value.
    pub(super) const fn with_default(
        name: &'static str,
        default: &'static str,
        parse: fn(&str) -> Result<T, String>,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            default,
            visibility: Visibility::Shown,
            parse,
            about,
        }
    }

    /// A key without a default.
    pub(super) const fn optional(
        name: &'static str,
        parse: fn(&str) -> Result<T, String>,
        about: &'static str,
    ) -> Self {
        Self::with_default(name, "", parse, about)
    }

    /// The same key, shown in another way.
    pub(super) const fn visible_as(self, visibility: Visibility) -> Self {
        Self {
            name: self.name,
            default: self.default,
            visibility,
            parse: self.parse,
            about: self.about,
        }
    }

    /// Parses a value; the error is a sentence without the key's name.
    pub(super) fn parse(&self, text: &str) -> Result<T, String> {
        (self.parse)(text)
    }
}

/// A key without the type of its values.
pub(super) trait AnyKey: Sync {
    /// `section.key`.
    fn name(&self) -> &'static str;

    /// The default as text; empty for an optional key.
    fn default_text(&self) -> &'static str;

    /// How it is shown.
    fn visibility(&self) -> Visibility;

    /// What it means.
    fn about(&self) -> &'static str;

    /// Says what is wrong with a value; empty text is one only for an optional key.
    fn check(&self, text: &str) -> Result<(), String>;
}

impl<T> AnyKey for Key<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn default_text(&self) -> &'static str {
        self.default
    }

    fn visibility(&self) -> Visibility {
        self.visibility
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn check(&self, text: &str) -> Result<(), String> {
        match (text, self.default) {
            ("", "") => Ok(()),
            ("", _) => Err("must not be empty".to_owned()),
            (text, _) => self.parse(text).map(drop),
        }
    }
}
