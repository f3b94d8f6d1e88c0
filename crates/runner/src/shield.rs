//! Which addresses http tasks may reach; asked after the name was resolved, and again at every redirect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Url, redirect};

/// Redirects are followed so many times.
const REDIRECTS: usize = 10;

/// Addresses at which clouds tell machines their secrets, beside the link-local ones.
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

/// How far http tasks may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everything but link-local and metadata addresses: users call their own services.
    NotMetadata,
    /// Only public addresses: also no loopback and no private ranges.
    Public,
}

impl Reach {
    /// Whether a task may connect to this address.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = plain(address);
        if is_link_local(address) || METADATA.contains(&address) {
            return false;
        }
        self == Self::NotMetadata || is_public(address)
    }

    /// Refuses a URL whose host is an address that is out of reach; names are judged when they are resolved.
    ///
    /// # Errors
    /// In words.
    pub fn check(self, url: &Url) -> Result<(), String> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(format!("`{}` is no scheme for an http task", url.scheme()));
        }
        let host = url.host_str().ok_or("the URL has no host")?;
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) if !self.allows(address) => Err(denied(host)),
            _ => Ok(()),
        }
    }

    /// Follows redirects to where a task may go.
    pub(super) fn redirects(self) -> redirect::Policy {
        redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                return attempt.error("too many redirects");
            }
            match self.check(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(reason) => attempt.error(reason),
            }
        })
    }
}

/// An IPv4 address in the clothes of an IPv6 one is judged as what it is.
fn plain(address: IpAddr) -> IpAddr {
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

fn denied(host: &str) -> String {
    format!("{host} is an address that http tasks must not reach")
}

/// Resolves names and leaves out what is out of reach; the connection then goes to what was judged.
pub(super) struct Resolver(pub(super) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self(reach) = *self;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| reach.allows(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(denied(&host).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
