//! Large instances are deleted in small batches.
//!
//! An instance that is noted in `instance_purge` loses its own row first and its other rows, a few at a time, later.
//! Without a note the trigger deletes them with it, as before. Requests to remove logs have a time, after which they are
//! given up.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
CREATE TABLE instance_purge (
    instance BIGINT PRIMARY KEY,
    run BIGINT NOT NULL
);
CREATE OR REPLACE FUNCTION instance_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM instance_purge WHERE instance = OLD.id) THEN
        RETURN OLD;
    END IF;
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    DELETE FROM instance_label WHERE instance = OLD.id;
    RETURN OLD;
END $$;
CREATE OR REPLACE FUNCTION request_log_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log_removal (worker_name, instance, requested_at)
        SELECT DISTINCT worker_name, instance, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)
        FROM attempt WHERE instance = OLD.id AND worker_name IS NOT NULL
        ON CONFLICT DO NOTHING;
    RETURN OLD;
END $$;
";

const POSTGRES_DOWN: &str = "
CREATE OR REPLACE FUNCTION request_log_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log_removal (worker_name, instance)
        SELECT DISTINCT worker_name, instance FROM attempt
        WHERE instance = OLD.id AND worker_name IS NOT NULL
        ON CONFLICT DO NOTHING;
    RETURN OLD;
END $$;
CREATE OR REPLACE FUNCTION instance_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    DELETE FROM instance_label WHERE instance = OLD.id;
    RETURN OLD;
END $$;
DROP TABLE instance_purge;
";

const SQLITE_UP: &str = "
CREATE TABLE instance_purge (
    instance BIGINT PRIMARY KEY,
    run BIGINT NOT NULL
);
DROP TRIGGER instance_gone;
CREATE TRIGGER instance_gone AFTER DELETE ON instance
    WHEN NOT EXISTS (SELECT 1 FROM instance_purge WHERE instance = OLD.id)
BEGIN
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    DELETE FROM instance_label WHERE instance = OLD.id;
END;
DROP TRIGGER instance_logs;
CREATE TRIGGER instance_logs BEFORE DELETE ON instance
BEGIN
    INSERT OR IGNORE INTO log_removal (worker_name, instance, requested_at)
        SELECT DISTINCT worker_name, instance, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
        FROM attempt WHERE instance = OLD.id AND worker_name IS NOT NULL;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER instance_logs;
CREATE TRIGGER instance_logs BEFORE DELETE ON instance
BEGIN
    INSERT OR IGNORE INTO log_removal (worker_name, instance)
        SELECT DISTINCT worker_name, instance FROM attempt
        WHERE instance = OLD.id AND worker_name IS NOT NULL;
END;
DROP TRIGGER instance_gone;
CREATE TRIGGER instance_gone AFTER DELETE ON instance
BEGIN
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    DELETE FROM instance_label WHERE instance = OLD.id;
END;
DROP TABLE instance_purge;
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
