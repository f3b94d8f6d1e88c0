//! The type `http`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::common_fields::{CA, PASSWORD, USER};
use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, FieldVariant, Presence, ValueKind};

/// A service that is reached by HTTP.
pub const HTTP: ConnectorType = ConnectorType {
    name: "http",
    title: "HTTP",
    doc: "A service or a cloud that is reached by HTTP.",
    fields: &[
        Field {
            key: "url",
            kind: FieldKind::Value(ValueKind::ServiceUrl),
            presence: Presence::Required(
                "it is the base of relative urls, for example https://api.example.org/v1",
            ),
            doc: "The base of relative urls, without user, password and query.",
        },
        Field {
            key: "headers",
            kind: FieldKind::Value(ValueKind::Headers),
            presence: Presence::Optional,
            doc: "Headers of every request; those of a task go before them.",
        },
        Field {
            key: "tls",
            kind: FieldKind::Value(ValueKind::Boolean),
            presence: Presence::Optional,
            doc: "true: only https is accepted. Certificates of https are checked in any case.",
        },
        CA,
        Field {
            key: "auth",
            kind: FieldKind::Variants(AUTH),
            presence: Presence::Optional,
            doc: "How requests prove who sends them.",
        },
    ],
};

const AUTH: &[FieldVariant] = &[
    FieldVariant {
        name: "none",
        fields: &[],
        doc: "Not at all.",
    },
    FieldVariant {
        name: "basic",
        fields: &[USER, PASSWORD],
        doc: "By a user and a password in every request.",
    },
    FieldVariant {
        name: "bearer",
        fields: &[secret("token", "it is sent with every request", "The token.")],
        doc: "By a token in every request.",
    },
    FieldVariant {
        name: "header",
        fields: &[
            Field {
                key: "name",
                kind: FieldKind::Value(ValueKind::HeaderName),
                presence: Presence::Required("it is the name of the header, for example X-Api-Key"),
                doc: "The name of the header.",
            },
            secret(
                "value",
                "it is the value of the header",
                "The value of the header.",
            ),
        ],
        doc: "By a header of that name.",
    },
    FieldVariant {
        name: "oauth2",
        fields: &[
            service_url(
                "token_url",
                "it is the address that gives tokens",
                "The address that gives tokens.",
            ),
            CLIENT_ID,
            CLIENT_SECRET,
            scope(Presence::Optional),
        ],
        doc: "By a token that the client credentials of OAuth 2 get.",
    },
    FieldVariant {
        name: "aws_sigv4",
        fields: &[
            line("access_key", "it is the id of the key", "The id of the key."),
            SECRET_KEY,
            Field {
                key: "session_token",
                kind: FieldKind::Value(ValueKind::Secret),
                presence: Presence::Optional,
                doc: "The token of temporary keys.",
            },
            line(
                "region",
                "it is the region of the service, for example eu-west-1",
                "The region of the service.",
            ),
            line(
                "service",
                "it is the name of the service, for example emr",
                "The name of the service.",
            ),
        ],
        doc: "By a signature of AWS, version 4.",
    },
    FieldVariant {
        name: "azure",
        fields: &[
            line(
                "tenant",
                "it is the id or the domain of the directory",
                "The id or the domain of the directory.",
            ),
            CLIENT_ID,
            CLIENT_SECRET,
            scope(Presence::Required(
                "it says what the token is for, for example https://management.azure.com/.default",
            )),
            Field {
                key: "authority",
                kind: FieldKind::Value(ValueKind::ServiceUrl),
                presence: Presence::Default("https://login.microsoftonline.com"),
                doc: "The address of the directory.",
            },
        ],
        doc: "By a token of Microsoft Entra ID.",
    },
    FieldVariant {
        name: "aliyun",
        fields: &[
            line("access_key", "it is the id of the key", "The id of the key."),
            SECRET_KEY,
        ],
        doc: "By a signature of Alibaba Cloud, ACS3-HMAC-SHA256.",
    },
];

const CLIENT_ID: Field = line(
    "client_id",
    "it is the id of the application",
    "The id of the application.",
);

const CLIENT_SECRET: Field = secret(
    "client_secret",
    "it is the secret of the application",
    "The secret of the application.",
);

const SECRET_KEY: Field = secret("secret_key", "it signs the requests", "The key that signs.");

const fn line(key: &'static str, hint: &'static str, doc: &'static str) -> Field {
    Field {
        key,
        kind: FieldKind::Value(ValueKind::Line),
        presence: Presence::Required(hint),
        doc,
    }
}

const fn secret(key: &'static str, hint: &'static str, doc: &'static str) -> Field {
    Field {
        key,
        kind: FieldKind::Value(ValueKind::Secret),
        presence: Presence::Required(hint),
        doc,
    }
}

const fn service_url(key: &'static str, hint: &'static str, doc: &'static str) -> Field {
    Field {
        key,
        kind: FieldKind::Value(ValueKind::ServiceUrl),
        presence: Presence::Required(hint),
        doc,
    }
}

const fn scope(presence: Presence) -> Field {
    Field {
        key: "scope",
        kind: FieldKind::Value(ValueKind::Line),
        presence,
        doc: "What the token is for.",
    }
}

/// Its fields. They hold secrets: they are never printed.
#[derive(Deserialize)]
pub struct HttpConnectionFields {
    /// The base of relative urls.
    pub url: String,
    /// Headers of every request.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// Whether only https is accepted.
    #[serde(default)]
    pub tls: bool,
    /// The authorities that may vouch for the service, in PEM.
    pub ca: Option<String>,
    /// How requests prove who sends them.
    #[serde(default)]
    pub auth: HttpAuth,
}

/// How requests prove who sends them. It holds secrets: it is never printed.
#[derive(Default, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HttpAuth {
    /// Not at all.
    #[default]
    None,
    /// By a user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Option<String>,
    },
    /// By a token.
    Bearer {
        /// The token.
        token: String,
    },
    /// By a header.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// By a token of OAuth 2.
    Oauth2 {
        /// The address that gives tokens.
        token_url: String,
        /// The id of the application.
        client_id: String,
        /// The secret of the application.
        client_secret: String,
        /// What the token is for.
        scope: Option<String>,
    },
    /// By a signature of AWS.
    AwsSigv4 {
        /// The id of the key.
        access_key: String,
        /// The key that signs.
        secret_key: String,
        /// The token of temporary keys.
        session_token: Option<String>,
        /// The region of the service.
        region: String,
        /// The name of the service.
        service: String,
    },
    /// By a token of Microsoft Entra ID.
    Azure {
        /// The id or the domain of the directory.
        tenant: String,
        /// The id of the application.
        client_id: String,
        /// The secret of the application.
        client_secret: String,
        /// What the token is for.
        scope: String,
        /// The address of the directory.
        authority: String,
    },
    /// By a signature of Alibaba Cloud.
    Aliyun {
        /// The id of the key.
        access_key: String,
        /// The key that signs.
        secret_key: String,
    },
}
