//! Heartbeats are counted: a count that stands still shows a silent incarnation, one that falls a lost history.

use crate::migration::{Statements, migration};

const UP: Statements =
    Statements::Shared("ALTER TABLE member_heartbeat ADD COLUMN heartbeats BIGINT NOT NULL DEFAULT 0;");

const DOWN: Statements = Statements::Shared("ALTER TABLE member_heartbeat DROP COLUMN heartbeats;");

migration!();
