//! Logs in to MySQL, and to what speaks its protocol.

use egress::EgressPolicy;
use engine::connection::postgresql::DatabaseFields;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Error};

use crate::dial::dial;
use crate::failure::explain_identity;
use crate::socket_forwarder::SocketForwarder;

/// Numbers of errors: the user or password is wrong, the user may not use the database, the database does not exist.
const WRONG_PASSWORD: u16 = 1045;
const NO_ACCESS: u16 = 1044;
const NO_DATABASE: u16 = 1049;

/// Connects and logs in; returns what answered, or what failed.
pub(crate) async fn log_in(policy: EgressPolicy, fields: &DatabaseFields) -> Result<String, String> {
    let stream = dial(policy, &fields.host, fields.port).await?;
    let socket = SocketForwarder::offer(stream, "mysql.sock");
    let socket = socket.map_err(|error| format!("this worker cannot connect: {error}"))?;
    let options = connect_options(fields).socket(socket.file());
    let mut connection = options.connect().await.map_err(|error| explain(&error, fields))?;
    connection.ping().await.map_err(|error| explain(&error, fields))?;
    connection.close().await.ok();
    Ok(format!(
        "logged in to the database {} as {}",
        fields.database, fields.user
    ))
}

fn connect_options(fields: &DatabaseFields) -> MySqlConnectOptions {
    let option = |name: &str| fields.options.get(name).and_then(|value| value.as_str());
    // The servers of other vendors do not know every mode of MySQL: the session keeps that of its server.
    let mut options = MySqlConnectOptions::new()
        .host(&fields.host)
        .port(fields.port)
        .database(&fields.database)
        .username(&fields.user)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(option("timezone").map(str::to_owned))
        .ssl_mode(if fields.tls {
            MySqlSslMode::VerifyIdentity
        } else {
            MySqlSslMode::Disabled
        });
    if let Some(charset) = option("charset") {
        options = options.charset(charset);
    }
    if let Some(collation) = option("collation") {
        options = options.collation(collation);
    }
    if let Some(password) = &fields.password {
        options = options.password(password);
    }
    if let Some(ca) = &fields.ca {
        options = options.ssl_ca_from_pem(ca.clone().into_bytes());
    }
    options
}

fn explain(error: &Error, fields: &DatabaseFields) -> String {
    match error {
        Error::Database(refusal) => {
            let number = refusal
                .try_downcast_ref::<MySqlDatabaseError>()
                .map(MySqlDatabaseError::number);
            match number {
                Some(WRONG_PASSWORD) => format!("the user {} or the password is wrong", fields.user),
                Some(NO_ACCESS) => format!("{} may not use the database {}", fields.user, fields.database),
                Some(NO_DATABASE) => format!("there is no database {}", fields.database),
                _ => format!("the server refuses: {}", refusal.message()),
            }
        }
        Error::Tls(why) => {
            explain_identity(error, &fields.host).unwrap_or_else(|| format!("TLS failed: {why}"))
        }
        // A certificate that is refused arrives as one, too.
        Error::Io(_) => explain_identity(error, &fields.host)
            .unwrap_or_else(|| "the other side closed the connection; is it a MySQL server?".to_owned()),
        // The one setting that this build lacks: the encryption of a password without TLS.
        Error::Configuration(_) => {
            "the server wants the password itself, which is sent over TLS only; set `tls` to true".to_owned()
        }
        Error::Protocol(_) => "the other side does not speak the protocol of MySQL".to_owned(),
        other => other.to_string(),
    }
}
