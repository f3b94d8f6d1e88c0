//! The sender: finds a channel, makes what its type sends, and sends it once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connectors::MailFailure;
use egress::EgressPolicy;
use engine::channel::email::EmailFields;
use engine::connection::smtp::SmtpFields;
use engine::ids::DeliveryId;
use futures_util::future::join_all;
use ports::clock::Clock;
use ports::{ANSWER_TIMEOUT, AlertMessage, AlertSender, ChannelName, SendOutcome};
use ports::{ChannelGap, ChannelSource, ResolvedChannel};
use secrets::mask_values;
use tokio::time::timeout;

use crate::delivered_parts::{DeliveredParts, PartEnd};
use crate::email::make_mail;
use crate::http_client::HttpClient;
use crate::presets::{make_requests, read_fields};
use crate::request::ChannelRequest;
use crate::secret_address::address_parts;
use crate::smtp_client::send_mail;

/// Sends messages to channels.
pub struct ChannelSender {
    source: Arc<dyn ChannelSource>,
    http: HttpClient,
    egress: EgressPolicy,
    clock: Clock,
    parts: DeliveredParts,
}

impl ChannelSender {
    /// Makes a sender to the channels of this source; the error is a sentence that says why it cannot be made.
    ///
    /// # Errors
    /// The machine has no certificates, for example.
    pub fn new(source: Arc<dyn ChannelSource>, egress: EgressPolicy, clock: Clock) -> Result<Self, String> {
        Ok(Self {
            source,
            http: HttpClient::new(egress)?,
            egress,
            clock,
            parts: DeliveredParts::default(),
        })
    }

    async fn deliver_to(&self, name: &ChannelName, message: &AlertMessage) -> SendOutcome {
        match self.source.resolve_channel(name).await {
            Ok(channel) if channel.channel_type == "group" => self.deliver_to_group(&channel, message).await,
            Ok(channel) => self.deliver_to_channel(name, &channel, message).await,
            Err(gap) => outcome_of_gap(gap),
        }
    }

    /// Sends to each member that has no end yet.
    async fn deliver_to_group(&self, group: &ResolvedChannel, message: &AlertMessage) -> SendOutcome {
        let settled = self.parts.settled(message.delivery);
        let open = group
            .members
            .iter()
            .filter(|member| !settled.contains_key(&member.name));
        let tries =
            open.map(async |member| (member.name.clone(), self.deliver_to_member(member, message).await));
        // Those of the members themselves; those of recipients have two lines.
        let mut ends: BTreeMap<String, PartEnd> = settled.clone();
        ends.retain(|part, _| !part.contains('\n'));
        let mut failure = PartFailures::default();
        for (member, outcome) in join_all(tries).await {
            match outcome {
                SendOutcome::Delivered => {
                    ends.insert(member, None);
                }
                SendOutcome::Refused { error } => {
                    let error = format!("`{member}`: {error}");
                    ends.insert(member, Some(error));
                }
                SendOutcome::Failed { error, retry_after } => {
                    failure.add(format!("`{member}`: {error}"), retry_after);
                }
            }
        }
        self.settle_parts(message, ends, failure)
    }

    async fn deliver_to_member(&self, member: &ChannelName, message: &AlertMessage) -> SendOutcome {
        match self.source.resolve_channel(member).await {
            Ok(channel) if channel.channel_type == "group" => SendOutcome::Refused {
                error: "it is a group itself, which a group cannot have".to_owned(),
            },
            Ok(channel) => self.deliver_to_channel(member, &channel, message).await,
            Err(gap) => outcome_of_gap(gap),
        }
    }

    async fn deliver_to_channel(
        &self,
        name: &ChannelName,
        channel: &ResolvedChannel,
        message: &AlertMessage,
    ) -> SendOutcome {
        let begun = Instant::now();
        let outcome = if channel.channel_type == "email" {
            self.send_email(name, channel, message).await
        } else {
            match make_requests(channel, message, self.clock.now()) {
                Some(Ok(requests)) => self.send_requests(requests, message).await,
                Some(Err(error)) => SendOutcome::Refused { error },
                None => SendOutcome::Refused {
                    error: format!(
                        "this version knows no channels of type `{}`",
                        channel.channel_type
                    ),
                },
            }
        };
        metrics::histogram!("porpoise_channel_send_seconds", "type" => channel.channel_type.clone())
            .record(begun.elapsed().as_secs_f64());
        without_secrets(outcome, channel)
    }

    /// Sends requests one after the other, all within the time of one answer.
    async fn send_requests(&self, requests: Vec<ChannelRequest>, message: &AlertMessage) -> SendOutcome {
        let sent = timeout(ANSWER_TIMEOUT, self.send_each(requests, message.delivery)).await;
        sent.unwrap_or_else(|_| SendOutcome::Failed {
            error: format!(
                "the receiver did not answer within {} s",
                ANSWER_TIMEOUT.as_secs()
            ),
            retry_after: None,
        })
    }

