//! Hands an e-mail to a mail server: within a deadline, to allowed addresses, and to each recipient by itself, so that
//! one that is refused keeps no other from getting it.

use std::error::Error as _;

use egress::{EgressPolicy, resolve_host};
use engine::connection::smtp::{SmtpFields, SmtpSecurity};
use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use ports::ANSWER_TIMEOUT;
use primitives::error_chain::with_causes;
use tokio::time::timeout;

use crate::email::Mail;

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MailFailure {
    /// A later try may succeed.
    Transient(String),
    /// No later try can succeed.
    Permanent(String),
}

/// The recipients that the server did not take; all others have the e-mail.
pub(crate) type RefusedRecipients = Vec<(Mailbox, MailFailure)>;

/// Sends an e-mail.
pub(crate) async fn send_mail(
    server: &SmtpFields,
    egress: EgressPolicy,
    mail: &Mail,
) -> Result<RefusedRecipients, MailFailure> {
    let sent = timeout(ANSWER_TIMEOUT, exchange(server, egress, mail)).await;
    sent.unwrap_or_else(|_| {
        let seconds = ANSWER_TIMEOUT.as_secs();
        Err(MailFailure::Transient(format!(
            "the mail server did not answer within {seconds} s"
        )))
    })
}

async fn exchange(
    server: &SmtpFields,
    egress: EgressPolicy,
    mail: &Mail,
) -> Result<RefusedRecipients, MailFailure> {
    let mut connection = connect(server, egress).await?;
    if let (Some(user), Some(password)) = (&server.user, &server.password) {
        let credentials = Credentials::new(user.clone(), password.clone());
        let login = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        login.map_err(|error| explain("the login failed", &error))?;
    }
    let from = MailCommand::new(Some(mail.from.email.clone()), Vec::new());
    let begun = connection.command(from).await;
    begun.map_err(|error| explain("the server refuses the sender", &error))?;
    let mut refused = Vec::new();
    for recipient in &mail.recipients {
        let asked = connection
            .command(Rcpt::new(recipient.email.clone(), Vec::new()))
            .await;
        match asked {
            Ok(_) => {}
            Err(error) if error.status().is_some() => {
                refused.push((recipient.clone(), explain("the server refuses it", &error)));
            }
            Err(error) => return Err(explain("the server failed", &error)),
        }
    }
    if refused.len() < mail.recipients.len() {
        let sent = send_content(&mut connection, &mail.content).await;
        sent.map_err(|error| explain("the server refuses the message", &error))?;
    }
    // The message is taken: how the connection ends does not matter.
    connection.quit().await.ok();
    Ok(refused)
}

async fn send_content(connection: &mut AsyncSmtpConnection, content: &[u8]) -> Result<(), SmtpError> {
    connection.command(Data).await?;
    connection.message(content).await?;
    Ok(())
}

async fn connect(server: &SmtpFields, egress: EgressPolicy) -> Result<AsyncSmtpConnection, MailFailure> {
    let addresses = resolve_host(egress, &server.host, server.port).await;
    let addresses = addresses.map_err(MailFailure::Transient)?;
    let hello = ClientId::default();
    let wrapper = match server.security {
        SmtpSecurity::Tls => Some(tls_parameters(server)?),
        SmtpSecurity::None | SmtpSecurity::Starttls => None,
    };
    let connected =
        AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), None, &hello, wrapper, None).await;
    let mut connection = connected.map_err(|error| explain("cannot connect to the mail server", &error))?;
    if server.security == SmtpSecurity::Starttls {
        if !connection.can_starttls() {
            let error = "the server offers no STARTTLS; set `security` of the connection to tls or none";
            return Err(MailFailure::Permanent(error.to_owned()));
        }
        let upgraded = connection.starttls(tls_parameters(server)?, &hello).await;
        upgraded.map_err(|error| explain("STARTTLS failed", &error))?;
    }
    Ok(connection)
}

fn tls_parameters(server: &SmtpFields) -> Result<TlsParameters, MailFailure> {
    let wrong =
        |error: SmtpError| MailFailure::Permanent(format!("TLS cannot be used: {}", with_causes(&error)));
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(ca) = &server.ca {
        builder = builder.add_root_certificate(Certificate::from_pem(ca.as_bytes()).map_err(wrong)?);
    }
    builder.build_rustls().map_err(wrong)
}

/// A reply that begins with 5 is final; all else may be another one next time.
fn explain(what: &str, error: &SmtpError) -> MailFailure {
    let code = error.status().map(|code| format!("{code}: ")).unwrap_or_default();
    let why = match error.source() {
        Some(source) => source.to_string(),
        None => with_causes(error),
    };
    let text = format!(
        "{what}: {code}{}",
        why.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    if error.is_permanent() {
        MailFailure::Permanent(text)
    } else {
        MailFailure::Transient(text)
    }
}

#[cfg(test)]
mod tests;
