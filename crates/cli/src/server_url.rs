//! The address of a server, checked before anything is sent to it.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// The base path of the API, which users copy into addresses although calls add it.
const API_PATH: &str = "/api/v1";

/// The address of a server: `http://` or `https://`, a host, and perhaps a path of a proxy, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerUrl {
    text: String,
    url: Url,
}

impl ServerUrl {
    /// Checks an address.
    ///
    /// # Errors
    /// A sentence that repeats the text and says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches('/');
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!(
                "`{text}` is no address: http:// is missing, write http://{text}"
            ));
        };
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(format!(
                "`{text}` is no address: it begins with http:// or https://, not {scheme}://"
            ));
        }
        if rest.contains('@') {
            // The text is not repeated: it may hold a password.
            return Err(
                "the address holds a name or a password; a token is given by PORPOISE_TOKEN".to_owned(),
            );
        }
        if let Some(base) = text.strip_suffix(API_PATH) {
            return Err(format!(
                "`{text}` is the address of the API; leave {API_PATH} out: {base}"
            ));
        }
        if rest.contains(['?', '#']) {
            return Err(format!(
                "`{text}` is no address: `?` and `#` have no meaning here"
            ));
        }
        let url = Url::parse(text).map_err(|error| format!("`{text}` is no address: {error}"))?;
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }

    /// Returns the address as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is this machine's: a loopback IP address or `localhost`, and no name that only looks like one.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        match address.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => host == "localhost",
        }
    }

    /// Whether it is spoken to without encryption.
    pub(super) fn is_plain_http(&self) -> bool {
        self.url.scheme() == "http"
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_work_is_refused_with_the_one_that_was_meant() {
        for (text, part) in [
            (
                "localhost:7070",
                "http:// is missing, write http://localhost:7070",
            ),
            ("127.0.0.1", "http:// is missing"),
            ("http://h:7070/api/v1", "leave /api/v1 out: http://h:7070"),
            ("https://h/proxy/api/v1/", "leave /api/v1 out: https://h/proxy"),
            ("ftp://h", "not ftp://"),
            ("http://", "is no address"),
            ("http://h:99999", "is no address"),
            ("http://h/?a=b", "`?`"),
            ("http://h/#a", "`#`"),
        ] {
            let refusal = ServerUrl::parse(text).unwrap_err();
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
        let refusal = ServerUrl::parse("http://user:hunter2@h").unwrap_err();
        assert!(!refusal.contains("hunter2"), "{refusal}");
        assert_eq!(
            ServerUrl::parse(" http://h/proxy/ \n").unwrap().as_str(),
            "http://h/proxy"
        );
    }

    #[test]
    fn only_loopback_addresses_and_localhost_are_this_machine() {
        for (text, expected) in [
            ("http://127.0.0.1:7070", true),
            ("http://127.9.8.7", true),
            ("https://[::1]:7070", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://localhost:1", true),
            ("http://LOCALHOST", true),
            ("http://127.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://128.0.0.1", false),
            ("http://0.0.0.0", false),
            ("http://[::2]", false),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap().is_loopback(), expected, "{text}");
        }
    }
}
