//! The output of commands: data on stdout, messages on stderr.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{Cell, Color, Table, presets};
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::yaml::to_yaml;

/// The format of `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// The objects of the API
    Json,
    /// The same as YAML
    Yaml,
    /// Names or ids only, one a line
    Name,
}

/// The columns of one kind of object.
#[derive(Debug, Clone, Copy)]
pub struct TableLayout {
    /// The member that `-o name` prints.
    pub name: &'static str,
    /// The columns of a table: heading and JSON pointer.
    pub columns: &'static [(&'static str, &'static str)],
}

/// Whether states are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourChoice {
    /// On a terminal.
    OnTerminal,
    /// Never, as `NO_COLOR` asks.
    Never,
}

/// Prints objects in the chosen format.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    format: Format,
    colour: ColourChoice,
}

impl Printer {
    /// Makes a printer; without a terminal nothing is coloured.
    pub fn new(format: Format, colour: ColourChoice) -> Self {
        let colour = if io::stdout().is_terminal() {
            colour
        } else {
            ColourChoice::Never
        };
        Self { format, colour }
    }

    /// Which format was chosen.
    pub fn format(self) -> Format {
        self.format
    }

    /// Prints one thing.
    ///
    /// # Errors
    /// When standard output cannot be written, for example because its reader is gone.
    pub fn item(self, item: &Value, layout: TableLayout) -> Result<(), Failure> {
        match self.format {
            Format::Json => write_out(&pretty(item)),
            Format::Yaml => write_out(&to_yaml(item)?),
            Format::Name => write_out(&format!("{}\n", plain(item.get(layout.name)))),
            Format::Table => write_out(&self.members(item)),
        }
    }

    /// Prints a list.
    ///
    /// # Errors
    /// When standard output cannot be written, for example because its reader is gone.
    pub fn list(self, items: Vec<Value>, layout: TableLayout) -> Result<(), Failure> {
        match self.format {
            Format::Json => write_out(&pretty(&json!({ "items": items }))),
            Format::Yaml => write_out(&to_yaml(&json!({ "items": items }))?),
            Format::Name => {
                let names: String = items
                    .iter()
                    .map(|item| plain(item.get(layout.name)) + "\n")
                    .collect();
                write_out(&names)
            }
            Format::Table => write_out(&self.table(&items, layout)),
        }
    }

    /// Prints a list with one thing in it as that thing; a table stays a table.
    ///
    /// # Errors
    /// When standard output cannot be written, for example because its reader is gone.
    pub fn list_of_one(self, item: Value, layout: TableLayout) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.list(vec![item], layout),
            Format::Json | Format::Yaml | Format::Name => self.item(&item, layout),
        }
    }

    fn table(self, items: &[Value], layout: TableLayout) -> String {
        let mut table = empty_table();
        table.set_header(layout.columns.iter().map(|(heading, _)| *heading));
        for item in items {
            table.add_row(
                layout
                    .columns
                    .iter()
                    .map(|(_, pointer)| self.cell(&plain(item.pointer(pointer)))),
            );
        }
        trimmed(&table)
    }

    fn members(self, item: &Value) -> String {
        let mut table = empty_table();
        for (name, value) in item.as_object().into_iter().flatten() {
            table.add_row([Cell::new(name), self.cell(&plain(Some(value)))]);
        }
        trimmed(&table)
    }

    fn cell(self, text: &str) -> Cell {
        let colour = match text {
            "succeeded" | "forced_success" | "active" => Some(Color::Green),
            "failed" | "killed" | "lost" | "dead" => Some(Color::Red),
            "running" | "dispatched" | "pausing" | "stopping" => Some(Color::Cyan),
            _ => None,
        };
        let cell = Cell::new(text);
        match colour {
            Some(colour) if self.colour == ColourChoice::OnTerminal => cell.fg(colour),
            _ => cell,
        }
    }
}

fn empty_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !io::stdout().is_terminal() {
        table.force_no_tty();
    }
    table
}

/// Returns the lines of a table without the blanks around them.
fn trimmed(table: &Table) -> String {
    let without = |line: String| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned() + "\n";
    table.lines().map(without).collect()
}

/// Shows a value in one cell; control characters never reach the terminal.
pub fn plain(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(|item| !item.is_object() && !item.is_array()) => items
            .iter()
            .map(|item| plain(Some(item)))
            .collect::<Vec<_>>()
            .join(","),
        Some(other) => other.to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Returns indented JSON with a final line end.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Writes data to stdout; a reader that went away ends the command.
///
/// # Errors
/// When standard output cannot be written, for example because its reader is gone.
pub fn write_out(text: &str) -> Result<(), Failure> {
    write_bytes(text.as_bytes())
}

/// Writes bytes to stdout as they are.
///
/// # Errors
/// When standard output cannot be written, for example because its reader is gone.
pub fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|_| Failure::silent(Exit::Failed))
}

/// Writes a message for the user to stderr; never data.
pub fn say(text: &str) {
    // With a closed stderr there is no way to report anything.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
