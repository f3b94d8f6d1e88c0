//! The files of the UI that the build script found; none when the UI was not built.

/// A file as the build made it.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedFile {
    /// Where it is served, for example `assets/index-4f3a.js`.
    pub path: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// The same, compressed by gzip.
    pub gzip: Option<&'static [u8]>,
    /// The same, compressed by Brotli.
    pub brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));
