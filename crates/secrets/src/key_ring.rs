//! The keys of a node.

use primitives::secret::Secret;

use crate::sealed::SealedText;
use crate::sealed_column::Place;
use crate::sealing_key::{KeyId, SealingKey, WrongKey};

/// The node has no key: nothing secret can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this node has no key for secrets; name a file with one in `secrets.key_file` on every master and api node"
)]
pub struct NoKey;

/// Why a stored value cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableValue {
    /// Its key is not on the ring.
    #[error("the key {0} is missing; add its line to the key file of this node")]
    MissingKey(KeyId),
    /// It was changed, moved from another row, or never sealed.
    #[error("the stored value is damaged; set it again")]
    Damaged,
}

impl UnreadableValue {
    /// Returns the reason as a metric names it.
    fn label(&self) -> &'static str {
        match self {
            Self::MissingKey(_) => "missing_key",
            Self::Damaged => "damaged",
        }
    }
}

/// The keys of a node: the first seals, each opens.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<SealingKey>,
}

impl KeyRing {
    /// Reads the lines of a key file; empty lines do not count.
    ///
    /// # Errors
    /// The number of the first line that is no key.
    pub fn from_lines(text: &str) -> Result<Self, (usize, WrongKey)> {
        let mut ring = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let key = SealingKey::from_base64(line).map_err(|wrong| (number + 1, wrong))?;
            if ring.find(key.id()).is_none() {
                ring.keys.push(key);
            }
        }
        Ok(ring)
    }

    /// Returns whether nothing can be sealed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the ids of the keys; the first is that of the key that seals.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(SealingKey::id)
    }

    /// Seals a value for the place where it will stand.
    ///
    /// # Errors
    /// There is no key.
    pub fn seal(&self, place: &Place, value: &str) -> Result<SealedText, NoKey> {
        let key = self.keys.first().ok_or(NoKey)?;
        Ok(SealedText::from_parts(
            key.id(),
            &key.seal(place.as_bytes(), value),
        ))
    }

    /// Seals a value again under a key of the ring; none when the ring lacks that key.
    pub fn seal_under(&self, key: &KeyId, place: &Place, value: &str) -> Option<SealedText> {
        let key = self.find(key)?;
        Some(SealedText::from_parts(
            key.id(),
            &key.seal(place.as_bytes(), value),
        ))
    }

    /// Returns whether the ring has a key.
    pub fn has(&self, key: &KeyId) -> bool {
        self.find(key).is_some()
    }

    /// Opens the value of a place.
    ///
    /// # Errors
    /// Its key is missing, or it is not what was sealed for this place.
    pub fn open(&self, place: &Place, sealed: &SealedText) -> Result<Secret, UnreadableValue> {
        self.try_open(place, sealed).inspect_err(|why| {
            metrics::counter!("porpoise_secret_open_failures_total", "reason" => why.label()).increment(1);
        })
    }

    fn try_open(&self, place: &Place, sealed: &SealedText) -> Result<Secret, UnreadableValue> {
        let (id, body) = sealed.parts().ok_or(UnreadableValue::Damaged)?;
        let key = self.find(&id).ok_or(UnreadableValue::MissingKey(id))?;
        key.open(place.as_bytes(), body).ok_or(UnreadableValue::Damaged)
    }

    fn find(&self, id: &KeyId) -> Option<&SealingKey> {
        self.keys.iter().find(|key| key.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sealed_column::{SealedColumn, SealedFormat};

    const COLUMN: SealedColumn = SealedColumn {
        table: "thing",
        key: "id",
        column: "sealed",
        format: SealedFormat::Fields,
    };

    fn line() -> String {
        SealingKey::generate_base64().reveal().to_owned()
    }

    fn ring(lines: &[&str]) -> KeyRing {
        KeyRing::from_lines(&lines.join("\n")).expect("keys")
    }

    #[test]
    fn the_first_key_seals_and_each_opens() {
        let (old, new) = (line(), line());
        let place = COLUMN.place(7);
        let sealed = ring(&[&old]).seal(&place, "a value").expect("a key");
        let both = ring(&[&new, "", &old, &new]);
        assert_eq!(both.ids().count(), 2, "a repeated line is one key");
        assert_eq!(both.open(&place, &sealed), Ok(Secret::new("a value")));
        let again = both.seal(&place, "a value").expect("a key");
        assert_eq!(again.key_id().as_ref(), both.ids().next());
        let missing = sealed.key_id().expect("a sealed text");
        assert_eq!(
            ring(&[&new]).open(&place, &sealed),
            Err(UnreadableValue::MissingKey(missing))
        );
    }

    #[test]
    fn without_a_key_nothing_is_sealed() {
        let ring = KeyRing::from_lines(" \n\n").expect("no line");
        assert!(ring.is_empty());
        assert_eq!(ring.seal(&COLUMN.place(1), "a value"), Err(NoKey));
    }

    #[test]
    fn a_wrong_line_is_named_and_not_shown() {
        let text = format!("{}\n\nbm90IGEga2V5\n", line());
        let (number, wrong) = KeyRing::from_lines(&text).expect_err("no key");
        assert_eq!(number, 3);
        assert!(!wrong.to_string().contains("bm90"), "{wrong}");
    }

    #[test]
    fn a_value_opens_at_its_own_place_only() {
        let ring = ring(&[&line()]);
        let places = [
            COLUMN.place(1),
            COLUMN.place(11),
            COLUMN.field_place(1, "password"),
            COLUMN.field_place(1, "token"),
            COLUMN.field_place(11, "password"),
        ];
        for (here, place) in places.iter().enumerate() {
            let sealed = ring.seal(place, "a value").expect("a key");
            for (there, other) in places.iter().enumerate() {
                assert_eq!(ring.open(other, &sealed).is_ok(), here == there, "{here} {there}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_opened_is_what_was_sealed(value in ".{0,200}", row: i64) {
            let (ring, place) = (ring(&[&line()]), COLUMN.place(row));
            let sealed = ring.seal(&place, &value).expect("a key");
            prop_assert_ne!(&sealed, &ring.seal(&place, &value).expect("a key"), "each has its own nonce");
            prop_assert_eq!(ring.open(&place, &sealed), Ok(Secret::new(value)));
        }

        #[test]
        fn a_changed_text_is_damaged(at in 12_usize..50, value in ".{8,20}") {
            let (ring, place) = (ring(&[&line()]), COLUMN.place(3));
            let mut text = ring.seal(&place, &value).expect("a key").to_string().into_bytes();
            let at = at.min(text.len() - 2);
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            let changed = SealedText::from_stored(String::from_utf8(text).expect("ASCII"));
            prop_assert_eq!(ring.open(&place, &changed), Err(UnreadableValue::Damaged));
        }

        #[test]
        fn any_text_of_a_column_is_opened_or_refused(text in ".{0,80}") {
            let ring = ring(&[&line()]);
            prop_assert!(ring.open(&COLUMN.place(1), &SealedText::from_stored(text)).is_err());
        }
    }
}
