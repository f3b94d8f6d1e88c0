//! Commands about this machine's node: its database and its configuration.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use cli::{Exit, Failure, Look, Printer, say};

use super::args::DatabaseFlags;
use crate::config::{Config, Flags, Mode, list_keys};
use primitives::environment::Environment;
use store::{Role, SchemaStatus, Store};

/// Looks at the schema of the database.
pub(crate) fn check_schema(flags: DatabaseFlags) -> Result<(), Failure> {
    match on_store(flags, Work::Look)? {
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
        SchemaStatus::Newer { found } => Err(newer(&found)),
    }
}

/// Applies what is missing.
pub(crate) fn migrate(flags: DatabaseFlags) -> Result<(), Failure> {
    match on_store(flags, Work::Migrate)? {
        SchemaStatus::Newer { found } => Err(newer(&found)),
        SchemaStatus::UpToDate | SchemaStatus::Older { .. } => {
            say("the schema is up to date");
            Ok(())
        }
    }
}

fn newer(found: &[String]) -> Failure {
    let message = format!(
        "the database is of a newer program, with changes unknown here: {}",
        found.join(", ")
    );
    Failure::new(Exit::Failed, message)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Look,
    Migrate,
}

/// Raises the generation of a database that was restored.
pub(crate) fn restored(flags: DatabaseFlags) -> Result<(), Failure> {
    let config = config_of(flags)?;
    match on_database(&config, Work::Look)? {
        SchemaStatus::UpToDate => {}
        SchemaStatus::Newer { found } => return Err(newer(&found)),
        SchemaStatus::Older { .. } => {
            let message = "the restored database has an older schema\nhint: `porpoise db migrate` first";
            return Err(Failure::new(Exit::Failed, message.to_owned()));
        }
    }
    let raised = with_store(&config, async |store| {
        store.bump_after_restore().await.map_err(|error| failed(&error))
    })?;
    say(&format!(
        "the generation is {} (it was {}); {} lives end and join anew, {} instances have an owner and are taken up, \
         {} attempts are open and their workers are asked",
        raised.to, raised.from, raised.ended, raised.owned, raised.open_attempts
    ));
    Ok(())
}

/// Opens the configured database and returns how its schema stands, after the work.
fn on_store(flags: DatabaseFlags, work: Work) -> Result<SchemaStatus, Failure> {
    on_database(&config_of(flags)?, work)
}

fn config_of(flags: DatabaseFlags) -> Result<Config, Failure> {
    Config::load(Mode::Standalone, &flags.into_flags())
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Failed, error.to_string())
}

/// Does something with the configured database.
fn with_store<T>(config: &Config, work: impl AsyncFnOnce(Store) -> Result<T, Failure>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let store = Store::open(config.database_url().reveal(), Role::Tool)
            .await
            .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
        work(store).await
    })
}

fn on_database(config: &Config, work: Work) -> Result<SchemaStatus, Failure> {
    match (missing_file(config), work) {
        (None, _) => {}
        (Some(path), Work::Look) => {
            let message = format!(
                "there is no database yet: {}\nhint: `porpoise db migrate` makes it",
                path.display()
            );
            return Err(Failure::new(Exit::Failed, message));
        }
        (Some(path), Work::Migrate) => {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)
                .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", folder.display())))?;
        }
    }
    with_store(config, async |store| {
        let status = store.schema_status().await.map_err(|e| failed(&e))?;
        if work == Work::Migrate && matches!(status, SchemaStatus::Older { .. }) {
            store.migrate().await.map_err(|e| failed(&e))?;
            return store.schema_status().await.map_err(|e| failed(&e));
        }
        Ok(status)
    })
}

/// Returns the file of a SQLite database that does not exist yet.
fn missing_file(config: &Config) -> Option<PathBuf> {
    let url = config.database_url();
    let path = PathBuf::from(url.reveal().strip_prefix("sqlite://")?);
    (!path.exists()).then_some(path)
}

/// Says how the schema stands, for `doctor`; a SQLite file that does not exist is left so.
pub(crate) fn schema(config: &Config) -> Result<String, String> {
    if missing_file(config).is_some() {
        return Ok("no database yet; the first start makes it".to_owned());
    }
    match on_database(config, Work::Look) {
        Ok(SchemaStatus::UpToDate) => Ok("up to date".to_owned()),
        Ok(SchemaStatus::Older { pending }) => Err(format!("{} changes are missing", pending.len())),
        Ok(SchemaStatus::Newer { .. }) => Err("the database is of a newer program".to_owned()),
        Err(failure) => Err(failure.message),
    }
}

/// How much `config show` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Keys and values.
    Values,
    /// Where each value came from, too.
    Origins,
}

const KEYS: Look = Look {
    name: "key",
    columns: &[("KEY", "/key"), ("VALUE", "/value")],
};

const KEYS_WITH_ORIGIN: Look = Look {
    name: "key",
    columns: &[
        ("KEY", "/key"),
        ("VALUE", "/value"),
        ("ORIGIN", "/origin"),
        ("ABOUT", "/about"),
    ],
};

/// Prints every key of the configuration.
pub(crate) fn show_config(
    flags: &Flags,
    environment: &Environment,
    detail: Detail,
    printer: Printer,
) -> Result<(), Failure> {
    let lines =
        list_keys(flags, environment).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let items: Vec<Value> = lines
        .into_iter()
        .map(|line| match detail {
            Detail::Values => json!({ "key": line.key, "value": line.value }),
            Detail::Origins => json!({
                "key": line.key, "value": line.value, "origin": line.origin.to_string(), "about": line.about,
            }),
        })
        .collect();
    let look = if detail == Detail::Origins {
        KEYS_WITH_ORIGIN
    } else {
        KEYS
    };
    printer.list(items, look)
}
