//! Asks for a password without showing it.

use std::io::{self, BufRead, IsTerminal};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::failure::{Exit, Failure};
use super::output::say;
use crate::settings::Settings;
use primitives::secret::Secret;

/// Takes it from `PORPOISE_PASSWORD`, else from the terminal, else from the first line of stdin.
pub(super) fn ask(settings: &Settings) -> Result<Secret, Failure> {
    if let Some(password) = &settings.password {
        return Ok(Secret::new(password));
    }
    let stdin = io::stdin();
    let line = if stdin.is_terminal() {
        hidden_line("password:", &stdin)
    } else {
        first_line(&stdin)
    };
    let line =
        line.map_err(|error| Failure::new(Exit::Failed, format!("cannot read a password: {error}")))?;
    match line.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::new(
            Exit::Usage,
            "no password: set PORPOISE_PASSWORD or give it on stdin",
        )),
        password => Ok(Secret::new(password)),
    }
}

fn first_line(stdin: &io::Stdin) -> io::Result<String> {
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(line)
}

/// Reads a line while the terminal does not echo, and puts the terminal back in any case.
pub(super) fn hidden_line(prompt: &str, stdin: &io::Stdin) -> io::Result<String> {
    let before = tcgetattr(stdin)?;
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    say(prompt);
    tcsetattr(stdin, SetArg::TCSANOW, &quiet)?;
    let line = first_line(stdin);
    tcsetattr(stdin, SetArg::TCSANOW, &before)?;
    line
}
