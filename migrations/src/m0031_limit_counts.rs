//! The slots in use of a limit are counted where a row begins or ends to hold them, so that no way of ending an attempt
//! can forget them; what is left of an instance goes with it.

use crate::migration::{Statements, migration};

const POSTGRES_UP: &str = "
CREATE FUNCTION take_limit_slots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE named_limit SET used = used + NEW.slots WHERE id = NEW.limit_id;
    RETURN NEW;
END $$;
CREATE FUNCTION give_limit_slots_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE named_limit SET used = used - OLD.slots WHERE id = OLD.limit_id;
    RETURN OLD;
END $$;
CREATE TRIGGER limit_taken_at_once AFTER INSERT ON limit_request FOR EACH ROW
    WHEN (NEW.state = 'holding') EXECUTE FUNCTION take_limit_slots();
CREATE TRIGGER limit_taken AFTER UPDATE OF state ON limit_request FOR EACH ROW
    WHEN (NEW.state = 'holding' AND OLD.state <> 'holding') EXECUTE FUNCTION take_limit_slots();
CREATE TRIGGER limit_given_back AFTER UPDATE OF state ON limit_request FOR EACH ROW
    WHEN (OLD.state = 'holding' AND NEW.state <> 'holding') EXECUTE FUNCTION give_limit_slots_back();
CREATE TRIGGER limit_left AFTER DELETE ON limit_request FOR EACH ROW
    WHEN (OLD.state = 'holding') EXECUTE FUNCTION give_limit_slots_back();

CREATE FUNCTION instance_limits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM limit_request WHERE instance = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER instance_limits_gone AFTER DELETE ON instance FOR EACH ROW
    EXECUTE FUNCTION instance_limits();
";

const POSTGRES_DOWN: &str = "
DROP TRIGGER instance_limits_gone ON instance;
DROP FUNCTION instance_limits();
DROP TRIGGER limit_left ON limit_request;
DROP TRIGGER limit_given_back ON limit_request;
DROP TRIGGER limit_taken ON limit_request;
DROP TRIGGER limit_taken_at_once ON limit_request;
DROP FUNCTION give_limit_slots_back();
DROP FUNCTION take_limit_slots();
";

const SQLITE_UP: &str = "
CREATE TRIGGER limit_taken_at_once AFTER INSERT ON limit_request WHEN NEW.state = 'holding'
BEGIN
    UPDATE named_limit SET used = used + NEW.slots WHERE id = NEW.limit_id;
END;
CREATE TRIGGER limit_taken AFTER UPDATE OF state ON limit_request
    WHEN NEW.state = 'holding' AND OLD.state <> 'holding'
BEGIN
    UPDATE named_limit SET used = used + NEW.slots WHERE id = NEW.limit_id;
END;
CREATE TRIGGER limit_given_back AFTER UPDATE OF state ON limit_request
    WHEN OLD.state = 'holding' AND NEW.state <> 'holding'
BEGIN
    UPDATE named_limit SET used = used - OLD.slots WHERE id = OLD.limit_id;
END;
CREATE TRIGGER limit_left AFTER DELETE ON limit_request WHEN OLD.state = 'holding'
BEGIN
    UPDATE named_limit SET used = used - OLD.slots WHERE id = OLD.limit_id;
END;
CREATE TRIGGER instance_limits_gone AFTER DELETE ON instance
BEGIN
    DELETE FROM limit_request WHERE instance = OLD.id;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER instance_limits_gone;
DROP TRIGGER limit_left;
DROP TRIGGER limit_given_back;
DROP TRIGGER limit_taken;
DROP TRIGGER limit_taken_at_once;
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
