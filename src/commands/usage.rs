//! Prints why the command line cannot be run, its help, and why a command failed.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};
use cli::{Exit, Failure, say};

/// Prints the failure of a command, unless it has no message; returns its exit code.
pub(crate) fn print_failure(failure: Failure) -> ExitCode {
    if !failure.message.is_empty() {
        say(&format!("error: {}", failure.message));
    }
    failure.exit.into()
}

/// Prints what the parser of the command line answers: help on stdout, a refusal with what was probably meant on
/// stderr.
pub(crate) fn print_refusal(refusal: &Error, program: &Command) -> ExitCode {
    if let Err(error) = refusal.print().and_then(|()| io::stdout().flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return print_failure(Failure::new(
            Exit::Failed,
            format!("cannot write the output: {error}"),
        ));
    }
    if let Some(hint) = hint_for(refusal, program) {
        say(&format!("\nhint: {hint}"));
    }
    u8::try_from(refusal.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// What the parser itself does not suggest: the noun of a verb that stands alone, and the flag of a parameter.
fn hint_for(refusal: &Error, program: &Command) -> Option<String> {
    let word = |kind| match refusal.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match refusal.kind() {
        ErrorKind::InvalidSubcommand => {
            let verb = word(ContextKind::InvalidSubcommand)?;
            let nouns = program
                .get_subcommands()
                .filter(|noun| noun.get_subcommands().any(|own| own.get_name() == verb));
            let commands: Vec<String> = nouns
                .map(|noun| format!("`porpoise {} {verb}`", noun.get_name()))
                .collect();
            (!commands.is_empty()).then(|| format!("a noun comes first: {}", commands.join(", ")))
        }
        ErrorKind::UnknownArgument => {
            let argument = word(ContextKind::InvalidArg)?;
            let is_pair = !argument.starts_with('-') && argument.contains('=');
            is_pair.then(|| format!("a parameter is given with -p: `-p {argument}`"))
        }
        _ => None,
    }
}
