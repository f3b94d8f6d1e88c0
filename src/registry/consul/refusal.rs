//! Readable errors of Consul that say what to do.

use ports::RegistryError;

use primitives::error_chain::with_causes;

/// The longest part of an answer that is quoted.
const QUOTED: usize = 200;

/// What a token has to allow; docs/cluster.md explains it.
const POLICY: &str = r#"service "porpoise" { policy = "write" } and node_prefix "" { policy = "read" }"#;

/// What a client authenticates with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// The ACL token of the configuration.
    Token,
    /// Nothing.
    Anonymous,
}

/// Distinguishes a registration that the agent has lost from every other error; the texts differ by version of Consul.
pub(super) fn refusal(status: u16, text: &str, credentials: Credentials) -> RegistryError {
    let words = text.to_ascii_lowercase();
    let forgotten = ["does not have associated ttl", "unknown check", "unknown service"];
    if forgotten.iter().any(|sign| words.contains(sign)) {
        return RegistryError::NotRegistered;
    }
    let quoted: String = text.trim().chars().take(QUOTED).collect();
    let advice = match (status, credentials) {
        (403, _) if words.contains("acl not found") => {
            "; Consul does not know the token of consul.token: give this node one that exists".to_owned()
        }
        (401 | 403, Credentials::Token) => format!("; the token of consul.token has to allow {POLICY}"),
        (401 | 403, Credentials::Anonymous) => {
            format!("; consul.token is not set, and Consul wants one that allows {POLICY}")
        }
        _ if words.contains("enterprise feature") => {
            "; consul.namespace and consul.partition are for Consul Enterprise: leave them out".to_owned()
        }
        _ if words.contains("to an https server") => "; consul.url has to begin with https://".to_owned(),
        _ => String::new(),
    };
    RegistryError::Unavailable(format!("Consul answered {status}: {quoted}{advice}"))
}

/// Describes an error of the connection.
pub(super) fn unavailable(error: reqwest::Error) -> RegistryError {
    // Without its address, which may hold a password.
    let words = with_causes(&error.without_url());
    let advice = advice_on_tls(&words).map_or_else(String::new, |advice| format!("; {advice}"));
    RegistryError::Unavailable(format!("{words}{advice}"))
}

/// Names the setting that a failed TLS handshake needs, by the texts of the TLS library and of the protocol's alerts.
fn advice_on_tls(words: &str) -> Option<&'static str> {
    let words = words.to_ascii_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
    if says(&["unknownissuer", "unknown issuer", "badsignature"]) {
        Some("consul.ca_file has to hold the certificate that signed the agent's")
    } else if says(&["notvalidforname", "not valid for name"]) {
        Some("the agent's certificate is for another name: set consul.server_name to the one it has")
    } else if says(&["alert: certificaterequired", "alert: badcertificate"]) {
        Some("the agent wants a certificate from this node: set consul.cert_file and consul.key_file")
    } else if says(&["alert: unknownca", "alert: certificateunknown"]) {
        Some(
            "the agent does not trust the certificate of consul.cert_file: have it signed by the agent's authority",
        )
    } else if says(&["invalidcontenttype", "corrupt message"]) {
        Some("the agent does not speak TLS at this port: use http://, or the port of its https")
    } else {
        None
    }
}
