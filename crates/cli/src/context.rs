//! Commands about the servers that this client knows.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::args::{ContextCommand, LoginArgs};
use super::failure::{Exit, Failure};
use super::output::{Printer, TableLayout, say};
use super::password;
use super::rest::{Call, Rest};
use super::server_url::ServerUrl;
use super::target::{Contexts, Target, check_token};
use crate::settings::Settings;

const CONTEXTS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("CONTEXT", "/name"),
        ("URL", "/url"),
        ("CURRENT", "/current"),
        ("TOKEN", "/token"),
    ],
};

/// Runs a command about contexts; `url` is the flag of that name.
pub(super) fn run(
    command: ContextCommand,
    url: Option<&str>,
    settings: &Settings,
    printer: Printer,
) -> Result<(), Failure> {
    let mut contexts = Contexts::load(settings)?;
    match command {
        ContextCommand::List => return printer.list(list(&contexts), CONTEXTS),
        ContextCommand::Use { name } => {
            let Some(context) = contexts.contexts.get(&name) else {
                return Err(contexts.missing(&name, "so it cannot be used"));
            };
            let message = format!("context `{name}` is used from now on: {}", context.url);
            contexts.current = Some(name);
            contexts.save(settings)?;
            say(&message);
        }
        ContextCommand::Set { name, token_file } => {
            set(&mut contexts, &name, url, token_file.as_deref())?;
            contexts.save(settings)?;
            say(&format!("context `{name}` is stored"));
        }
    }
    Ok(())
}

fn list(contexts: &Contexts) -> Vec<Value> {
    let current = contexts.current.as_ref();
    contexts
        .contexts
        .iter()
        .map(|(name, context)| {
            json!({
                "name": name,
                "url": context.url,
                "current": current == Some(name),
                "token": if context.token.is_some() { "yes" } else { "no" },
            })
        })
        .collect()
}

fn set(
    contexts: &mut Contexts,
    name: &str,
    url: Option<&str>,
    token_file: Option<&Path>,
) -> Result<(), Failure> {
    let context = contexts.contexts.entry(name.to_owned()).or_default();
    if let Some(url) = url {
        let url = ServerUrl::parse(url).map_err(|why| Failure::new(Exit::Usage, format!("--url: {why}")))?;
        url.as_str().clone_into(&mut context.url);
    }
    if context.url.is_empty() {
        return Err(Failure::new(Exit::Usage, "a new context needs --url"));
    }
    if let Some(path) = token_file {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))?;
        let token = check_token(&text)
            .map_err(|why| Failure::new(Exit::Usage, format!("{}: {why}", path.display())))?;
        context.token = Some(token.reveal().to_owned());
    }
    contexts.current.get_or_insert_with(|| name.to_owned());
    Ok(())
}

/// Gets a token by name and password and keeps it in the context in use, or in a first one.
pub(super) fn login(args: &LoginArgs, target: Target, settings: &Settings) -> Result<(), Failure> {
    let password = password::ask(settings)?;
    let url = target.url().as_str().to_owned();
    let rest = Rest::new(target.without_token())?;
    let body = json!({ "username": args.username, "password": password.reveal() });
    let answer = rest.json(Call::new(Method::POST, &["auth", "login"]).json(&body))?;
    let token = answer.get("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Failure::new(Exit::Failed, "the server answered without a token"))?;
    let mut contexts = Contexts::load(settings)?;
    let known = contexts
        .contexts
        .iter()
        .find(|(_, context)| context.url == url)
        .map(|(name, _)| name.clone());
    let name = known.unwrap_or_else(|| url.clone());
    let context = contexts.contexts.entry(name.clone()).or_default();
    context.token = Some(token.to_owned());
    context.url = url;
    contexts.current = Some(name.clone());
    contexts.save(settings)?;
    say(&format!(
        "logged in as {}; the token is kept in context `{name}`",
        args.username
    ));
    if settings.token.is_some() {
        say("note: PORPOISE_TOKEN is set, and is used in place of it");
    }
    Ok(())
}
