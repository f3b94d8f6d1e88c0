//! The command line: one binary, noun then verb.
//!
//! Client commands are REST calls; they know the API's objects as JSON only, as any other client does.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde_json::json;

mod admin;
mod args;
mod context;
mod doctor;
mod documents;
mod failure;
mod follow;
mod instance;
mod output;
mod password;
mod rest;
mod run;
mod server;
mod target;
mod workflow;
mod yaml;

use args::{Cli, Command, ConfigCommand, DbCommand, Global, ImportCommand};
pub use failure::{Exit, Failure};
use output::{Look, Printer, pretty, say, write_bytes, write_out};
use rest::{Call, Rest};
use target::Target;

use crate::config::client::{Environment, Settings, environment};
use crate::config::{Config, Mode};
use crate::{memory, startup};

const VERSION: Look = Look {
    name: "version",
    columns: &[],
};

/// Runs the command of this process to its end.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Standalone(flags) => node(Config::load(Mode::Standalone, &flags.into_flags())),
        Command::Serve(flags) => node(Config::load(Mode::Cluster, &flags.into_flags())),
        command => end_on_interrupt()
            .and_then(|()| client(command, &cli.global))
            .map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|failure| {
        if !failure.message.is_empty() {
            say(&format!("error: {}", failure.message));
        }
        failure.exit.into()
    })
}

/// Runs a node until it is stopped.
fn node(config: Result<Config, crate::config::ConfigError>) -> Result<ExitCode, Failure> {
    let config = config.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    memory::settle();
    startup::run(config).map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

/// Makes an interrupt end a client command with its own exit code.
fn end_on_interrupt() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    Ok(())
}

fn client(command: Command, global: &Global) -> Result<(), Failure> {
    let environment = environment();
    let settings = Settings::of(&environment);
    let printer = Printer::new(global.output, settings.plain);
    let target = || Target::find(global.url.as_deref(), &settings);
    let connect = || Rest::new(target()?);
    match command {
        Command::Workflow(command) => workflow::run(command, connect, printer),
        Command::Run(args) => run::run(&args, &connect()?, printer),
        Command::Instance(command) => instance::run(command, &connect()?, printer),
        Command::Project(command) => admin::project(command, &connect()?, printer),
        Command::User(command) => admin::user(command, &connect()?, printer, &settings),
        Command::Token(command) => admin::token(command, &connect()?, printer),
        Command::Node(command) => admin::node(command, &connect()?, printer),
        Command::Failover(command) => admin::failover(&command, &connect()?, printer),
        Command::Context(command) => context::run(command, global.url.as_deref(), &settings, printer),
        Command::Login(args) => context::login(&args, target()?, &settings),
        Command::Openapi => write_out(&pretty(&connect()?.json(Call::outside("/api/openapi.json"))?)),
        Command::Doctor(args) => doctor::run(args.database, &connect()?, printer),
        other => without_server(other, &environment, printer),
    }
}

/// Commands that talk to nobody.
fn without_server(command: Command, environment: &Environment, printer: Printer) -> Result<(), Failure> {
    match command {
        Command::Version => printer.item(&json!({ "version": env!("CARGO_PKG_VERSION") }), VERSION),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "porpoise", &mut script);
            write_bytes(&script)
        }
        Command::Config(ConfigCommand::Show { origin, flags }) => {
            let detail = if origin {
                server::Detail::Origins
            } else {
                server::Detail::Values
            };
            server::show_config(&flags.into_flags(), environment, detail, printer)
        }
        Command::Db(DbCommand::Migrate { check: true, flags }) => server::check_schema(flags),
        Command::Db(DbCommand::Migrate { check: false, flags }) => server::migrate(flags),
        Command::Db(DbCommand::Restored { flags }) => server::restored(flags),
        Command::Import(ImportCommand::Wfcommons {
            file,
            scale,
            task_type,
        }) => documents::import_wfcommons(&file, scale, task_type),
        _ => Err(Failure::new(Exit::Usage, "not a client command")),
    }
}
