//! The date of a backfill follows its newest instance in the commit that changes the instance, whatever the cause; dates
//! go with their backfill.
//!
//! A skipped date shows an instance of another trigger and keeps its state. A date keeps what it has when its instance is
//! deleted.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
CREATE FUNCTION follow_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('stopped', 'failed', 'succeeded') THEN
        UPDATE backfill_date SET state = NEW.state, reason = NEW.reason, ended_at = NEW.ended_at
            WHERE instance = NEW.id AND state <> 'skipped';
    ELSE
        UPDATE backfill_date SET state = 'running', reason = NULL, ended_at = NULL
            WHERE instance = NEW.id AND state NOT IN ('skipped', 'running');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER instance_backfill AFTER UPDATE OF state ON instance FOR EACH ROW
    WHEN (NEW.trigger_type = 'backfill' AND NEW.state <> OLD.state)
    EXECUTE FUNCTION follow_instance();

CREATE FUNCTION backfill_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM backfill_date WHERE backfill = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER backfill_gone AFTER DELETE ON backfill FOR EACH ROW
    EXECUTE FUNCTION backfill_children();
";

const POSTGRES_DOWN: &str = "
DROP TRIGGER backfill_gone ON backfill;
DROP FUNCTION backfill_children();
DROP TRIGGER instance_backfill ON instance;
DROP FUNCTION follow_instance();
";

const SQLITE_UP: &str = "
CREATE TRIGGER instance_backfill AFTER UPDATE OF state ON instance
    WHEN NEW.trigger_type = 'backfill' AND NEW.state <> OLD.state
BEGIN
    UPDATE backfill_date SET
        state = CASE WHEN NEW.state IN ('stopped', 'failed', 'succeeded') THEN NEW.state ELSE 'running' END,
        reason = CASE WHEN NEW.state IN ('stopped', 'failed', 'succeeded') THEN NEW.reason END,
        ended_at = CASE WHEN NEW.state IN ('stopped', 'failed', 'succeeded') THEN NEW.ended_at END
        WHERE instance = NEW.id AND state <> 'skipped';
END;

CREATE TRIGGER backfill_gone AFTER DELETE ON backfill
BEGIN
    DELETE FROM backfill_date WHERE backfill = OLD.id;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER backfill_gone;
DROP TRIGGER instance_backfill;
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
