//! The database's own last line of defence for ownership and final states, and the removal of children.
//!
//! Programs condition their writes so that none of these ever fires; a fired guard is a defect that did no harm.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
CREATE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = '23514';
END $$;

CREATE TRIGGER guard_epoch BEFORE UPDATE ON instance FOR EACH ROW
    WHEN (NEW.epoch < OLD.epoch)
    EXECUTE FUNCTION guard_refuse('the epoch never falls');
CREATE TRIGGER guard_owner BEFORE UPDATE ON instance FOR EACH ROW
    WHEN (NEW.owner IS NOT NULL AND NEW.owner IS DISTINCT FROM OLD.owner AND NEW.epoch <> OLD.epoch + 1)
    EXECUTE FUNCTION guard_refuse('a new owner needs the next epoch');
CREATE TRIGGER guard_final BEFORE UPDATE ON instance FOR EACH ROW
    WHEN (OLD.state IN ('stopped', 'failed', 'succeeded') AND NEW.state <> OLD.state
          AND NEW.run <> OLD.run + 1 AND NEW.state <> 'succeeded')
    EXECUTE FUNCTION guard_refuse('a final state is left only with the next run');
CREATE TRIGGER guard_member BEFORE UPDATE ON member FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND
          array_position(ARRAY['joining', 'active', 'draining', 'left'], replace(NEW.state, 'dead', 'left')) <=
          array_position(ARRAY['joining', 'active', 'draining', 'left'], replace(OLD.state, 'dead', 'left')))
    EXECUTE FUNCTION guard_refuse('a member only moves forward');

CREATE FUNCTION instance_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    DELETE FROM instance_label WHERE instance = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER instance_gone AFTER DELETE ON instance FOR EACH ROW
    EXECUTE FUNCTION instance_children();
";

const POSTGRES_DOWN: &str = "
DROP TRIGGER instance_gone ON instance;
DROP FUNCTION instance_children();
DROP TRIGGER guard_member ON member;
DROP TRIGGER guard_final ON instance;
DROP TRIGGER guard_owner ON instance;
DROP TRIGGER guard_epoch ON instance;
DROP FUNCTION guard_refuse();
";

const SQLITE_UP: &str = "
CREATE TRIGGER guard_epoch BEFORE UPDATE ON instance
    WHEN NEW.epoch < OLD.epoch
    BEGIN SELECT RAISE(ABORT, 'the epoch never falls'); END;
CREATE TRIGGER guard_owner BEFORE UPDATE ON instance
    WHEN NEW.owner IS NOT NULL AND NEW.owner IS NOT OLD.owner AND NEW.epoch <> OLD.epoch + 1
    BEGIN SELECT RAISE(ABORT, 'a new owner needs the next epoch'); END;
CREATE TRIGGER guard_final BEFORE UPDATE ON instance
    WHEN OLD.state IN ('stopped', 'failed', 'succeeded') AND NEW.state <> OLD.state
         AND NEW.run <> OLD.run + 1 AND NEW.state <> 'succeeded'
    BEGIN SELECT RAISE(ABORT, 'a final state is left only with the next run'); END;
CREATE TRIGGER guard_member BEFORE UPDATE ON member
    WHEN NEW.state <> OLD.state AND
         instr('joining active draining left', replace(NEW.state, 'dead', 'left')) <=
         instr('joining active draining left', replace(OLD.state, 'dead', 'left'))
    BEGIN SELECT RAISE(ABORT, 'a member only moves forward'); END;

CREATE TRIGGER instance_gone AFTER DELETE ON instance
BEGIN
    DELETE FROM attempt WHERE instance = OLD.id;
    DELETE FROM task_instance WHERE instance = OLD.id;
    DELETE FROM transition WHERE instance = OLD.id;
    DELETE FROM inbox WHERE instance = OLD.id;
    DELETE FROM owner_log WHERE instance = OLD.id;
    DELETE FROM instance_label WHERE instance = OLD.id;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER instance_gone;
DROP TRIGGER guard_member;
DROP TRIGGER guard_final;
DROP TRIGGER guard_owner;
DROP TRIGGER guard_epoch;
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
