//! Logs in to a mail server.

use std::error::Error as _;

use egress::{EgressPolicy, resolve_host};
use engine::connection::smtp::{SmtpFields, SmtpSecurity};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

/// Connects and logs in; returns what answered, or what failed.
pub(crate) async fn log_in(policy: EgressPolicy, fields: &SmtpFields) -> Result<String, String> {
    let mut connection = connect(policy, fields).await?;
    let detail = match (&fields.user, &fields.password) {
        (Some(user), Some(password)) => {
            let credentials = Credentials::new(user.clone(), password.clone());
            let login = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            login.map_err(|error| explain("the login failed", &error))?;
            format!("{} accepts {user}", fields.host)
        }
        (Some(_), None) => return Err("the connection has a `user` and no `password`".to_owned()),
        (None, _) => format!("{} answers", fields.host),
    };
    connection.quit().await.ok();
    Ok(detail)
}

async fn connect(policy: EgressPolicy, fields: &SmtpFields) -> Result<AsyncSmtpConnection, String> {
    let addresses = resolve_host(policy, &fields.host, fields.port).await?;
    let hello = ClientId::default();
    let wrapper = match fields.security {
        SmtpSecurity::Tls => Some(tls_parameters(fields)?),
        SmtpSecurity::None | SmtpSecurity::Starttls => None,
    };
    let connected =
        AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), None, &hello, wrapper, None).await;
    let mut connection = connected.map_err(|error| explain("the mail server cannot be reached", &error))?;
    if fields.security == SmtpSecurity::Starttls {
        if !connection.can_starttls() {
            let refusal = "the server offers no STARTTLS; set `security` to tls, or to none where nothing secret is sent";
            return Err(refusal.to_owned());
        }
        let upgraded = connection.starttls(tls_parameters(fields)?, &hello).await;
        upgraded.map_err(|error| explain("STARTTLS failed", &error))?;
    }
    Ok(connection)
}

fn tls_parameters(fields: &SmtpFields) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(fields.host.clone());
    if let Some(ca) = &fields.ca {
        let ca = Certificate::from_pem(ca.as_bytes());
        builder = builder.add_root_certificate(ca.map_err(|error| explain("`ca` cannot be read", &error))?);
    }
    builder
        .build_rustls()
        .map_err(|error| explain("TLS cannot be used", &error))
}

fn explain(what: &str, error: &Error) -> String {
    let code = error.status().map(|code| format!("{code}: ")).unwrap_or_default();
    let why = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    format!(
        "{what}: {code}{}",
        why.split_whitespace().collect::<Vec<_>>().join(" ")
    )
}
