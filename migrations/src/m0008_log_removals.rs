//! Requests to workers to remove the logs of deleted instances, made by the trigger that removes the instance's rows.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
CREATE TABLE log_removal (
    worker_name TEXT NOT NULL,
    instance BIGINT NOT NULL,
    PRIMARY KEY (worker_name, instance)
);
CREATE FUNCTION request_log_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log_removal (worker_name, instance)
        SELECT DISTINCT worker_name, instance FROM attempt
        WHERE instance = OLD.id AND worker_name IS NOT NULL
        ON CONFLICT DO NOTHING;
    RETURN OLD;
END $$;
CREATE TRIGGER instance_logs BEFORE DELETE ON instance FOR EACH ROW
    EXECUTE FUNCTION request_log_removal();
";

const POSTGRES_DOWN: &str = "
DROP TRIGGER instance_logs ON instance;
DROP FUNCTION request_log_removal();
DROP TABLE log_removal;
";

const SQLITE_UP: &str = "
CREATE TABLE log_removal (
    worker_name TEXT NOT NULL,
    instance BIGINT NOT NULL,
    PRIMARY KEY (worker_name, instance)
);
CREATE TRIGGER instance_logs BEFORE DELETE ON instance
BEGIN
    INSERT OR IGNORE INTO log_removal (worker_name, instance)
        SELECT DISTINCT worker_name, instance FROM attempt
        WHERE instance = OLD.id AND worker_name IS NOT NULL;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER instance_logs;
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
