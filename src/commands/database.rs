//! `porpoise db`: the schema and the generation of the database of this machine's node.

use std::fs;
use std::path::{Path, PathBuf};

use cli::{Exit, Failure, say};

use super::args::DatabaseFlags;
use crate::config::{Config, Mode};
use store::{Role, SchemaStatus, Store};

/// Reports whether the schema of the database is up to date.
pub(crate) fn check_schema(flags: DatabaseFlags) -> Result<(), Failure> {
    match schema_of_flags(flags, SchemaWork::Check)? {
        SchemaStatus::UpToDate => {
            say("the schema is up to date");
            Ok(())
        }
        SchemaStatus::Older { pending } => {
            let message = format!(
                "these changes are missing: {}\nhint: `porpoise db migrate`",
                pending.join(", ")
            );
            Err(Failure::new(Exit::Failed, message))
        }
        SchemaStatus::Newer { found } => Err(newer_schema(&found)),
    }
}

/// Applies the schema changes that are missing.
pub(crate) fn migrate_schema(flags: DatabaseFlags) -> Result<(), Failure> {
    match schema_of_flags(flags, SchemaWork::Migrate)? {
        SchemaStatus::Newer { found } => Err(newer_schema(&found)),
        SchemaStatus::UpToDate | SchemaStatus::Older { .. } => {
            say("the schema is up to date");
            Ok(())
        }
    }
}

fn newer_schema(found: &[String]) -> Failure {
    let message = format!(
        "the database is of a newer program, with changes unknown here: {}",
        found.join(", ")
    );
    Failure::new(Exit::Failed, message)
}

/// What happens to the schema before its status is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SchemaWork {
    Check,
    Migrate,
}

/// Raises the generation of a database that was restored.
pub(crate) fn declare_restored(flags: DatabaseFlags) -> Result<(), Failure> {
    let config = load_config(flags)?;
    match schema_status(&config, SchemaWork::Check)? {
        SchemaStatus::UpToDate => {}
        SchemaStatus::Newer { found } => return Err(newer_schema(&found)),
        SchemaStatus::Older { .. } => {
            let message = "the restored database has an older schema\nhint: `porpoise db migrate` first";
            return Err(Failure::new(Exit::Failed, message.to_owned()));
        }
    }
    let raised = with_store(&config, async |store| {
        store
            .bump_after_restore()
            .await
            .map_err(|error| failure_of(&error))
    })?;
    say(&format!(
        "the generation is {} (it was {}); {} incarnations end and join again, {} instances have an owner and are \
         resumed, {} attempts are open and their workers are queried",
        raised.to, raised.from, raised.ended, raised.owned, raised.open_attempts
    ));
    Ok(())
}

/// Returns the status of the schema of the configured database, after the work.
fn schema_of_flags(flags: DatabaseFlags, work: SchemaWork) -> Result<SchemaStatus, Failure> {
    schema_status(&load_config(flags)?, work)
}

fn load_config(flags: DatabaseFlags) -> Result<Config, Failure> {
    Config::load(Mode::Standalone, &flags.into_flags())
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

fn failure_of(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Failed, error.to_string())
}

/// Runs work on the configured database.
fn with_store<T>(config: &Config, work: impl AsyncFnOnce(Store) -> Result<T, Failure>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failure_of(&error))?;
    runtime.block_on(async {
        let store = Store::open(config.database_url().reveal(), Role::Tool)
            .await
            .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
        work(store).await
    })
}

fn schema_status(config: &Config, work: SchemaWork) -> Result<SchemaStatus, Failure> {
    match (missing_sqlite_file(config), work) {
        (None, _) => {}
        (Some(path), SchemaWork::Check) => {
            let message = format!(
                "there is no database yet: {}\nhint: `porpoise db migrate` makes it",
                path.display()
            );
            return Err(Failure::new(Exit::Failed, message));
        }
        (Some(path), SchemaWork::Migrate) => {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)
                .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", folder.display())))?;
        }
    }
    with_store(config, async |store| {
        let status = store.schema_status().await.map_err(|e| failure_of(&e))?;
        if work == SchemaWork::Migrate && matches!(status, SchemaStatus::Older { .. }) {
            store.migrate().await.map_err(|e| failure_of(&e))?;
            return store.schema_status().await.map_err(|e| failure_of(&e));
        }
        Ok(status)
    })
}

/// Returns the file of a SQLite database that does not exist yet.
fn missing_sqlite_file(config: &Config) -> Option<PathBuf> {
    let url = config.database_url();
    let path = PathBuf::from(url.reveal().strip_prefix("sqlite://")?);
    (!path.exists()).then_some(path)
}

/// Describes the status of the schema for `doctor`; does not create a missing SQLite file.
pub(crate) fn describe_schema(config: &Config) -> Result<String, String> {
    if missing_sqlite_file(config).is_some() {
        return Ok("no database yet; the first start makes it".to_owned());
    }
    match schema_status(config, SchemaWork::Check) {
        Ok(SchemaStatus::UpToDate) => Ok("up to date".to_owned()),
        Ok(SchemaStatus::Older { pending }) => Err(format!("{} changes are missing", pending.len())),
        Ok(SchemaStatus::Newer { .. }) => Err("the database is of a newer program".to_owned()),
        Err(failure) => Err(failure.message),
    }
}
