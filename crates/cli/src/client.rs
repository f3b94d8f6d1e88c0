//! Runs client commands.

use document::to_yaml;
use primitives::environment::Environment;

use super::args::{ClientCommand, Global, ImportCommand};
use super::failure::Failure;
use super::output::{Format, Printer, pretty, write_out};
use super::rest::{Call, Rest};
use super::settings::Settings;
use super::target::Target;
use super::{
    admin, alert, approval, backfill, calendar, channel, connection, context, documents, group, instance,
    limit, run, schedule, secret, setup_link, silence, workflow,
};

/// Makes the printer that the options ask for; `NO_COLOR` forbids colour.
pub fn make_printer(global: &Global, environment: &Environment) -> Printer {
    Printer::new(global.output, Settings::from_environment(environment).colour)
}

/// Finds the server and the token of a client command.
///
/// # Errors
/// `Usage` or `NotFound` when the context that is asked for cannot be used.
pub fn connect(global: &Global, environment: &Environment) -> Result<Rest, Failure> {
    Rest::new(Target::find(
        global.url.as_deref(),
        &Settings::from_environment(environment),
    )?)
}

/// Runs a client command to its end.
///
/// # Errors
/// What the user is to read, with the exit code of the contract.
pub fn run_client(command: ClientCommand, global: &Global, environment: &Environment) -> Result<(), Failure> {
    let settings = Settings::from_environment(environment);
    let printer = make_printer(global, environment);
    let target = || Target::find(global.url.as_deref(), &settings);
    let connect = || Rest::new(target()?);
    match command {
        ClientCommand::Workflow(command) => workflow::run(command, connect, printer),
        ClientCommand::Run(args) => run::run(&args, &connect()?, printer),
        ClientCommand::Instance(command) => instance::run(command, &connect()?, printer),
        ClientCommand::Schedule(command) => schedule::run(command, connect, printer),
        ClientCommand::Backfill(command) => backfill::run(command, &connect()?, printer),
        ClientCommand::Alert(command) => alert::run(command, &connect()?, printer),
        ClientCommand::Rule(command) => alert::rule(command, &connect()?, printer),
        ClientCommand::Approval(command) => approval::run(command, &connect()?, printer),
        ClientCommand::Calendar(command) => calendar::run(command, &connect()?, printer),
        ClientCommand::Connection(command) => connection::run(command, &connect()?, printer),
        ClientCommand::Limit(command) => limit::run(command, &connect()?, printer),
        ClientCommand::Secret(command) => secret::run(command, &connect()?, printer),
        ClientCommand::Channel(command) => channel::run(command, &connect()?, printer),
        ClientCommand::Silence(command) => silence::run(command, &connect()?, printer),
        ClientCommand::Project(command) => admin::project(command, &connect()?, printer),
        ClientCommand::User(command) => admin::user(command, &connect()?, printer, &settings),
        ClientCommand::Group(command) => group::run(command, &connect()?, printer),
        ClientCommand::Token(command) => admin::token(command, &connect()?, printer),
        ClientCommand::Node(command) => admin::node(command, &connect()?, printer),
        ClientCommand::Failover(command) => admin::failover(&command, &connect()?, printer),
        ClientCommand::Context(command) => context::run(command, global.url.as_deref(), &settings, printer),
        ClientCommand::Login(args) => context::login(&args, target()?, &settings),
        ClientCommand::SetupLink(args) => setup_link::print_setup_link(args, &connect()?, printer),
        ClientCommand::Openapi => print_openapi(&connect()?, printer),
        ClientCommand::Import(ImportCommand::Wfcommons {
            file,
            scale,
            task_type,
        }) => documents::import_wfcommons(&file, scale, task_type),
    }
}

/// Prints the server's description of its API: as JSON, unless YAML is asked for.
fn print_openapi(rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let description = rest.json(Call::outside("/api/openapi.json"))?;
    match printer.format() {
        Format::Yaml => write_out(&to_yaml(&description)?),
        Format::Json | Format::Table | Format::Name => write_out(&pretty(&description)),
    }
}