    async fn send_each(&self, requests: Vec<ChannelRequest>, delivery: DeliveryId) -> SendOutcome {
        for request in requests {
            let outcome = self.http.send(request, delivery).await;
            if outcome != SendOutcome::Delivered {
                return outcome;
            }
        }
        SendOutcome::Delivered
    }

    async fn send_email(
        &self,
        name: &ChannelName,
        channel: &ResolvedChannel,
        message: &AlertMessage,
    ) -> SendOutcome {
        let (mut mail, server) = match prepare_email(channel, message) {
            Ok(prepared) => prepared,
            Err(error) => return SendOutcome::Refused { error },
        };
        let part = |address: &str| format!("{}\n{address}", name.name);
        let settled = self.parts.settled(message.delivery);
        mail.recipients
            .retain(|mailbox| !settled.contains_key(&part(mailbox.email.as_ref())));
        let refused = match send_mail(&server, self.egress, &mail).await {
            Ok(refused) => refused,
            Err(MailFailure::Permanent(error)) => return SendOutcome::Refused { error },
            Err(MailFailure::Transient(error)) => {
                return SendOutcome::Failed {
                    error,
                    retry_after: None,
                };
            }
        };
        let mut ends: BTreeMap<String, PartEnd> = settled
            .into_iter()
            .filter(|(known, _)| known.starts_with(&part("")))
            .collect();
        ends.extend(
            mail.recipients
                .iter()
                .map(|mailbox| (part(mailbox.email.as_ref()), None)),
        );
        let mut failure = PartFailures::default();
        for (mailbox, why) in refused {
            let address: &str = mailbox.email.as_ref();
            match why {
                MailFailure::Permanent(error) => {
                    ends.insert(part(address), Some(format!("{address}: {error}")));
                }
                MailFailure::Transient(error) => {
                    ends.remove(&part(address));
                    failure.add(format!("{address}: {error}"), None);
                }
            }
        }
        self.settle_parts(message, ends, failure)
    }

    /// Decides about the whole message: parts that failed are tried again, without those that have an end.
    fn settle_parts(
        &self,
        message: &AlertMessage,
        ends: BTreeMap<String, PartEnd>,
        failure: PartFailures,
    ) -> SendOutcome {
        if !failure.errors.is_empty() {
            self.parts.settle(message.delivery, ends);
            return SendOutcome::Failed {
                error: failure.errors.join("; "),
                retry_after: failure.retry_after,
            };
        }
        let refused: Vec<String> = ends.into_values().flatten().collect();
        if refused.is_empty() {
            SendOutcome::Delivered
        } else {
            SendOutcome::Refused {
                error: refused.join("; "),
            }
        }
    }
}

/// The parts of a message that are tried again.
#[derive(Debug, Default)]
struct PartFailures {
    errors: Vec<String>,
    retry_after: Option<Duration>,
}

impl PartFailures {
    fn add(&mut self, error: String, retry_after: Option<Duration>) {
        self.errors.push(error);
        self.retry_after = self.retry_after.max(retry_after);
    }
}

#[async_trait]
impl AlertSender for ChannelSender {
    async fn deliver(&self, channel: &ChannelName, message: &AlertMessage) -> SendOutcome {
        let outcome = self.deliver_to(channel, message).await;
        if !matches!(outcome, SendOutcome::Failed { .. }) {
            self.parts.forget(message.delivery);
        }
        outcome
    }
}

impl fmt::Debug for ChannelSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelSender").finish_non_exhaustive()
    }
}

fn prepare_email(
    channel: &ResolvedChannel,
    message: &AlertMessage,
) -> Result<(crate::email::Mail, SmtpFields), String> {
    let fields: EmailFields = read_fields(channel)?;
    let missing = || format!("the connection `{}` is missing", fields.connection);
    let connection = channel.connection.as_ref().ok_or_else(missing)?;
    let server: SmtpFields = connection.read_fields().map_err(|error| error.to_string())?;
    let mail = make_mail(&fields, &server.from, message)?;
    Ok((mail, server))
}

fn outcome_of_gap(gap: ChannelGap) -> SendOutcome {
    match gap {
        ChannelGap::Missing(error) => SendOutcome::Refused { error },
        ChannelGap::Unavailable(error) => SendOutcome::Failed {
            error,
            retry_after: None,
        },
    }
}

/// Masks the secrets of a channel and of its connection, which a receiver may repeat, in an error.
fn without_secrets(outcome: SendOutcome, channel: &ResolvedChannel) -> SendOutcome {
    let hide = |error: String| {
        let connection = channel
            .connection
            .iter()
            .flat_map(|connection| &connection.secrets);
        let secrets: Vec<&String> = channel.secrets.iter().chain(connection).collect();
        let parts: Vec<String> = secrets.iter().flat_map(|secret| address_parts(secret)).collect();
        mask_values(&error, secrets.into_iter().chain(&parts).map(String::as_str))
    };
    match outcome {
        SendOutcome::Delivered => SendOutcome::Delivered,
        SendOutcome::Refused { error } => SendOutcome::Refused { error: hide(error) },
        SendOutcome::Failed { error, retry_after } => SendOutcome::Failed {
            error: hide(error),
            retry_after,
        },
    }
}

#[cfg(test)]
mod tests;
