//! The output of commands: data on stdout, messages on stderr.

use document::to_yaml;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{Cell, Color, Table, presets};
use serde_json::{Value, json};

use super::failure::{Exit, Failure};

/// Maps and lists that lie deeper in each other than this are shown below a table, not in a cell.
const MAX_CELL_NESTING: usize = 2;

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
            Format::Table => write_out(&self.members(item)?),
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

    /// Shows the members of one thing: those that fit a cell as a table, the others as YAML below it.
    fn members(self, item: &Value) -> Result<String, Failure> {
        let (blocks, cells): (Vec<_>, Vec<_>) = item
            .as_object()
            .into_iter()
            .flatten()
            .partition(|(_, value)| nesting(value) > MAX_CELL_NESTING);
        let mut table = empty_table();
        for (name, value) in cells {
            table.add_row([Cell::new(name), self.cell(&plain(Some(value)))]);
        }
        let mut text = trimmed(&table);
        for (name, value) in blocks {
            text.push('\n');
            text.push_str(&to_yaml(&json!({ name: value }))?);
        }
        Ok(text)
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

/// Returns how deep lists and maps lie in each other.
fn nesting(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(nesting).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(nesting).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Shows a value in one cell, `total=2, by_state.failed=1` for a map; control characters never reach the terminal.
pub fn plain(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| plain(Some(item))).collect();
            items.join(",")
        }
        Some(Value::Object(map)) if map.is_empty() => "-".to_owned(),
        Some(Value::Object(_)) => {
            let mut pairs = Vec::new();
            flatten(&mut pairs, "", value.unwrap_or(&Value::Null));
            pairs.join(", ")
        }
        Some(other) => other.to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Adds the leaves of a map as `path.to.leaf=value`.
fn flatten(pairs: &mut Vec<String>, path: &str, value: &Value) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(pairs, &format!("{path}{dot}{name}"), value);
            }
        }
        leaf => pairs.push(format!("{path}={}", plain(Some(leaf)))),
    }
}

/// Returns indented JSON with a final line end.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Where text for the user goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputStream {
    /// Standard output: data.
    Data,
    /// Standard error: everything else.
    Messages,
}

impl OutputStream {
    /// Writes bytes as they are; a reader that went away ends the command silently.
    pub(super) fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match self {
            Self::Data => write_flushed(&mut io::stdout().lock(), bytes),
            Self::Messages => write_flushed(&mut io::stderr().lock(), bytes),
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::silent(Exit::Failed),
            _ => Failure::new(Exit::Failed, format!("cannot write the output: {error}")),
        })
    }
}

fn write_flushed(stream: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Writes data to standard output.
///
/// # Errors
/// When it cannot be written; without a message when its reader is gone.
pub fn write_out(text: &str) -> Result<(), Failure> {
    write_bytes(text.as_bytes())
}

/// Writes bytes to standard output as they are.
///
/// # Errors
/// When they cannot be written; without a message when their reader is gone.
pub fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    OutputStream::Data.write(bytes)
}

/// Writes a message for the user to stderr; never data.
pub fn say(text: &str) {
    // With a closed stderr there is no way to report anything.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
