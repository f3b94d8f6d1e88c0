//! All sealed values of the database, whatever they belong to: which keys they need, and their change to another key.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use secrets::{KeyId, KeyRing, SEALED_COLUMNS, SealedColumn, SealedFields, SealedFormat, SealedText};
use store::{Store, Transaction};

use crate::error::CatalogError;

/// Rows that one statement reads.
const ROWS_AT_ONCE: i64 = 200;

/// Bytes of a sealed value that name its key.
const HEAD_BYTES: usize = 12;

#[derive(FromQueryResult)]
struct SealedRow {
    id: i64,
    sealed: String,
}

/// How far a walk over all sealed values is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealedPosition {
    /// The place of the column in the list of all.
    column: usize,
    /// The row that was last seen.
    after: i64,
}

/// What became of a part of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedPart {
    /// How many values have another key now.
    pub(crate) changed: i64,
    /// Where the next part begins; none at the end.
    pub(crate) next: Option<SealedPosition>,
}

/// The sealed values.
#[derive(Debug, Clone, Copy)]
pub struct SealedValues<'a> {
    store: &'a Store,
}

impl<'a> SealedValues<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Returns the keys that stored values need and that a ring lacks.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list_missing_keys(self, ring: &KeyRing) -> Result<BTreeSet<KeyId>, CatalogError> {
        let mut missing = BTreeSet::new();
        for column in SEALED_COLUMNS {
            let mut rows = self.read_heads(column, 0).await?;
            while let Some(last) = rows.last().map(|row| row.id) {
                let keys = rows.iter().flat_map(|row| keys_of(column, &row.sealed));
                missing.extend(keys.filter(|key| !ring.has(key)));
                rows = self.read_heads(column, last).await?;
            }
        }
        Ok(missing)
    }

    /// Counts the stored values that are sealed under another key than this one.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn count_outdated(self, newest: &KeyId) -> Result<usize, CatalogError> {
        let mut outdated = 0;
        for column in SEALED_COLUMNS {
            let mut rows = self.read_heads(column, 0).await?;
            while let Some(last) = rows.last().map(|row| row.id) {
                let keys = rows.iter().flat_map(|row| keys_of(column, &row.sealed));
                outdated += keys.filter(|key| key != newest).count();
                rows = self.read_heads(column, last).await?;
            }
        }
        Ok(outdated)
    }

    /// Reads what names the keys of the next rows.
    async fn read_heads(self, column: &SealedColumn, after: i64) -> Result<Vec<SealedRow>, CatalogError> {
        let sealed = match column.format {
            SealedFormat::Value => format!("substr({}, 1, {HEAD_BYTES})", column.column),
            SealedFormat::Fields => column.column.to_owned(),
        };
        self.read_rows(self.store.reader(), column, &sealed, after).await
    }

    async fn read_rows<C: ConnectionTrait>(
        self,
        on: &C,
        column: &SealedColumn,
        sealed: &str,
        after: i64,
    ) -> Result<Vec<SealedRow>, CatalogError> {
        let SealedColumn { table, key, .. } = column;
        let sql = format!(
            "SELECT {key} AS id, {sealed} AS sealed FROM {table} WHERE {key} > $1 ORDER BY {key} LIMIT $2"
        );
        let values: [Value; 2] = [after.into(), ROWS_AT_ONCE.into()];
        let rows = on.query_all_raw(self.store.statement(&sql, values)).await?;
        let rows = rows.iter().map(|row| SealedRow::from_query_result(row, ""));
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Seals the values of the next rows under a key. A row that a user changes at the same time is looked at again.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`: a value cannot be opened; nothing of this part is changed.
    pub(crate) async fn change_key(
        self,
        on: &Transaction,
        (ring, key): (&KeyRing, &KeyId),
        from: SealedPosition,
    ) -> Result<SealedPart, CatalogError> {
        let Some(column) = SEALED_COLUMNS.get(from.column) else {
            return Ok(SealedPart {
                changed: 0,
                next: None,
            });
        };
        let rows = self.read_rows(on, column, column.column, from.after).await?;
        let mut part = SealedPart {
            changed: 0,
            next: Some(SealedPosition {
                column: from.column + usize::from(rows.is_empty()),
                after: rows.last().map_or(0, |row| row.id),
            }),
        };
        for row in rows {
            let Some(sealed) = seal_again(column, &row, ring, key)? else {
                continue;
            };
            if !self.replace(on, column, &row, sealed).await? {
                let after = row.id - 1;
                part.next = Some(SealedPosition { after, ..from });
                break;
            }
            part.changed += 1;
        }
        Ok(part)
    }

    /// Replaces the value of a row; false when it is not what was read any more.
    async fn replace(
        self,
        on: &Transaction,
        column: &SealedColumn,
        row: &SealedRow,
        sealed: String,
    ) -> Result<bool, CatalogError> {
        let SealedColumn {
            table, key, column, ..
        } = column;
        let sql = format!("UPDATE {table} SET {column} = $1 WHERE {key} = $2 AND {column} = $3");
        let values: [Value; 3] = [sealed.into(), row.id.into(), row.sealed.clone().into()];
        let done = on.execute_raw(self.store.statement(&sql, values)).await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Returns the keys of the values of a row, or of the beginning of its one value.
fn keys_of(column: &SealedColumn, sealed: &str) -> Vec<KeyId> {
    match column.format {
        SealedFormat::Value => SealedText::from_stored(sealed).key_id().into_iter().collect(),
        SealedFormat::Fields => {
            let fields = SealedFields::from_stored(sealed).unwrap_or_default();
            fields.0.values().filter_map(SealedText::key_id).collect()
        }
    }
}

/// Seals the values of a row under a key; none when they have it.
fn seal_again(
    column: &SealedColumn,
    row: &SealedRow,
    ring: &KeyRing,
    key: &KeyId,
) -> Result<Option<String>, CatalogError> {
    if keys_of(column, &row.sealed).iter().all(|has| has == key) {
        return Ok(None);
    }
    let unreadable = |why: &dyn std::fmt::Display| {
        let detail = format!(
            "row {} of {} cannot be encrypted again: {why}",
            row.id, column.table
        );
        CatalogError::conflict("NO_SECRETS_KEY", detail)
    };
    let seal = |place: &secrets::Place, sealed: &SealedText| {
        let value = ring.open(place, sealed).map_err(|why| unreadable(&why))?;
        let sealed = ring.seal_under(key, place, value.reveal());
        sealed.ok_or_else(|| unreadable(&format!("the key {key} is missing")))
    };
    match column.format {
        SealedFormat::Value => {
            let sealed = SealedText::from_stored(row.sealed.as_str());
            Ok(Some(seal(&column.place(row.id), &sealed)?.to_string()))
        }
        SealedFormat::Fields => {
            let mut fields = SealedFields::from_stored(&row.sealed)
                .ok_or_else(|| unreadable(&"it does not hold sealed fields"))?;
            for (field, sealed) in &mut fields.0 {
                *sealed = seal(&column.field_place(row.id, field), sealed)?;
            }
            Ok(Some(fields.to_stored()))
        }
    }
}
