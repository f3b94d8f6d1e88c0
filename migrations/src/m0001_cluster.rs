//! The cluster: the database's generation and timeline, members and their heartbeats.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE cluster_meta (
    one BIGINT PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    generation BIGINT NOT NULL DEFAULT 1,
    secret_hash TEXT,
    -- Of the PostgreSQL server of the last join; empty on SQLite.
    system_identifier TEXT,
    timeline BIGINT
);
INSERT INTO cluster_meta (one, generation) VALUES (1, 1);

CREATE TABLE member (
    incarnation {id},
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    roles TEXT NOT NULL,
    state TEXT NOT NULL,
    slots BIGINT NOT NULL DEFAULT 0,
    worker_group TEXT NOT NULL DEFAULT 'default',
    version TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    state_at BIGINT NOT NULL,
    declared_by BIGINT,
    reason TEXT
);
CREATE UNIQUE INDEX member_live_host ON member (host)
    WHERE state IN ('joining', 'active', 'draining');
CREATE UNIQUE INDEX member_live_name ON member (name)
    WHERE state IN ('joining', 'active', 'draining');
CREATE INDEX member_state ON member (state, state_at);

CREATE TABLE member_heartbeat (
    incarnation BIGINT PRIMARY KEY REFERENCES member (incarnation) ON DELETE CASCADE,
    seen_at BIGINT NOT NULL
) {hot};
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE member_heartbeat;
DROP TABLE member;
DROP TABLE cluster_meta;
",
);

migration!();
