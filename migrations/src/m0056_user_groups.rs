//! Groups of users.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE user_group (
    id {id},
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX user_group_name ON user_group (name);

CREATE TABLE user_group_member (
    group_id BIGINT NOT NULL REFERENCES user_group (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX user_group_member_user ON user_group_member (user_id);
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE user_group_member;
DROP TABLE user_group;
",
);

migration!();
