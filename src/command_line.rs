//! The command line of the program: the commands of a node, and those of the client.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use cli::{ClientCommand, Exit, Failure, Global, Printer, TableLayout, write_bytes};
use primitives::environment::{Environment, read_environment};
use serde_json::json;

use crate::commands::args::{ConfigCommand, DbCommand, DoctorArgs, NodeFlags, ServeFlags};
use crate::commands::config::{ConfigColumns, show_config};
use crate::commands::{database, doctor, usage};
use crate::config::{Config, ConfigError, Mode};
use crate::startup;

/// A distributed workflow scheduler that never loses, doubles or strands a run.
#[derive(Debug, Parser)]
#[command(
    name = "porpoise",
    version,
    arg_required_else_help = true,
    propagate_version = false
)]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one process with every role
    Standalone(NodeFlags),
    /// Run one node of a cluster
    Serve(ServeFlags),
    /// The schema of the database, and what is old in it
    #[command(subcommand)]
    Db(DbCommand),
    /// The configuration of this process
    #[command(subcommand)]
    Config(ConfigCommand),
    #[command(flatten)]
    Client(ClientCommand),
    /// Print the version of this program
    Version,
    /// Print a completion script
    Completion {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Check this machine, the server and the token, and say what to do
    Doctor(DoctorArgs),
}

const VERSION: TableLayout = TableLayout {
    name: "version",
    columns: &[],
};

/// Runs the command of this process to its end.
pub fn run() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(refusal) => return usage::print_refusal(&refusal, &CommandLine::command()),
    };
    let result = match line.command {
        Command::Standalone(flags) => run_node(Config::load(Mode::Standalone, &flags.into_flags())),
        Command::Serve(flags) => run_node(Config::load(Mode::Cluster, &flags.into_flags())),
        command => exit_on_interrupt()
            .and_then(|()| run_short_command(command, &line.global))
            .map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(usage::print_failure)
}

/// Runs a node until it is stopped.
fn run_node(config: Result<Config, ConfigError>) -> Result<ExitCode, Failure> {
    let config = config.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    startup::run(config).map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

/// Makes an interrupt end a short command with an exit code of its own.
fn exit_on_interrupt() -> Result<(), Failure> {
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

/// Runs a command that ends by itself.
fn run_short_command(command: Command, global: &Global) -> Result<(), Failure> {
    let environment = read_environment();
    let printer = cli::make_printer(global, &environment);
    match command {
        Command::Client(command) => cli::run_client(command, global, &environment),
        Command::Db(DbCommand::Clean(args)) => {
            cli::clean_database(&args, &cli::connect(global, &environment)?, printer)
        }
        Command::Doctor(args) => {
            doctor::run_doctor(args.database, &cli::connect(global, &environment)?, printer)
        }
        command => run_local_command(command, &environment, printer),
    }
}

/// Runs a command that needs no server.
fn run_local_command(command: Command, environment: &Environment, printer: Printer) -> Result<(), Failure> {
    match command {
        Command::Version => printer.item(&json!({ "version": env!("CARGO_PKG_VERSION") }), VERSION),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut CommandLine::command(), "porpoise", &mut script);
            write_bytes(&script)
        }
        Command::Config(ConfigCommand::Show { origin, flags }) => {
            let columns = if origin {
                ConfigColumns::Origins
            } else {
                ConfigColumns::Values
            };
            show_config(&flags.into_flags(), environment, columns, printer)
        }
        Command::Db(DbCommand::Migrate { check: true, flags }) => database::check_schema(flags),
        Command::Db(DbCommand::Migrate { check: false, flags }) => database::migrate_schema(flags),
        Command::Db(DbCommand::Restored { flags }) => database::declare_restored(flags),
        _ => Err(Failure::new(Exit::Usage, "not a local command")),
    }
}
