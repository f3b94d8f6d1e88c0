//! Links by which a user sets a password without knowing one.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE setup_link (
    id {id},
    user_id BIGINT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX setup_link_hash ON setup_link (hash);
CREATE INDEX setup_link_user ON setup_link (user_id);
",
);

const DOWN: Statements = Statements::Shared("DROP TABLE setup_link;");

migration!();
