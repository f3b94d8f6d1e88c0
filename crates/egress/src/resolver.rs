//! Names are resolved once, and a connection goes to an address that was checked, never to a second lookup.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::{EgressPolicy, denial};

/// Resolves the names of an HTTP client to their allowed addresses.
#[derive(Debug)]
pub struct EgressResolver {
    policy: EgressPolicy,
}

impl EgressResolver {
    /// Makes a resolver under a policy.
    pub fn new(policy: EgressPolicy) -> Self {
        Self { policy }
    }
}

impl Resolve for EgressResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy;
        Box::pin(async move {
            let allowed = resolve_host(policy, name.as_str(), 0).await?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Resolves a host, a name or an address, to the addresses that a connection may go to.
///
/// # Errors
/// A sentence for the user: there is no such host, or all its addresses are denied.
pub async fn resolve_host(policy: EgressPolicy, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
    let found = found.map_err(|error| format!("the host {host} cannot be resolved: {error}"))?;
    let allowed: Vec<SocketAddr> = found.filter(|address| policy.allows(address.ip())).collect();
    if allowed.is_empty() {
        return Err(denial(host));
    }
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_allowed_addresses_of_a_host_are_returned() {
        let denied = resolve_host(EgressPolicy::DenyMetadata, "169.254.169.254", 25).await;
        assert!(denied.unwrap_err().contains("must not be reached"));
        let denied = resolve_host(EgressPolicy::PublicOnly, "localhost", 25).await;
        assert!(denied.unwrap_err().contains("localhost"));
        let allowed = resolve_host(EgressPolicy::DenyMetadata, "[::1]", 25).await;
        assert_eq!(allowed.unwrap(), ["[::1]:25".parse::<SocketAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn an_unknown_host_is_named() {
        let error = resolve_host(EgressPolicy::DenyMetadata, "no-such-host.invalid", 25)
            .await
            .unwrap_err();
        assert!(
            error.starts_with("the host no-such-host.invalid cannot be resolved"),
            "{error}"
        );
    }
}
