//! The rule itself: link-local addresses and metadata services are never reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::{Url, redirect};

/// Most redirects that one request follows.
const MAX_REDIRECTS: usize = 10;

/// Addresses of the metadata services of clouds that are not link-local.
const METADATA_SERVICES: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

/// Which addresses a connection may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressPolicy {
    /// All but link-local addresses and metadata services: users call their own services.
    DenyMetadata,
    /// Only public addresses: no loopback and no private ranges.
    PublicOnly,
}

impl EgressPolicy {
    /// Returns whether a connection may go to this address.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = unwrap_ipv4(address);
        if is_link_local(address) || METADATA_SERVICES.contains(&address) {
            return false;
        }
        self == Self::DenyMetadata || is_public(address)
    }

    /// Rejects a URL whose host is a denied address; a name is checked when it is resolved.
    ///
    /// # Errors
    /// A sentence for the user; trying again does not help.
    pub fn check_url(self, url: &Url) -> Result<(), String> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(format!(
                "`{}` is not a scheme of HTTP: a URL begins with http:// or https://",
                url.scheme()
            ));
        }
        let host = url.host_str().ok_or("the URL has no host")?;
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) if !self.allows(address) => Err(denial(host)),
            _ => Ok(()),
        }
    }

    /// Returns the policy that follows redirects to allowed addresses only.
    pub fn redirect_policy(self) -> redirect::Policy {
        redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_REDIRECTS {
                return attempt.error("too many redirects");
            }
            match self.check_url(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(reason) => attempt.error(reason),
            }
        })
    }
}

/// Returns the IPv4 address inside a mapped, compatible or NAT64 IPv6 address, else the address itself.
fn unwrap_ipv4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let segments = v6.segments();
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = v6.octets();
        return Ipv4Addr::new(a, b, c, d).into();
    }
    if v6.is_loopback() || v6.is_unspecified() {
        return address;
    }
    v6.to_ipv4().map_or(address, IpAddr::V4)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (v4.octets()[1] & 0xc0) == 64;
            !(v4.is_loopback() || v4.is_private() || v4.is_unspecified() || v4.is_broadcast() || shared)
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local()),
    }
}

/// Says that a host is none to connect to.
pub(crate) fn denial(host: &str) -> String {
    format!("{host} is a link-local, metadata or private address that must not be reached")
}

#[cfg(test)]
mod tests;
