//! What tasks wait for is lost: an instance or a workflow that is deleted, a grant that is taken back. It wakes them like
//! an end, of all base instants of a workflow where it concerns the whole workflow.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
ALTER TABLE dependency_end ADD COLUMN until_at BIGINT;

CREATE OR REPLACE FUNCTION delete_dependency_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM dependency_wait WHERE instance = OLD.id;
    INSERT INTO dependency_end (workflow_id, base_at)
        SELECT OLD.workflow_id, coalesce(OLD.scheduled_at, OLD.created_at)
        WHERE EXISTS (SELECT 1 FROM dependency_wait w WHERE w.workflow_id = OLD.workflow_id
            AND w.to_at >= coalesce(OLD.scheduled_at, OLD.created_at)
            AND w.from_at <= coalesce(OLD.scheduled_at, OLD.created_at));
    RETURN OLD;
END $$;

CREATE FUNCTION record_lost_workflow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dependency_end (workflow_id, base_at, until_at)
        SELECT w.workflow_id, min(w.from_at), max(w.to_at) FROM dependency_wait w
        WHERE w.workflow_id = OLD.id GROUP BY w.workflow_id;
    RETURN OLD;
END $$;
CREATE TRIGGER workflow_lost AFTER UPDATE OF deleted_at ON workflow FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION record_lost_workflow();

CREATE FUNCTION record_lost_share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dependency_end (workflow_id, base_at, until_at)
        SELECT w.workflow_id, min(w.from_at), max(w.to_at) FROM workflow f
        JOIN dependency_wait w ON w.workflow_id = f.id
        WHERE f.project_id = OLD.project_id GROUP BY w.workflow_id;
    RETURN OLD;
END $$;
CREATE TRIGGER project_share_lost AFTER DELETE ON project_share FOR EACH ROW
    EXECUTE FUNCTION record_lost_share();
";

const POSTGRES_DOWN: &str = "
DROP TRIGGER project_share_lost ON project_share;
DROP FUNCTION record_lost_share();
DROP TRIGGER workflow_lost ON workflow;
DROP FUNCTION record_lost_workflow();
CREATE OR REPLACE FUNCTION delete_dependency_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM dependency_wait WHERE instance = OLD.id;
    RETURN OLD;
END $$;
ALTER TABLE dependency_end DROP COLUMN until_at;
";

const SQLITE_UP: &str = "
ALTER TABLE dependency_end ADD COLUMN until_at BIGINT;

DROP TRIGGER instance_waits_gone;
CREATE TRIGGER instance_waits_gone AFTER DELETE ON instance
BEGIN
    DELETE FROM dependency_wait WHERE instance = OLD.id;
    INSERT INTO dependency_end (workflow_id, base_at)
        SELECT OLD.workflow_id, coalesce(OLD.scheduled_at, OLD.created_at)
        WHERE EXISTS (SELECT 1 FROM dependency_wait w WHERE w.workflow_id = OLD.workflow_id
            AND w.to_at >= coalesce(OLD.scheduled_at, OLD.created_at)
            AND w.from_at <= coalesce(OLD.scheduled_at, OLD.created_at));
END;

CREATE TRIGGER workflow_lost AFTER UPDATE OF deleted_at ON workflow
    WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
    INSERT INTO dependency_end (workflow_id, base_at, until_at)
        SELECT w.workflow_id, min(w.from_at), max(w.to_at) FROM dependency_wait w
        WHERE w.workflow_id = OLD.id GROUP BY w.workflow_id;
END;

CREATE TRIGGER project_share_lost AFTER DELETE ON project_share
BEGIN
    INSERT INTO dependency_end (workflow_id, base_at, until_at)
        SELECT w.workflow_id, min(w.from_at), max(w.to_at) FROM workflow f
        JOIN dependency_wait w ON w.workflow_id = f.id
        WHERE f.project_id = OLD.project_id GROUP BY w.workflow_id;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER project_share_lost;
DROP TRIGGER workflow_lost;
DROP TRIGGER instance_waits_gone;
CREATE TRIGGER instance_waits_gone AFTER DELETE ON instance
BEGIN
    DELETE FROM dependency_wait WHERE instance = OLD.id;
END;
ALTER TABLE dependency_end DROP COLUMN until_at;
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
