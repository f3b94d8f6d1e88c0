//! How things are printed: data on stdout, the rest on stderr.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{Cell, Color, Table, presets};
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::yaml;

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

/// What a kind of thing looks like.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The member that `-o name` prints.
    pub name: &'static str,
    /// The columns of a table: heading and JSON pointer.
    pub columns: &'static [(&'static str, &'static str)],
}

/// Prints things in the chosen format.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    format: Format,
    colour: bool,
}

impl Printer {
    /// Colour only on a terminal, and when `NO_COLOR` does not forbid it.
    pub fn new(format: Format, no_color: bool) -> Self {
        Self {
            format,
            colour: io::stdout().is_terminal() && !no_color,
        }
    }

    /// Which format was chosen.
    pub fn format(self) -> Format {
        self.format
    }

    /// Prints one thing.
    pub fn item(self, item: &Value, look: Look) -> Result<(), Failure> {
        match self.format {
            Format::Json => write_out(&pretty(item)),
            Format::Yaml => write_out(&yaml::text(item)),
            Format::Name => write_out(&format!("{}\n", plain(item.get(look.name)))),
            Format::Table => write_out(&self.members(item)),
        }
    }

    /// Prints a list.
    pub fn list(self, items: Vec<Value>, look: Look) -> Result<(), Failure> {
        match self.format {
            Format::Json => write_out(&pretty(&json!({ "items": items }))),
            Format::Yaml => write_out(&yaml::text(&json!({ "items": items }))),
            Format::Name => {
                let names: String = items
                    .iter()
                    .map(|item| plain(item.get(look.name)) + "\n")
                    .collect();
                write_out(&names)
            }
            Format::Table => write_out(&self.table(&items, look)),
        }
    }

    /// Prints a list with one thing in it as that thing; a table stays a table.
    pub fn list_of_one(self, item: Value, look: Look) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.list(vec![item], look),
            Format::Json | Format::Yaml | Format::Name => self.item(&item, look),
        }
    }

    fn table(self, items: &[Value], look: Look) -> String {
        let mut table = empty_table();
        table.set_header(look.columns.iter().map(|(heading, _)| *heading));
        for item in items {
            table.add_row(
                look.columns
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
            Some(colour) if self.colour => cell.fg(colour),
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
pub fn write_out(text: &str) -> Result<(), Failure> {
    write_bytes(text.as_bytes())
}

/// Writes bytes to stdout as they are.
pub fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|_| Failure::silent(Exit::Failed))
}

/// Says something to the person; never data.
pub fn say(text: &str) {
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
