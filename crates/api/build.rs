//! Puts the files of the web UI into the program, where `web/dist` has been built. It never builds them: the program
//! compiles without Node.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The smallest file that is worth compressing, in bytes.
const MIN_COMPRESSED: usize = 1024;

/// Ends of names of files that are not compressed yet.
const COMPRESSIBLE: [&str; 7] = ["html", "js", "css", "json", "svg", "txt", "webmanifest"];

#[expect(
    clippy::disallowed_methods,
    reason = "cargo says there only where the table belongs"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let dist = web.join("dist");
    // Cargo runs a script that watches a missing path every time.
    let watched = [&dist, &web].into_iter().find(|folder| folder.is_dir());
    let watched = watched.map_or_else(|| PathBuf::from("build.rs"), PathBuf::clone);
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut paths = Vec::new();
    if dist.is_dir() {
        collect_files(&dist, &mut paths)?;
    }
    paths.sort();
    let mut table = String::from("/// Every file.\npub(crate) const FILES: &[EmbeddedFile] = &[\n");
    for (number, path) in paths.iter().enumerate() {
        let gzip = find_gzip(path, &out.join(format!("{number}.gz")))?;
        let name = path.strip_prefix(&dist)?.to_str().ok_or("a name is not UTF-8")?;
        writeln!(
            table,
            "    EmbeddedFile {{ path: {name:?}, plain: include_bytes!({path:?}), gzip: {}, brotli: {} }},",
            include_optional(gzip.as_deref()),
            include_optional(existing(sibling(path, "br")).as_deref()),
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("ui_files.rs"), table)?;
    Ok(())
}

/// Collects the files below a folder, without the compressed forms of others.
fn collect_files(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_compressed_form = matches!(path.extension().and_then(|end| end.to_str()), Some("gz" | "br"))
            && path.with_extension("").is_file();
        if path.is_dir() {
            collect_files(&path, into)?;
        } else if !is_compressed_form {
            into.push(path);
        }
    }
    Ok(())
}

/// Returns the form that the build of the UI compressed, or else compresses the file; none when that gains nothing.
fn find_gzip(path: &Path, target: &Path) -> Result<Option<PathBuf>, Box<dyn Error>> {
    if let Some(built) = existing(sibling(path, "gz")) {
        return Ok(Some(built));
    }
    let bytes = fs::read(path)?;
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    if bytes.len() < MIN_COMPRESSED || !COMPRESSIBLE.contains(&end) {
        return Ok(None);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    let compressed = encoder.finish()?;
    if compressed.len() >= bytes.len() {
        return Ok(None);
    }
    fs::write(target, compressed)?;
    Ok(Some(target.to_owned()))
}

fn sibling(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}

fn include_optional(path: Option<&Path>) -> String {
    path.map_or_else(
        || "None".to_owned(),
        |path| format!("Some(include_bytes!({path:?}))"),
    )
}
