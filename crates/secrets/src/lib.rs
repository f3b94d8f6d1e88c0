//! Secret values. At rest each is sealed by AES-256-GCM under a key of the node's key file, and bound to the table, row
//! and column that it stands in; in logs and answers it is masked.

mod key_file;
mod key_ring;
mod masker;
mod masker_cache;
mod sealed;
mod sealed_column;
mod sealing_key;
mod shared_key_ring;
mod text_view;

pub use self::key_file::{KeyFileError, KeySource};
pub use self::key_ring::{KeyRing, NoKey, UnreadableValue};
pub use self::masker::{MASK, MIN_VALUE_BYTES, Masker, TooManyValues, WindowEnd, mask_ranges, mask_values};
pub use self::masker_cache::MaskerCache;
pub use self::sealed::{SealedFields, SealedText};
pub use self::sealed_column::{
    CHANNEL_FIELDS, CONNECTION_FIELDS, Place, SEALED_COLUMNS, SECRET_VALUE, SealedColumn, SealedFormat,
};
pub use self::sealing_key::{KeyId, SealingKey, WrongKey};
pub use self::shared_key_ring::SharedKeyRing;
