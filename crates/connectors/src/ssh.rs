//! Logs in to a host by SSH.

mod host_keys;

use std::sync::{Arc, Mutex, PoisonError};

use egress::EgressPolicy;
use engine::connection::ssh::SshFields;
use russh::client::{self, AuthResult, Config, Handle, Handler};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{Disconnect, Error};

use self::host_keys::{HostKeys, KeyVerdict};
use crate::dial::dial;

/// What a contact with a host found.
pub(crate) struct SshContact {
    /// Who is logged in where, or what failed.
    pub(crate) login: Result<String, String>,
    /// The key that was accepted at this first contact, as a line of known_hosts.
    pub(crate) accepted_key: Option<String>,
}

/// Checks the key of the host, and keeps what it found.
struct HostKeyCheck {
    known: HostKeys,
    verdict: Arc<Mutex<Option<KeyVerdict>>>,
}

impl Handler for HostKeyCheck {
    type Error = Error;

    async fn check_server_key(&mut self, presented: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let verdict = self.known.judge(&presented.public_key());
        let is_trusted = verdict.is_trusted();
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        Ok(is_trusted)
    }
}

/// Connects and logs in. A key that was accepted is reported even when the login fails: the contact was made.
pub(crate) async fn log_in(policy: EgressPolicy, fields: &SshFields) -> SshContact {
    let verdict = Arc::new(Mutex::new(None));
    let login = open_session(policy, fields, &verdict).await;
    let verdict = verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
    SshContact {
        login,
        accepted_key: verdict.and_then(KeyVerdict::into_accepted_line),
    }
}

async fn open_session(
    policy: EgressPolicy,
    fields: &SshFields,
    verdict: &Arc<Mutex<Option<KeyVerdict>>>,
) -> Result<String, String> {
    let known = HostKeys::read(fields)?;
    let mut config = Config::default();
    if let Some(algorithms) = known.algorithms() {
        config.preferred.key = algorithms.into();
    }
    let check = HostKeyCheck {
        known,
        verdict: Arc::clone(verdict),
    };
    let stream = dial(policy, &fields.host, fields.port).await?;
    let session = client::connect_stream(Arc::new(config), stream, check).await;
    let mut session = session.map_err(|error| {
        let verdict = verdict.lock().unwrap_or_else(PoisonError::into_inner);
        explain(&error, verdict.as_ref(), fields)
    })?;
    authenticate(&mut session, fields).await?;
    session.disconnect(Disconnect::ByApplication, "", "en").await.ok();
    Ok(format!("logged in to {} as {}", fields.host, fields.user))
}

/// Logs in by the key, or by the password where there is no key.
async fn authenticate(session: &mut Handle<HostKeyCheck>, fields: &SshFields) -> Result<(), String> {
    let user = fields.user.clone();
    let (result, what) = if let Some(key) = &fields.private_key {
        // The error may repeat a part of the key.
        let key = decode_secret_key(key, None).map_err(|_| {
            "`private_key` cannot be read: it is an ed25519 or ecdsa key in the format of OpenSSH or PKCS #8, \
             without a passphrase"
        })?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        (session.authenticate_publickey(user, key).await, "key")
    } else if let Some(password) = &fields.password {
        (
            session.authenticate_password(user, password.clone()).await,
            "password",
        )
    } else {
        return Err("the connection has neither `private_key` nor `password`".to_owned());
    };
    match result {
        Ok(AuthResult::Success) => Ok(()),
        Ok(AuthResult::Failure { .. }) => Err(format!(
            "{} does not accept the {what} of {}",
            fields.host, fields.user
        )),
        Err(error) => Err(format!("the login failed: {error}")),
    }
}

fn explain(error: &Error, verdict: Option<&KeyVerdict>, fields: &SshFields) -> String {
    let refused = verdict.and_then(|verdict| verdict.refusal(&fields.host));
    match (refused, error) {
        (Some(refusal), _) => refusal,
        (None, Error::Version) => format!("port {} of {} does not speak SSH", fields.port, fields.host),
        (None, Error::NoCommonAlgo { .. }) => {
            format!(
                "{} has no key of a kind that `known_hosts` lists, or no common algorithm",
                fields.host
            )
        }
        (None, Error::Disconnect | Error::HUP | Error::IO(_)) => {
            format!("{} closed the connection; does it speak SSH?", fields.host)
        }
        (None, error) => format!("SSH failed: {error}"),
    }
}
