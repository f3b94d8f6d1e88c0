//! The files of workflow documents: where they are, and the documents in each.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use document::{Format, LocatedDiagnostic};
use engine::spec::Definition;
use serde_json::Value;

use super::failure::{Exit, Failure};

/// The name of stdin among files. What comes from there may be JSON too, which is YAML.
const STDIN: &str = "-";

/// The text of one document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DocumentText {
    path: PathBuf,
    bytes: Vec<u8>,
    format: Format,
    lines_before: u32,
}

impl DocumentText {
    /// Parses the text.
    ///
    /// # Errors
    /// A line for each mistake: the file with line and column, and what is wrong.
    pub(super) fn parse(&self) -> Result<Definition, Vec<String>> {
        match document::parse_document(&self.bytes, self.format) {
            Ok((definition, _)) => Ok(definition),
            Err(mistakes) => Err(mistakes.iter().map(|mistake| self.describe(mistake)).collect()),
        }
    }

    /// Finds what is legal and probably not meant, a line each as for mistakes.
    pub(super) fn warnings(&self) -> Vec<String> {
        let warnings = document::lint_document(&self.bytes, self.format);
        warnings.iter().map(|warning| self.describe(warning)).collect()
    }

    /// Shows a mistake as `FILE:LINE:COLUMN: POINTER: MESSAGE (CODE)`.
    fn describe(&self, mistake: &LocatedDiagnostic) -> String {
        let mut place = self.path.display().to_string();
        let line = mistake.line.map(|line| line + self.lines_before);
        for number in [line, mistake.column].into_iter().flatten() {
            place.push_str(&format!(":{number}"));
        }
        let pointer = match mistake.pointer.as_str() {
            "" => String::new(),
            pointer => format!("{pointer}: "),
        };
        format!("{place}: {pointer}{} ({})", mistake.message, mistake.code)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The language.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Takes the text itself.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads the documents of files and folders.
pub(super) fn read_documents(files: &[PathBuf]) -> Result<Vec<DocumentText>, Failure> {
    let mut documents = Vec::new();
    for path in found(files)? {
        let bytes = read(&path).map_err(|error| unreadable(&path, &error))?;
        let format = format_of(&path);
        match format {
            Format::Json => documents.push(DocumentText {
                path,
                bytes,
                format,
                lines_before: 0,
            }),
            Format::Yaml => {
                documents.extend(
                    split_stream(&bytes)
                        .into_iter()
                        .map(|(lines_before, part)| DocumentText {
                            path: path.clone(),
                            bytes: part.to_vec(),
                            format,
                            lines_before,
                        }),
                )
            }
        }
    }
    Ok(documents)
}

/// Splits a YAML stream before its `---` lines; returns each document with the number of lines before it.
///
/// Such a line ends a document wherever it stands, also inside a text. Comments before the first one belong to the
/// first document, and what holds nothing is no document unless it is all that there is.
fn split_stream(text: &[u8]) -> Vec<(u32, &[u8])> {
    let mut parts: Vec<(u32, usize)> = vec![(0, 0)];
    let (mut offset, mut has_content) = (0, false);
    for (number, line) in (0_u32..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
        if is_marker(line) && has_content {
            parts.push((number, offset));
            has_content = false;
        }
        has_content |= is_content(line);
        offset += line.len();
    }
    // The end of the stream may hold a marker, or comments, and nothing else.
    if parts.len() > 1 && !has_content {
        parts.pop();
    }
    let ends = parts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    parts
        .iter()
        .zip(ends)
        .map(|((lines, start), end)| (*lines, &text[*start..end]))
        .collect()
}

/// Whether a line begins a document.
fn is_marker(line: &[u8]) -> bool {
    line.strip_prefix(b"---")
        .is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// Whether a line holds a part of a value.
fn is_content(line: &[u8]) -> bool {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    let line = if is_marker(line) { &line[3..] } else { line };
    let line = line.trim_ascii();
    !(line.is_empty() || line.starts_with(b"#") || line.starts_with(b"%") || line == b"...")
}

/// Reads a file, or stdin where `-` stands for it.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path != Path::new(STDIN) {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses files that were given without `-f`, and says how they are given.
pub(super) fn check_place(verb: &str, misplaced: &[PathBuf]) -> Result<(), Failure> {
    if misplaced.is_empty() {
        return Ok(());
    }
    let files: Vec<String> = misplaced
        .iter()
        .map(|file| format!("-f {}", file.display()))
        .collect();
    let message = format!("`{}` has to follow -f", misplaced[0].display());
    let hint = format!("`porpoise workflow {verb} {}`", files.join(" "));
    Err(Failure::new(Exit::Usage, message).with_hint(&hint))
}

/// Lists the files, and those in the folders, in order of their names.
fn found(files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in files {
        if path.is_dir() {
            walk(path, &mut all).map_err(|error| unreadable(path, &error))?;
        } else {
            all.push(path.clone());
        }
    }
    if all.is_empty() {
        let places: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        let message = format!("there is no .yaml, .yml or .json file in {}", places.join(", "));
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(all)
}

/// Collects the documents below a folder. Hidden files and folders belong to other programs, and a link to a folder may
/// lead back to where it lies.
fn walk(folder: &Path, all: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries.into_iter().filter(|path| !is_hidden(path)) {
        if path.is_dir() && !path.is_symlink() {
            walk(&path, all)?;
        } else if path.is_file() && has_extension_of_document(&path) {
            all.push(path);
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether a file is a document by its name.
pub(super) fn has_extension_of_document(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension))
}

/// Returns the name of the first workflow in a file, when it can be read without errors.
pub(super) fn name_in_file(path: &Path) -> Option<String> {
    let documents = read_documents(&[path.to_owned()]).ok()?;
    Some(documents.first()?.parse().ok()?.name)
}

fn format_of(path: &Path) -> Format {
    if path.extension().is_some_and(|extension| extension == "json") {
        Format::Json
    } else {
        Format::Yaml
    }
}

/// Reads a body of a request from a YAML or JSON file, or from stdin.
///
/// # Errors
/// The file cannot be read or parsed; a line for each mistake.
pub(super) fn read_value(path: &Path) -> Result<Value, Failure> {
    let bytes = read(path).map_err(|error| unreadable(path, &error))?;
    document::parse_value(&bytes, format_of(path)).map_err(|mistakes| {
        let text = DocumentText {
            path: path.to_owned(),
            bytes: Vec::new(),
            format: format_of(path),
            lines_before: 0,
        };
        let lines: Vec<String> = mistakes.iter().map(|mistake| text.describe(mistake)).collect();
        Failure::new(Exit::Usage, lines.join("\n"))
    })
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(u32, &str)> {
        let parts = split_stream(text.as_bytes());
        parts
            .into_iter()
            .map(|(lines, part)| (lines, std::str::from_utf8(part).unwrap()))
            .collect()
    }

    #[test]
    fn a_stream_is_split_before_its_markers() {
        assert_eq!(parts("a: 1\n"), [(0, "a: 1\n")]);
        assert_eq!(parts("# x\n---\na: 1\n"), [(0, "# x\n---\na: 1\n")]);
        assert_eq!(
            parts("a: 1\n---\n# x\nb: 2"),
            [(0, "a: 1\n"), (1, "---\n# x\nb: 2")]
        );
        assert_eq!(
            parts("a: |\n  x\n--- # y\nb: 2\n...\n---\n"),
            [(0, "a: |\n  x\n"), (2, "--- # y\nb: 2\n...\n---\n")]
        );
        assert_eq!(parts("\u{feff}---\r\na: 1\r\n---\r\nb: 2\r\n").len(), 2);
        assert_eq!(parts("a: ---\n  ---\n---x: 1\n").len(), 1);
    }

    #[test]
    fn a_stream_without_a_value_is_one_empty_document() {
        assert_eq!(parts(""), [(0, "")]);
        assert_eq!(parts("---\n# nothing\n---\n").len(), 1);
    }
}
