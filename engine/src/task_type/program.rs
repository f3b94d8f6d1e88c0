//! A program with arguments of its own.

use serde::Deserialize;

/// A program with arguments of its own: a text that is split at blanks, or a list of words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ProgramWords {
    /// Words between blanks; there are no quotes.
    Line(String),
    /// Words that may have blanks.
    List(Vec<String>),
}

impl ProgramWords {
    /// Returns the program and its arguments.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Self::Line(line) => line.split_ascii_whitespace().collect(),
            Self::List(words) => words.iter().map(String::as_str).collect(),
        }
    }
}

/// Returns the words of the first line of a script that begins with `#!`, as the kernel reads it: the program, and the
/// rest of the line as one argument.
pub(super) fn shebang_words(script: &str) -> Option<Vec<&str>> {
    let line = script.strip_prefix("#!")?.lines().next()?.trim();
    match line.split_once([' ', '\t']) {
        Some((program, argument)) => Some(vec![program, argument.trim_start()]),
        None if line.is_empty() => None,
        None => Some(vec![line]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_blanks_and_a_list_is_not() {
        let line: ProgramWords = serde_json::from_str("\" bash  -euo pipefail\"").unwrap();
        assert_eq!(line.words(), ["bash", "-euo", "pipefail"]);
        let list: ProgramWords = serde_json::from_str("[\"/opt/my shell\", \"-c x\"]").unwrap();
        assert_eq!(list.words(), ["/opt/my shell", "-c x"]);
    }

    #[test]
    fn a_shebang_is_read_as_the_kernel_does() {
        assert_eq!(shebang_words("#!/bin/bash\nx"), Some(vec!["/bin/bash"]));
        assert_eq!(
            shebang_words("#! /usr/bin/env  -S bash -eu \r\nx"),
            Some(vec!["/usr/bin/env", "-S bash -eu"])
        );
        assert_eq!(shebang_words("#!/bin/sh"), Some(vec!["/bin/sh"]));
        for other in ["", "#!", "#! \nx", "# !/bin/sh", " #!/bin/sh", "echo"] {
            assert_eq!(shebang_words(other), None, "{other:?}");
        }
    }
}
