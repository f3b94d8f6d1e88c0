//! Requests to workers to remove the logs of deleted instances, made by the trigger that removes the instance's rows.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
CREATE TABLE log_removal (
    worker_name TEXT NOT NULL,
    instance BIGINT NOT NULL,
    PRIMARY KEY (worker_name, instance)
);
CREATE OR REPLACE FUNCTION instance_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log_removal (worker_name, instance)
        SELECT DISTINCT worker_name, instance FROM attempt
        WHERE instance = OLD.id AND worker_name IS NOT NULL
        ON CONFLICT DO NOTHING;
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    RETURN OLD;
END $$;
";

const POSTGRES_DOWN: &str = "
CREATE OR REPLACE FUNCTION instance_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    RETURN OLD;
END $$;
DROP TABLE log_removal;
";

const SQLITE_UP: &str = "
CREATE TABLE log_removal (
    worker_name TEXT NOT NULL,
    instance BIGINT NOT NULL,
    PRIMARY KEY (worker_name, instance)
);
DROP TRIGGER instance_gone;
CREATE TRIGGER instance_gone AFTER DELETE ON instance
BEGIN
    INSERT OR IGNORE INTO log_removal (worker_name, instance)
        SELECT DISTINCT worker_name, instance FROM attempt
        WHERE instance = OLD.id AND worker_name IS NOT NULL;
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER instance_gone;
CREATE TRIGGER instance_gone AFTER DELETE ON instance
BEGIN
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
END;
DROP TABLE log_removal;
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
