//! Indexes as the entities declare them.

use sea_orm::EntityTrait;
use sea_orm::sea_query::{Index, IndexCreateStatement};

/// Declares an index of a table.
pub(crate) fn index_on<E: EntityTrait>(
    entity: E,
    name: &'static str,
    columns: impl IntoIterator<Item = E::Column>,
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(entity);
    for column in columns {
        index.col(column);
    }
    index
}
