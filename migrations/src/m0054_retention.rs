//! What retention deletes. The size of the log of an attempt that ended, unknown for those that ended before; backfills
//! lose their own row first, and their dates later, a few at a time.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
ALTER TABLE attempt ADD COLUMN log_bytes BIGINT;

CREATE TABLE backfill_purge (backfill BIGINT PRIMARY KEY);
CREATE OR REPLACE FUNCTION backfill_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO backfill_purge (backfill) VALUES (OLD.id);
    RETURN OLD;
END $$;
";

const POSTGRES_DOWN: &str = "
CREATE OR REPLACE FUNCTION backfill_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM backfill_date WHERE backfill = OLD.id;
    RETURN OLD;
END $$;
DELETE FROM backfill_date WHERE backfill IN (SELECT backfill FROM backfill_purge);
DROP TABLE backfill_purge;
ALTER TABLE attempt DROP COLUMN log_bytes;
";

const SQLITE_UP: &str = "
ALTER TABLE attempt ADD COLUMN log_bytes BIGINT;

CREATE TABLE backfill_purge (backfill BIGINT PRIMARY KEY);
DROP TRIGGER backfill_gone;
CREATE TRIGGER backfill_gone AFTER DELETE ON backfill
BEGIN
    INSERT INTO backfill_purge (backfill) VALUES (OLD.id);
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER backfill_gone;
CREATE TRIGGER backfill_gone AFTER DELETE ON backfill
BEGIN
    DELETE FROM backfill_date WHERE backfill = OLD.id;
END;
DELETE FROM backfill_date WHERE backfill IN (SELECT backfill FROM backfill_purge);
DROP TABLE backfill_purge;
ALTER TABLE attempt DROP COLUMN log_bytes;
";

const UP: Statements = Statements::PerDatabase {
    sqlite: SQLITE_UP,
    postgres: POSTGRES_UP,
};

const DOWN: Statements = Statements::PerDatabase {
    sqlite: SQLITE_DOWN,
    postgres: POSTGRES_DOWN,
};

migration!();
