//! The client's side of the command line: noun, then verb.
//!
//! Commands are REST calls; they know the API's objects as JSON only, as any other client does.

mod admin;
mod args;
mod context;
mod documents;
mod failure;
mod follow;
mod instance;
mod output;
mod password;
mod rest;
mod run;
mod settings;
mod target;
mod workflow;
mod yaml;

use primitives::environment::Environment;

use args::ImportCommand;
pub use args::{ClientCommand, Global};
pub use failure::{Exit, Failure};
pub use output::{Look, Printer, plain, pretty, say, write_bytes, write_out};
pub use rest::{Call, Rest};
use settings::Settings;
use target::Target;

/// Makes the printer that the options ask for; `NO_COLOR` forbids colour.
pub fn printer(global: &Global, environment: &Environment) -> Printer {
    Printer::new(global.output, Settings::of(environment).plain)
}

/// Finds the server and the token of a client command.
///
/// # Errors
/// `Usage` or `NotFound` when the context that is asked for cannot be used.
pub fn connect(global: &Global, environment: &Environment) -> Result<Rest, Failure> {
    Rest::new(Target::find(global.url.as_deref(), &Settings::of(environment))?)
}

/// Runs a client command to its end.
///
/// # Errors
/// What the user is to read, with the exit code of the contract.
pub fn run(command: ClientCommand, global: &Global, environment: &Environment) -> Result<(), Failure> {
    let settings = Settings::of(environment);
    let printer = printer(global, environment);
    let target = || Target::find(global.url.as_deref(), &settings);
    let connect = || Rest::new(target()?);
    match command {
        ClientCommand::Workflow(command) => workflow::run(command, connect, printer),
        ClientCommand::Run(args) => run::run(&args, &connect()?, printer),
        ClientCommand::Instance(command) => instance::run(command, &connect()?, printer),
        ClientCommand::Project(command) => admin::project(command, &connect()?, printer),
        ClientCommand::User(command) => admin::user(command, &connect()?, printer, &settings),
        ClientCommand::Token(command) => admin::token(command, &connect()?, printer),
        ClientCommand::Node(command) => admin::node(command, &connect()?, printer),
        ClientCommand::Failover(command) => admin::failover(&command, &connect()?, printer),
        ClientCommand::Context(command) => context::run(command, global.url.as_deref(), &settings, printer),
        ClientCommand::Login(args) => context::login(&args, target()?, &settings),
        ClientCommand::Openapi => write_out(&pretty(&connect()?.json(Call::outside("/api/openapi.json"))?)),
        ClientCommand::Import(ImportCommand::Wfcommons {
            file,
            scale,
            task_type,
        }) => documents::import_wfcommons(&file, scale, task_type),
    }
}
