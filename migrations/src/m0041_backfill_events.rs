//! A backfill that ends leaves an event in the commit that ends its last date, whatever the cause: the dates follow their
//! instances by a trigger too.
//!
//! The event is stored when a rule may want it; 4096 is the bit of `backfill_finished`. A statement that ends many dates
//! leaves one.

use crate::migration::{Statements, migration};

/// Stores the event of the backfill of the row `NEW`, when nothing of it is open.
macro_rules! store_event {
    () => {
        "INSERT INTO alert_event (event, at, backfill)
        SELECT 'backfill_finished', NEW.ended_at, b.id FROM backfill b
        WHERE b.id = NEW.backfill
        AND NOT EXISTS (SELECT 1 FROM backfill_date d
            WHERE d.backfill = b.id AND d.state IN ('waiting', 'running'))
        AND EXISTS (SELECT 1 FROM alert_rule r WHERE r.project_id IN (0, b.project_id)
            AND r.workflow_id IN (0, b.workflow_id) AND r.valid_until IS NULL AND (r.events & 4096) <> 0)
        AND NOT EXISTS (SELECT 1 FROM alert_event e WHERE e.backfill = b.id AND e.at = NEW.ended_at);"
    };
}

const POSTGRES_UP: &str = concat!(
    "
CREATE INDEX alert_event_backfill ON alert_event (backfill) WHERE backfill IS NOT NULL;

CREATE FUNCTION raise_backfill_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    ",
    store_event!(),
    "
    RETURN NEW;
END $$;
CREATE TRIGGER backfill_finished AFTER UPDATE OF state ON backfill_date FOR EACH ROW
    WHEN (NEW.state NOT IN ('waiting', 'running') AND NEW.ended_at IS NOT NULL
          AND OLD.state IN ('waiting', 'running'))
    EXECUTE FUNCTION raise_backfill_event();
"
);

const POSTGRES_DOWN: &str = "
DROP TRIGGER backfill_finished ON backfill_date;
DROP FUNCTION raise_backfill_event();
DROP INDEX alert_event_backfill;
";

const SQLITE_UP: &str = concat!(
    "
CREATE INDEX alert_event_backfill ON alert_event (backfill) WHERE backfill IS NOT NULL;

CREATE TRIGGER backfill_finished AFTER UPDATE OF state ON backfill_date
    WHEN NEW.state NOT IN ('waiting', 'running') AND NEW.ended_at IS NOT NULL
         AND OLD.state IN ('waiting', 'running')
BEGIN
    ",
    store_event!(),
    "
END;
"
);

const SQLITE_DOWN: &str = "
DROP TRIGGER backfill_finished;
DROP INDEX alert_event_backfill;
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
