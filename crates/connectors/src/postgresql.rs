//! Logs in to PostgreSQL, and to what speaks its protocol.

use egress::EgressPolicy;
use engine::connection::postgresql::DatabaseFields;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Error};

use crate::dial::dial;
use crate::failure::explain_identity;
use crate::socket_forwarder::SocketForwarder;

/// What the server shows as the client, unless the connection says otherwise.
const APPLICATION: &str = "porpoise";

/// SQLSTATE of a user or password that is wrong, of one that may not log in, of a database that does not exist.
const WRONG_PASSWORD: &str = "28P01";
const NO_LOGIN: &str = "28000";
const NO_DATABASE: &str = "3D000";

/// Connects and logs in; returns what answered, or what failed.
pub(crate) async fn log_in(policy: EgressPolicy, fields: &DatabaseFields) -> Result<String, String> {
    let stream = dial(policy, &fields.host, fields.port).await?;
    let socket = SocketForwarder::offer(stream, &format!(".s.PGSQL.{}", fields.port));
    let socket = socket.map_err(|error| format!("this worker cannot connect: {error}"))?;
    let options = connect_options(fields).socket(socket.folder());
    let mut connection = options.connect().await.map_err(|error| explain(&error, fields))?;
    connection.ping().await.map_err(|error| explain(&error, fields))?;
    connection.close().await.ok();
    Ok(format!(
        "logged in to the database {} as {}",
        fields.database, fields.user
    ))
}

fn connect_options(fields: &DatabaseFields) -> PgConnectOptions {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (names, settings): (Vec<_>, Vec<_>) = fields
        .options
        .iter()
        .map(|(name, value)| (name, text(value)))
        .partition(|(name, _)| name.as_str() == "application_name");
    let application = names.first().map_or(APPLICATION, |(_, value)| value.as_str());
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&fields.host)
        .port(fields.port)
        .database(&fields.database)
        .username(&fields.user)
        .application_name(application)
        .ssl_mode(if fields.tls {
            PgSslMode::VerifyFull
        } else {
            PgSslMode::Disable
        });
    // Some poolers refuse the parameter, even when it is empty.
    if !settings.is_empty() {
        options = options.options(settings);
    }
    if let Some(password) = &fields.password {
        options = options.password(password);
    }
    if let Some(ca) = &fields.ca {
        options = options.ssl_root_cert_from_pem(ca.clone().into_bytes());
    }
    options
}

fn explain(error: &Error, fields: &DatabaseFields) -> String {
    match error {
        Error::Database(refusal) => match refusal.code().as_deref() {
            Some(WRONG_PASSWORD) => format!("the password of {} is wrong", fields.user),
            Some(NO_LOGIN) => format!("the user {} may not log in: {}", fields.user, refusal.message()),
            Some(NO_DATABASE) => format!("there is no database {}", fields.database),
            _ => format!("the server refuses: {}", refusal.message()),
        },
        Error::Tls(why) => {
            explain_identity(error, &fields.host).unwrap_or_else(|| format!("TLS failed: {why}"))
        }
        // A certificate that is refused arrives as one, too.
        Error::Io(_) => explain_identity(error, &fields.host)
            .unwrap_or_else(|| "the other side closed the connection; is it a PostgreSQL server?".to_owned()),
        Error::Protocol(_) => "the other side does not speak the protocol of PostgreSQL".to_owned(),
        other => other.to_string(),
    }
}
