//! What an attempt was given of secrets is deleted with its instance, unless a purge does it in batches.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::PerDatabase {
    sqlite: "
CREATE TRIGGER instance_secrets AFTER DELETE ON instance
    WHEN NOT EXISTS (SELECT 1 FROM instance_purge WHERE instance = OLD.id)
BEGIN
    DELETE FROM attempt_secret WHERE instance = OLD.id;
END;
",
    postgres: "
CREATE FUNCTION instance_secrets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM attempt_secret WHERE instance = OLD.id
        AND NOT EXISTS (SELECT 1 FROM instance_purge WHERE instance = OLD.id);
    RETURN OLD;
END $$;
CREATE TRIGGER instance_secrets AFTER DELETE ON instance FOR EACH ROW EXECUTE FUNCTION instance_secrets();
",
};

const DOWN: Statements = Statements::PerDatabase {
    sqlite: "
DROP TRIGGER instance_secrets;
",
    postgres: "
DROP TRIGGER instance_secrets ON instance;
DROP FUNCTION instance_secrets();
",
};

migration!();
