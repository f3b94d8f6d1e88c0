//! Links by which a user sets a password in the browser.

use reqwest::Method;
use serde_json::{Value, json};

use super::args::SetupLinkArgs;
use super::failure::Failure;
use super::output::{Format, Printer, TableLayout, plain, say, write_out};
use super::rest::{Call, Rest};
use super::suggestion;

const LINKS: TableLayout = TableLayout {
    name: "url",
    columns: &[("URL", "/url"), ("EXPIRES", "/expires_at")],
};

/// Prints a link; as text it is the address alone, for a click or a script.
pub(super) fn print_setup_link(args: SetupLinkArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    if args.if_no_password && has_password(rest)? {
        return Ok(());
    }
    let body = match &args.user {
        Some(user) => json!({ "user": user }),
        None => json!({}),
    };
    let made = rest.json(Call::new(Method::POST, &["auth", "setup-links"]).json(&body));
    let link = made.map_err(|failure| match &args.user {
        Some(user) => suggestion::for_user(failure, rest, user),
        None => failure,
    })?;
    match printer.format() {
        Format::Table | Format::Name => {
            write_out(&format!("{}\n", plain(link.get("url"))))?;
            say("open it within ten minutes to set a password");
            Ok(())
        }
        Format::Json | Format::Yaml => printer.item(&link, LINKS),
    }
}

fn has_password(rest: &Rest) -> Result<bool, Failure> {
    let user = rest.json(Call::get(&["users", "me"]))?;
    Ok(user.get("has_password") == Some(&Value::Bool(true)))
}
