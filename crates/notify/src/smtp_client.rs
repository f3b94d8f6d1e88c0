//! Hands an e-mail to a mail server: within a deadline, to allowed addresses, and to each recipient by itself, so that
//! one that is refused keeps no other from getting it.

use connectors::{MailFailure, open_mail_session};
use egress::EgressPolicy;
use engine::connection::smtp::SmtpFields;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Rcpt};
use ports::ANSWER_TIMEOUT;
use tokio::time::timeout;

use crate::email::Mail;

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
    let mut connection = open_mail_session(egress, server).await?;
    let from = MailCommand::new(Some(mail.from.email.clone()), Vec::new());
    let begun = connection.command(from).await;
    begun.map_err(|error| MailFailure::of_reply("the server refuses the sender", &error))?;
    let mut refused = Vec::new();
    for recipient in &mail.recipients {
        let asked = connection
            .command(Rcpt::new(recipient.email.clone(), Vec::new()))
            .await;
        match asked {
            Ok(_) => {}
            Err(error) if error.status().is_some() => {
                refused.push((
                    recipient.clone(),
                    MailFailure::of_reply("the server refuses it", &error),
                ));
            }
            Err(error) => return Err(MailFailure::of_reply("the server failed", &error)),
        }
    }
    if refused.len() < mail.recipients.len() {
        let sent = send_content(&mut connection, &mail.content).await;
        sent.map_err(|error| MailFailure::of_reply("the server refuses the message", &error))?;
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

#[cfg(test)]
mod tests;
