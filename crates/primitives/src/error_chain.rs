//! The causes of an error as a text that a user can read.

use std::error::Error;
use std::io;

/// Returns the text of an error followed by those of its causes; an HTTP client's own text names only the outermost.
///
/// A refused or reset connection gets a text of ours: in an answer to a request, the one of the operating system reads
/// as if the request itself had been refused.
pub fn with_causes(error: &dyn Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| {
        format!("{text}: {}", describe_cause(cause))
    })
}

/// Returns the text of the innermost cause, or of the error itself when it has none.
pub fn root_cause(error: &dyn Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes<'a>(error: &'a dyn Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

fn describe_cause(cause: &(dyn Error + 'static)) -> String {
    let kind = cause
        .downcast_ref::<io::Error>()
        .filter(|error| error.raw_os_error().is_some())
        .map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => "nothing listens there".to_owned(),
        Some(
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe,
        ) => "the other side closed the connection".to_owned(),
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_connection_has_a_text_of_ours() {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("its number")
            .port();
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .expect("a client");
        let refused = client.get(format!("http://127.0.0.1:{port}/")).send().await;
        let text = with_causes(&refused.expect_err("nothing listens"));
        assert!(text.ends_with(": nothing listens there"), "{text}");
        assert!(
            !text.to_lowercase().contains("refused") && !text.contains("os error"),
            "{text}"
        );
    }
}
