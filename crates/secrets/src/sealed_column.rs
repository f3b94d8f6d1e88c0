//! The columns with sealed values. The rotation of keys and the check at a node's start walk this list.

/// Every column with sealed values; a test of the schema holds that each column named `sealed` is here.
pub const SEALED_COLUMNS: &[SealedColumn] = &[SECRET_VALUE, CONNECTION_FIELDS, CHANNEL_FIELDS];

/// The values of secrets.
pub const SECRET_VALUE: SealedColumn = SealedColumn {
    table: "secret_value",
    key: "id",
    column: "sealed",
    format: SealedFormat::Value,
};

/// The secret fields of connections.
pub const CONNECTION_FIELDS: SealedColumn = SealedColumn {
    table: "connection",
    key: "id",
    column: "sealed",
    format: SealedFormat::Fields,
};

/// The secret fields of channels.
pub const CHANNEL_FIELDS: SealedColumn = SealedColumn {
    table: "channel",
    key: "id",
    column: "sealed",
    format: SealedFormat::Fields,
};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedFormat {
    /// One sealed value.
    Value,
    /// JSON of a row's secret fields: field → sealed value.
    Fields,
}

/// A column with sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedColumn {
    /// Its table.
    pub table: &'static str,
    /// The column that names a row of it, a number.
    pub key: &'static str,
    /// The column itself.
    pub column: &'static str,
    /// What it holds.
    pub format: SealedFormat,
}

impl SealedColumn {
    /// Returns the place of the one value of a row.
    pub fn place(&self, row: i64) -> Place {
        Place(format!("{}\0{row}\0{}", self.table, self.column))
    }

    /// Returns the place of one of the secret fields of a row.
    pub fn field_place(&self, row: i64, field: &str) -> Place {
        Place(format!("{}\0{row}\0{}\0{field}", self.table, self.column))
    }
}

/// Where a sealed value stands; moved to another row, column or field it cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
