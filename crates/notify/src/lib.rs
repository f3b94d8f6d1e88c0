//! Sends alerts to channels: what each type sends, by HTTP and by e-mail.
//!
//! A channel is looked up at each try, so that a change counts at once. No error holds a secret of its channel.

mod answer;
mod delivered_parts;
mod email;
mod http_client;
mod message_text;
mod presets;
mod request;
mod secret_address;
mod sender;
mod signature;
mod smtp_client;
mod webhook;

#[cfg(test)]
mod samples;

pub use sender::ChannelSender;
