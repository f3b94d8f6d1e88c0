//! The files of the UI as they are served: with their types, names for caches, and compressed forms.

use std::collections::HashMap;

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

use crate::ui::embedded::{EmbeddedFile, FILES};

/// The page of every path of the UI.
const PAGE: &str = "index.html";
/// The folder whose names contain a hash of what is in them.
const HASHED: &str = "assets/";
/// Bytes of a hash that name a version of a file.
const TAG_BYTES: usize = 12;

/// The files of the UI.
#[derive(Debug, Default)]
pub struct UiFiles {
    by_path: HashMap<&'static str, UiFile>,
}

impl UiFiles {
    /// Takes the files that the build put into the program, for a server whose base path has no slash at its end.
    pub fn embedded(base_path: &str) -> Self {
        Self::new(FILES, base_path)
    }

    /// Takes the given files.
    pub fn new(files: &[EmbeddedFile], base_path: &str) -> Self {
        let by_path = files.iter().map(|file| {
            let served = match file.path {
                PAGE => UiFile::page(file.plain, base_path),
                _ => UiFile::unchanged(file),
            };
            (file.path, served)
        });
        Self {
            by_path: by_path.collect(),
        }
    }

    pub(crate) fn find(&self, path: &str) -> Option<&UiFile> {
        self.by_path.get(path)
    }

    /// Returns the page that shows every path; none in a build without the UI.
    pub(crate) fn page(&self) -> Option<&UiFile> {
        self.find(PAGE)
    }

    /// Whether a path can only be that of a file.
    pub(crate) fn is_file_path(path: &str) -> bool {
        path.starts_with(HASHED)
    }
}

/// One file.
#[derive(Debug)]
pub(crate) struct UiFile {
    media_type: &'static str,
    caching: &'static str,
    tag: String,
    plain: Bytes,
    /// By the name of the encoding, the smallest first.
    compressed: Vec<(&'static str, Bytes)>,
}

impl UiFile {
    fn unchanged(file: &EmbeddedFile) -> Self {
        let caching = if file.path.starts_with(HASHED) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let forms = [("br", file.brotli), ("gzip", file.gzip)];
        let compressed = forms
            .into_iter()
            .filter_map(|(encoding, bytes)| Some((encoding, Bytes::from_static(bytes?))));
        Self {
            media_type: media_type(file.path),
            caching,
            tag: tag_of(file.plain),
            plain: Bytes::from_static(file.plain),
            compressed: compressed.collect(),
        }
    }

    /// The page says where the UI is mounted, by which every relative address in it is found.
    fn page(html: &[u8], base_path: &str) -> Self {
        let html = String::from_utf8_lossy(html);
        let base = format!("<base href=\"{base_path}/\">");
        let own_base = html.find("<base ").map(|start| {
            let end = html[start..]
                .find('>')
                .map_or(html.len(), |length| start + length + 1);
            &html[start..end]
        });
        let html = match own_base {
            Some(own) => html.replacen(own, &base, 1),
            None => html.replacen("<head>", &format!("<head>{base}"), 1),
        };
        Self {
            media_type: media_type(PAGE),
            caching: "no-cache",
            tag: tag_of(html.as_bytes()),
            plain: html.into(),
            compressed: Vec::new(),
        }
    }

    /// Answers a request for the file, with the smallest form that its client reads.
    pub(crate) fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let header = |name| request.headers().get(name)?.to_str().ok();
        let known = header(IF_NONE_MATCH).unwrap_or_default();
        let is_known = known.split(',').any(|tag| tag.trim() == self.tag);
        let mut response = if is_known {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        response
            .insert_header((CACHE_CONTROL, self.caching))
            .insert_header((ETAG, self.tag.as_str()))
            .insert_header((VARY, ACCEPT_ENCODING.as_str()));
        if is_known {
            return response.finish();
        }
        let accepted = header(ACCEPT_ENCODING).unwrap_or_default();
        let compressed = self
            .compressed
            .iter()
            .find(|(encoding, _)| accepts(accepted, encoding));
        response.insert_header((CONTENT_TYPE, self.media_type));
        match compressed {
            Some((encoding, bytes)) => response
                .insert_header((CONTENT_ENCODING, *encoding))
                .body(bytes.clone()),
            None => response.body(self.plain.clone()),
        }
    }
}

/// Names a version of a file; weak, because its compressed forms share the name.
fn tag_of(bytes: &[u8]) -> String {
    format!("W/\"{}\"", hex::encode(&Sha256::digest(bytes)[..TAG_BYTES]))
}

/// Whether an `Accept-Encoding` allows an encoding.
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight
            .trim()
            .strip_prefix("q=")
            .map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case(encoding) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// Returns the media type of a file by the end of its name; browsers guess none.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
