//! Sessions with mail servers.

use std::error::Error as _;

use egress::{EgressPolicy, resolve_host};
use engine::connection::smtp::{SmtpFields, SmtpSecurity};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use primitives::error_chain::with_causes;

use crate::dial::CONNECT_TIMEOUT;
use crate::failure::explain_contact;

/// Why a mail server did not do what it was asked; the text says it in words, and without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailFailure {
    /// A later try may succeed.
    Transient(String),
    /// No later try can succeed.
    Permanent(String),
}

impl MailFailure {
    /// Says what failed. A reply that begins with 5 is final; all else may be another one next time.
    pub fn of_reply(what: &str, error: &Error) -> Self {
        let code = error.status().map(|code| format!("{code}: ")).unwrap_or_default();
        let why = match error.source() {
            Some(source) => source.to_string(),
            None => with_causes(error),
        };
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = format!("{what}: {code}{why}");
        if error.is_permanent() {
            Self::Permanent(text)
        } else {
            Self::Transient(text)
        }
    }

    /// Returns the text.
    pub fn into_text(self) -> String {
        match self {
            Self::Transient(text) | Self::Permanent(text) => text,
        }
    }
}

/// Connects and logs in; returns what answered, or what failed.
pub(crate) async fn log_in(policy: EgressPolicy, fields: &SmtpFields) -> Result<String, String> {
    let session = open_mail_session(policy, fields).await;
    let mut session = session.map_err(MailFailure::into_text)?;
    session.quit().await.ok();
    Ok(match &fields.user {
        Some(user) => format!("{} accepts {user}", fields.host),
        None => format!("{} answers", fields.host),
    })
}

/// Connects to a mail server, and logs in where there is a user.
///
/// # Errors
/// The server cannot be reached, or refuses the login or TLS; a login without a password is final.
pub async fn open_mail_session(
    policy: EgressPolicy,
    fields: &SmtpFields,
) -> Result<AsyncSmtpConnection, MailFailure> {
    let mut session = connect(policy, fields).await?;
    match (&fields.user, &fields.password) {
        (Some(user), Some(password)) => {
            let credentials = Credentials::new(user.clone(), password.clone());
            let login = session.auth(DEFAULT_MECHANISMS, &credentials).await;
            login.map_err(|error| MailFailure::of_reply("the login failed", &error))?;
        }
        (Some(_), None) => {
            let missing = "the connection has a `user` and no `password`";
            return Err(MailFailure::Permanent(missing.to_owned()));
        }
        (None, _) => {}
    }
    Ok(session)
}

async fn connect(policy: EgressPolicy, fields: &SmtpFields) -> Result<AsyncSmtpConnection, MailFailure> {
    let addresses = resolve_host(policy, &fields.host, fields.port).await;
    let addresses = addresses.map_err(MailFailure::Transient)?;
    let hello = ClientId::default();
    let wrapper = match fields.security {
        SmtpSecurity::Tls => Some(tls_parameters(fields)?),
        SmtpSecurity::None | SmtpSecurity::Starttls => None,
    };
    let addresses = addresses.as_slice();
    let connected =
        AsyncSmtpConnection::connect_tokio1(addresses, Some(CONNECT_TIMEOUT), &hello, wrapper, None).await;
    let failed = |what: &str, error: &Error| match explain_contact(error, &fields.host, fields.port) {
        Some(words) => MailFailure::Transient(words),
        None => MailFailure::of_reply(what, error),
    };
    let mut session = connected.map_err(|error| failed("the mail server cannot be reached", &error))?;
    if fields.security == SmtpSecurity::Starttls {
        if !session.can_starttls() {
            let refusal = "the server offers no STARTTLS; set `security` to tls, or to none where nothing secret is sent";
            return Err(MailFailure::Permanent(refusal.to_owned()));
        }
        let upgraded = session.starttls(tls_parameters(fields)?, &hello).await;
        upgraded.map_err(|error| failed("STARTTLS failed", &error))?;
    }
    Ok(session)
}

fn tls_parameters(fields: &SmtpFields) -> Result<TlsParameters, MailFailure> {
    let unusable =
        |what: &str, error: &Error| MailFailure::Permanent(format!("{what}: {}", with_causes(error)));
    let mut builder = TlsParameters::builder(fields.host.clone());
    if let Some(ca) = &fields.ca {
        let ca = Certificate::from_pem(ca.as_bytes());
        builder = builder.add_root_certificate(ca.map_err(|error| unusable("`ca` cannot be read", &error))?);
    }
    builder
        .build_rustls()
        .map_err(|error| unusable("TLS cannot be used", &error))
}
