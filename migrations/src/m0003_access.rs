//! Users and what they may do: accounts, tokens, grants, the audit log, request keys.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE user_account (
    id {id},
    name TEXT NOT NULL,
    password_hash TEXT,
    admin BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);
CREATE UNIQUE INDEX user_account_name ON user_account (name);

CREATE TABLE token (
    id {id},
    name TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'api',
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used BIGINT
);
CREATE UNIQUE INDEX token_hash ON token (hash);
CREATE INDEX token_user ON token (user_id, id);

CREATE TABLE project_grant (
    project_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX project_grant_user ON project_grant (user_id);

CREATE TABLE audit (
    id {id},
    at BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    request_id TEXT NOT NULL DEFAULT '',
    action TEXT NOT NULL,
    resource_kind TEXT NOT NULL,
    resource TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'done',
    detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX audit_resource ON audit (resource_kind, resource, id);

CREATE TABLE request_key (
    key TEXT PRIMARY KEY,
    body_hash TEXT NOT NULL,
    resource_kind TEXT NOT NULL,
    resource TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX request_key_at ON request_key (at);
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE request_key;
DROP TABLE audit;
DROP TABLE project_grant;
DROP TABLE token;
DROP TABLE user_account;
",
);

migration!();
