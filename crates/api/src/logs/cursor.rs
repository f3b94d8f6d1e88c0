//! The position of a reader in the log of an attempt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use catalog::AttemptRow;
use engine::ids::{AttemptNumber, DispatchId, InstanceId};
use ports::LogPart;
use primitives::secret::Secret;
use secrets::Masker;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::auth::server::Server;
use crate::http::codes::Code;
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::logs::decode::{LogText, LogWriter, cut_off_start, decode_log_part};
use crate::logs::masked_part::{MaskedPart, ReadWindow};

/// The size of the text in one event, in bytes.
const MAX_EVENT_TEXT: u64 = 64 << 10;
/// Time between two reads of a log that is being written; the worker itself polls its file every 200 ms.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Names one attempt of one task of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogName {
    instance: InstanceId,
    task: String,
    attempt: AttemptNumber,
}

impl LogName {
    pub(crate) fn new(instance: InstanceId, task: String, attempt: AttemptNumber) -> Self {
        Self {
            instance,
            task,
            attempt,
        }
    }

    /// Takes task and attempt out of the path of a request.
    pub(crate) fn from_path(request: &HttpRequest, instance: InstanceId) -> Result<Self, Problem> {
        let text = path_parameter(request, "attempt")?;
        let attempt = text
            .parse()
            .map_err(|_| Problem::not_found(format!("attempt {text}")))?;
        Ok(Self::new(instance, path_parameter(request, "task")?, attempt))
    }

    pub(crate) fn instance(&self) -> InstanceId {
        self.instance
    }

    /// Reads a part as text.
    pub(crate) async fn read_text(
        &self,
        server: &Server,
        offset: u64,
        limit: u64,
    ) -> Result<LogText, Problem> {
        let (part, writer) = self.read_part(server, offset, limit).await?;
        Ok(decode_log_part(&part.shown(), offset, writer))
    }

    /// Reads the last bytes as text, without a character that they cut.
    pub(crate) async fn read_tail(&self, server: &Server, bytes: u64) -> Result<LogText, Problem> {
        let (end, _) = self.read_part(server, 0, 1).await?;
        let offset = end.size.saturating_sub(bytes);
        let (mut part, writer) = self.read_part(server, offset, bytes).await?;
        if offset > 0 {
            part.skip(cut_off_start(part.file_bytes()));
        }
        Ok(decode_log_part(&part.shown(), offset, writer))
    }

    /// Reads a part. The attempt's row is read first: a final attempt has written everything. What it was given of
    /// secrets is read before its log: it was stored before the attempt was sent.
    pub(crate) async fn read_part(
        &self,
        server: &Server,
        offset: u64,
        limit: u64,
    ) -> Result<(MaskedPart, LogWriter), Problem> {
        let attempt = self.find_attempt(server).await?;
        let writer = if attempt.state.is_open() {
            LogWriter::Running
        } else {
            LogWriter::Ended
        };
        let masker = match &attempt.uid {
            Some(uid) => find_masker(server, uid).await?,
            None => Arc::new(Masker::new([]).map_err(Problem::internal)?),
        };
        let window = ReadWindow::new((offset, limit), &masker);
        let read = match &attempt.uid {
            Some(uid) => {
                let worker = attempt.worker.unwrap_or_default();
                read_file(server, &worker, uid, window.range()).await?
            }
            None => LogPart::nothing_at(offset),
        };
        Ok((MaskedPart::new(read, window, &masker, writer), writer))
    }

    async fn find_attempt(&self, server: &Server) -> Result<AttemptRow, Problem> {
        let detail = server.catalog().tasks().find(self.instance, &self.task).await?;
        let found = detail.attempts.into_iter().find(|row| row.number == self.attempt);
        found.ok_or_else(|| Problem::not_found(format!("attempt {} of task `{}`", self.attempt, self.task)))
    }
}

/// Returns what finds the values that an attempt was given. It is used again while these are the values: long ones take
/// long to prepare.
async fn find_masker(server: &Server, uid: &DispatchId) -> Result<Arc<Masker>, Problem> {
    let secrets = server.catalog().secrets();
    let given = secrets.given_to(uid).await?;
    if let Some(masker) = server.maskers().find(&given) {
        return Ok(masker);
    }
    let values = secrets.open_given(&given)?;
    let prepared = spawn_blocking(move || Masker::new(values.iter().map(Secret::reveal))).await;
    let masker = Arc::new(prepared.map_err(Problem::internal)?.map_err(Problem::internal)?);
    server.maskers().keep(given, Arc::clone(&masker));
    Ok(masker)
}

async fn read_file(
    server: &Server,
    worker: &str,
    uid: &DispatchId,
    range: (u64, u64),
) -> Result<LogPart, Problem> {
    let read = server.state().logs.read(worker, uid, range).await;
    read.map_err(|error| {
        tracing::warn!(worker = error.worker, cause = error.cause, "a log cannot be read");
        let detail = format!(
            "The worker `{}`, which has this log, cannot be reached.",
            error.worker
        );
        Problem::new(Code::LogUnavailable, detail)
    })
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.instance, self.task, self.attempt)
    }
}

/// A part of a log as an event.
#[derive(Debug, Serialize)]
pub(crate) struct LogEvent {
    topic: String,
    text: String,
    offset: u64,
    next_offset: u64,
    /// The attempt has ended and nothing follows.
    end: bool,
}

impl LogEvent {
    pub(crate) fn next_offset(&self) -> u64 {
        self.next_offset
    }
}

/// The position of a live reader.
#[derive(Debug)]
pub(crate) struct LogCursor {
    log: LogName,
    offset: u64,
    at_end: bool,
}

impl LogCursor {
    /// Begins at an offset in bytes.
    pub(crate) fn new(log: LogName, offset: u64) -> Self {
        Self {
            log,
            offset,
            at_end: false,
        }
    }

    pub(crate) fn log(&self) -> &LogName {
        &self.log
    }

    /// Whether the attempt has ended and everything was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Reads what was written since the last read; none when there is nothing new.
    pub(crate) async fn read_next(&mut self, server: &Server) -> Result<Option<LogEvent>, Problem> {
        if self.at_end {
            return Ok(None);
        }
        let offset = self.offset;
        let part = self.log.read_text(server, offset, MAX_EVENT_TEXT).await?;
        if part.next_offset == offset && !part.end {
            return Ok(None);
        }
        self.offset = part.next_offset;
        self.at_end = part.end;
        Ok(Some(LogEvent {
            topic: format!("log:{}", self.log),
            text: part.text,
            offset,
            next_offset: part.next_offset,
            end: part.end,
        }))
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.log, self.offset)
    }
}
