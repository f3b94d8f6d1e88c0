//! Which database it is: what tells a restored or promoted copy from the one that the nodes worked with.
//!
//! Both are empty on SQLite, and until the first node joins.

use sea_orm_migration::prelude::*;

use crate::dialect;

const UP: &str = "
ALTER TABLE cluster_meta ADD COLUMN system_identifier TEXT;
ALTER TABLE cluster_meta ADD COLUMN timeline BIGINT;
";

const DOWN: &str = "
ALTER TABLE cluster_meta DROP COLUMN timeline;
ALTER TABLE cluster_meta DROP COLUMN system_identifier;
";

/// Remembers the line of history of the database.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, DOWN).await
    }
}
