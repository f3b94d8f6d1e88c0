//! Why something outside did not work, in words that a user may read.

use std::error::Error;
use std::io;

/// Names all causes of an error; a library's own text names only the outermost one.
///
/// What the operating system calls a refused or reset connection is told in our words: a user asked for something
/// else, and such a text in an answer reads as if the answer itself had failed.
pub fn in_words(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| {
        format!("{text}: {}", one_in_words(cause))
    })
}

fn one_in_words(cause: &(dyn Error + 'static)) -> String {
    let kind = cause
        .downcast_ref::<io::Error>()
        .filter(|error| error.raw_os_error().is_some())
        .map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => "nobody listens there".to_owned(),
        Some(
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe,
        ) => "the other side ended the connection".to_owned(),
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_connection_is_told_in_our_words() {
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
        let words = in_words(&refused.expect_err("nobody listens"));
        assert!(words.ends_with(": nobody listens there"), "{words}");
        assert!(
            !words.to_lowercase().contains("refused") && !words.contains("os error"),
            "{words}"
        );
    }
}
