//! Requests by an HTTP connection: its url, headers, certificates and authentication.

mod aliyun;
mod aws;
mod canonical;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use egress::{EgressPolicy, EgressResolver};
use engine::connection::http::{HttpAuth, HttpConnectionFields};
use primitives::error_chain::root_cause;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Request, Url, redirect};

/// The most redirects that one request follows.
const MAX_REDIRECTS: usize = 10;

/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a request cannot be sent by a connection. No word of it repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpConnectionError {
    /// The connection or the request is wrong; no repetition helps.
    #[error("{0}")]
    Unusable(String),
    /// A token could not be had; a repetition may help.
    #[error("{0}")]
    NoToken(String),
}

/// An HTTP connection that is ready for requests.
pub struct HttpConnection {
    client: Client,
    base: Url,
    headers: HeaderMap,
    auth: HttpAuth,
}

impl HttpConnection {
    /// Prepares a connection; its requests follow redirects within its own address only, or none.
    ///
    /// # Errors
    /// A field of the connection is wrong.
    pub fn open(
        fields: HttpConnectionFields,
        policy: EgressPolicy,
        redirects: Redirects,
    ) -> Result<Self, HttpConnectionError> {
        // An error means that the process has installed its provider before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let base = parse_base(&fields, policy)?;
        let redirects = match redirects {
            Redirects::WithinOrigin => within_origin(base.clone()),
            Redirects::None => redirect::Policy::none(),
        };
        let mut client = Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirects)
            .dns_resolver(Arc::new(EgressResolver::new(policy)))
            .user_agent(concat!("porpoise/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = &fields.ca {
            let certificates = Certificate::from_pem_bundle(ca.as_bytes());
            client = client.tls_certs_merge(certificates.map_err(|_| unusable("`ca` holds no certificate"))?);
        }
        let client = client.build().map_err(|error| unusable(root_cause(&error)))?;
        Ok(Self {
            client,
            headers: header_map(&fields)?,
            base,
            auth: fields.auth,
        })
    }

    /// Returns the client that sends its requests.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the address of a path, which begins with `/`, or of the base itself for an empty one.
    ///
    /// # Errors
    /// The path leads elsewhere.
    pub fn url(&self, path: &str) -> Result<Url, HttpConnectionError> {
        if path.is_empty() {
            return Ok(self.base.clone());
        }
        if !path.starts_with('/') {
            let message =
                "with a connection the url begins with `/`: it is put behind that of the connection";
            return Err(unusable(message));
        }
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url: Url = url
            .parse()
            .map_err(|error| unusable(format!("`{path}` is not the end of a url: {error}")))?;
        if is_same_origin(&url, &self.base) {
            Ok(url)
        } else {
            Err(unusable(format!("`{path}` leads away from the connection")))
        }
    }

    /// Adds the headers of the connection that the request has not, and proves who sends it.
    ///
    /// # Errors
    /// The request cannot be signed, or no token can be had.
    pub async fn authorize(
        &self,
        request: &mut Request,
        now: DateTime<Utc>,
    ) -> Result<(), HttpConnectionError> {
        for (name, value) in &self.headers {
            if !request.headers().contains_key(name) {
                request.headers_mut().insert(name.clone(), value.clone());
            }
        }
        match &self.auth {
            HttpAuth::None => Ok(()),
            HttpAuth::Basic { user, password } => {
                let pair = format!("{user}:{}", password.as_deref().unwrap_or_default());
                set_authorization(request, &format!("Basic {}", canonical::base64(pair.as_bytes())))
            }
            HttpAuth::Bearer { token } => set_authorization(request, &format!("Bearer {token}")),
            HttpAuth::Header { name, value } => {
                let name = HeaderName::try_from(name).map_err(|_| unusable("`name` is no header"))?;
                set_secret_header(request, name, value)
            }
            HttpAuth::Oauth2 { .. } | HttpAuth::Azure { .. } => {
                let token = tokens::fetch_token(&self.client, &self.auth).await?;
                set_authorization(request, &format!("Bearer {token}"))
            }
            HttpAuth::AwsSigv4 { .. } => aws::sign(request, &self.auth, now),
            HttpAuth::Aliyun { .. } => aliyun::sign(request, &self.auth, now, &canonical::nonce()),
        }
    }
}

/// Which redirects the requests of a connection follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Those to the scheme, host and port of the connection: its secrets go nowhere else.
    WithinOrigin,
    /// None: the redirect is the answer.
    None,
}

fn parse_base(fields: &HttpConnectionFields, policy: EgressPolicy) -> Result<Url, HttpConnectionError> {
    let base: Url = fields
        .url
        .parse()
        .map_err(|_| unusable("`url` of the connection is no url"))?;
    if fields.tls && base.scheme() != "https" {
        return Err(unusable(
            "`tls` of the connection is true, and its url does not begin with https://",
        ));
    }
    policy.check_url(&base).map_err(HttpConnectionError::Unusable)?;
    Ok(base)
}

fn header_map(fields: &HttpConnectionFields) -> Result<HeaderMap, HttpConnectionError> {
    let headers = fields.headers.iter().map(|(name, value)| {
        let wrong = || unusable(format!("the header `{name}` of the connection cannot be sent"));
        let key = HeaderName::try_from(name).map_err(|_| wrong())?;
        let value = HeaderValue::try_from(value.as_str().unwrap_or_default()).map_err(|_| wrong())?;
        Ok((key, value))
    });
    headers.collect()
}

fn within_origin(base: Url) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("too many redirects")
        } else if is_same_origin(attempt.url(), &base) {
            attempt.follow()
        } else {
            attempt.error("the service redirects to another address than that of the connection")
        }
    })
}

fn is_same_origin(url: &Url, base: &Url) -> bool {
    url.origin() == base.origin() && url.username().is_empty() && url.password().is_none()
}

fn set_authorization(request: &mut Request, value: &str) -> Result<(), HttpConnectionError> {
    set_secret_header(request, AUTHORIZATION, value)
}

fn set_secret_header(
    request: &mut Request,
    name: HeaderName,
    value: &str,
) -> Result<(), HttpConnectionError> {
    let value = HeaderValue::try_from(value);
    let mut value = value.map_err(|_| {
        unusable(format!(
            "the header `{name}` cannot hold the secret of the connection"
        ))
    })?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}

fn unusable(why: impl Into<String>) -> HttpConnectionError {
    HttpConnectionError::Unusable(why.into())
}

#[cfg(test)]
mod tests;
