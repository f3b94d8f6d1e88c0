//! The lines of a log that contain a text.

use std::ops::Range;

use actix_web::{HttpRequest, HttpResponse, get};
use engine::ids::InstanceId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::access::{Caller, Read};
use crate::auth::server::Server;
use crate::http::body::Query;
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;
use crate::logs::cursor::LogName;
use crate::logs::decode::LogWriter;
use crate::logs::masked_part::mask_bytes;

/// Bytes that are read at once.
const PART: u64 = 1 << 20;
/// Bytes that one page searches at most.
const MAX_SEARCHED: u64 = 64 << 20;
/// The longest line in bytes; what is longer counts as several.
const MAX_LINE: usize = 64 << 10;
/// The longest searched text in bytes.
const MAX_TEXT: usize = 1_000;

/// What is searched for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// A plain text; case is ignored.
    #[param(min_length = 1, max_length = 1000)]
    q: String,
    /// How many lines at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A line that contains the text.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct FoundLine {
    /// Where the line begins, in bytes of the file.
    offset: u64,
    /// The line, without its end.
    line: String,
}

/// Searches an attempt's log for a text, line by line. A page may hold fewer lines than `limit` and still have a next
/// one.
#[utoipa::path(tag = "instances",
    params(("id" = String, Path), ("task" = String, Path), ("attempt" = String, Path), SearchQuery),
    responses((status = 200, body = List<FoundLine>)))]
#[get("/attempts/{attempt}/log/search")]
pub(crate) async fn search_log(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    query: Query<SearchQuery>,
) -> Result<HttpResponse, Problem> {
    let SearchQuery { q, limit, cursor } = query.0;
    if q.is_empty() || q.len() > MAX_TEXT {
        let detail = format!("`q` has 1 to {MAX_TEXT} bytes.");
        return Err(Problem::new(Code::InvalidQuery, detail).at("/q"));
    }
    let offset = match cursor.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(offset)) => offset,
        Some(Err(_)) => {
            let detail = "The cursor is not one of this list.";
            return Err(Problem::new(Code::InvalidQuery, detail).at("/cursor"));
        }
    };
    let limit = Paging { limit, cursor: None }.page_request()?.limit;
    let log = LogName::from_path(&request, *caller.object())?;
    let mut search = LineSearch::new(&q, limit as usize, offset);
    let next = search.run(&log, caller.server()).await?;
    let next_cursor = next.map(|offset| offset.to_string());
    Ok(HttpResponse::Ok().json(List::new(search.found, next_cursor)))
}

/// A search from an offset on.
struct LineSearch {
    /// In lower case.
    wanted: String,
    limit: usize,
    /// Where `rest` begins.
    offset: u64,
    /// What was read of a line whose end was not.
    rest: Vec<u8>,
    /// The values of secrets in what was read, as places in the file; they are masked before a line is searched.
    hidden: Vec<Range<u64>>,
    found: Vec<FoundLine>,
}

impl LineSearch {
    fn new(text: &str, limit: usize, offset: u64) -> Self {
        Self {
            wanted: text.to_lowercase(),
            limit,
            offset,
            rest: Vec::new(),
            hidden: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Reads until a page is full; returns where the next one begins, none at the end.
    async fn run(&mut self, log: &LogName, server: &Server) -> Result<Option<u64>, Problem> {
        let until = self.offset.saturating_add(MAX_SEARCHED);
        loop {
            let from = self.offset + self.rest.len() as u64;
            let (part, writer) = log.read_part(server, from, PART).await?;
            // The end of a log that grows may begin a value; it is not shown yet.
            let is_end = part.next_offset >= part.size || part.file_bytes().is_empty();
            self.rest.extend_from_slice(part.file_bytes());
            self.add_hidden(&part.hidden);
            self.take_lines();
            if self.found.len() == self.limit {
                return Ok((!is_end || !self.rest.is_empty()).then_some(self.offset));
            }
            // A line that is being written is found when it is complete.
            if is_end && writer == LogWriter::Ended {
                self.take_last_line();
            }
            if is_end {
                return Ok(None);
            }
            if self.offset >= until {
                return Ok(Some(self.offset));
            }
        }
    }

    /// Takes complete lines of what was read until the page is full.
    fn take_lines(&mut self) {
        let mut taken = 0;
        while self.found.len() < self.limit {
            let rest = &self.rest[taken..];
            let end = rest.iter().take(MAX_LINE).position(|byte| *byte == b'\n');
            let (length, next) = match end {
                Some(end) => (end, end + 1),
                None if rest.len() >= MAX_LINE => (MAX_LINE, MAX_LINE),
                None => break,
            };
            let offset = self.offset + taken as u64;
            let line = self.masked_line(offset, &rest[..length]);
            self.check_line(offset, line);
            taken += next;
        }
        self.rest.drain(..taken);
        self.offset += taken as u64;
    }

    fn take_last_line(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let line = self.masked_line(self.offset, &self.rest);
        self.check_line(self.offset, line);
        self.rest.clear();
    }

    /// Adds the values of the next part, which may have been found with the part before.
    fn add_hidden(&mut self, found: &[Range<u64>]) {
        let seen = self.hidden.last().map_or(0, |range| range.end);
        let from = self.offset;
        self.hidden.retain(|range| range.end > from);
        let new = found.iter().filter(|range| range.end > seen);
        self.hidden
            .extend(new.map(|range| range.start.max(seen)..range.end));
    }

    fn masked_line(&self, offset: u64, line: &[u8]) -> String {
        String::from_utf8_lossy(&mask_bytes(line, offset, &self.hidden)).into_owned()
    }

    fn check_line(&mut self, offset: u64, line: String) {
        if line.to_lowercase().contains(&self.wanted) {
            let line = line.strip_suffix('\r').map_or(line.clone(), str::to_owned);
            self.found.push(FoundLine { offset, line });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_with(text: &str, log: &[u8]) -> Vec<(u64, String)> {
        let mut search = LineSearch::new(text, 100, 0);
        for part in log.chunks(7) {
            search.rest.extend_from_slice(part);
            search.take_lines();
        }
        search.take_last_line();
        let found = search.found.into_iter();
        found.map(|found| (found.offset, found.line)).collect()
    }

    #[test]
    fn lines_are_found_in_any_case_and_over_the_ends_of_parts() {
        let log = b"first line\nSecond LINE\r\n\nthe end";
        let expected = [(0, "first line".to_owned()), (11, "Second LINE".to_owned())];
        assert_eq!(lines_with("Line", log), expected);
        assert_eq!(lines_with("END", log), [(25, "the end".to_owned())]);
        assert_eq!(lines_with("l.ne", log), []);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let log = vec![b'x'; MAX_LINE + 10];
        let found = lines_with("x", &log);
        let places: Vec<(u64, usize)> = found.iter().map(|(offset, line)| (*offset, line.len())).collect();
        assert_eq!(places, [(0, MAX_LINE), (MAX_LINE as u64, 10)]);
    }

    #[test]
    fn a_full_page_keeps_what_follows() {
        let mut search = LineSearch::new("a", 2, 0);
        search.rest.extend_from_slice(b"a\na\na\n");
        search.take_lines();
        assert_eq!((search.found.len(), search.offset, search.rest.len()), (2, 4, 2));
    }
}
