//! The assignments in the file that `$PORPOISE_OUTPUT` names: `key=value`, or `key<<MARK`, lines, `MARK`.

use super::output_collector::{OutputCollector, OutputError};
use crate::spec::limits::MAX_VALUE_BYTES;
use crate::spec::names;

/// The longest line that can be one of a value, in bytes; a longer one may be cut there.
pub const MAX_OUTPUT_LINE_BYTES: usize = MAX_VALUE_BYTES + 1024;

/// Reads an output file line by line. Lines that assign nothing are left out.
#[derive(Debug, Default)]
pub struct OutputFileParser {
    open: Option<OpenOutput>,
}

/// A value whose closing line has not come yet.
#[derive(Debug)]
struct OpenOutput {
    name: String,
    mark: String,
    lines: usize,
    value: String,
}

impl OutputFileParser {
    /// Reads the next line; its line end may be there or not.
    pub fn push_line(&mut self, line: &str, collector: &mut OutputCollector) {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let Some(open) = &mut self.open else {
            self.open = parse_assignment(line, collector);
            return;
        };
        if line != open.mark {
            return open.add_line(line);
        }
        collector.set_value(&open.name, &open.value);
        self.open = None;
    }

    /// Ends the file.
    pub fn finish(self, collector: &mut OutputCollector) {
        if let Some(OpenOutput { name, mark, .. }) = self.open {
            // Whatever was to follow is lost, so the name does not matter.
            collector.fail(OutputError::Unclosed { name, mark });
        }
    }
}

impl OpenOutput {
    /// Adds a line to the value, which stops to grow when it is too large anyway.
    fn add_line(&mut self, line: &str) {
        if self.value.len() > MAX_VALUE_BYTES {
            return;
        }
        if self.lines > 0 {
            self.value.push('\n');
        }
        self.value.push_str(line);
        self.lines += 1;
    }
}

/// Sets `key=value`; returns the begun value of `key<<MARK`. A byte order mark or `export` may stand before a key.
fn parse_assignment(line: &str, collector: &mut OutputCollector) -> Option<OpenOutput> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let line = line.strip_prefix("export ").unwrap_or(line);
    let end = line.find(['=', '<'])?;
    let (name, rest) = (line[..end].trim(), &line[end..]);
    if let Some(value) = rest.strip_prefix('=') {
        collector.set_value(name, value);
        return None;
    }
    let mark = rest.strip_prefix("<<")?.trim();
    (!mark.is_empty() && names::check_param(name).is_ok()).then(|| OpenOutput {
        name: name.to_owned(),
        mark: mark.to_owned(),
        lines: 0,
        value: String::new(),
    })
}
