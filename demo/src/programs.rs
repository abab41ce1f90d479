//! A token for programs: somebody signs in at the web pages by the link that `/dashboard` gives them, and
//! makes one. Measurements use this file, too.

use std::net::SocketAddr;

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Person};

use crate::Failure;

/// Browsers say with this that one of the site's own pages sent a request.
const FETCH_SITE: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// A token of this person's, with which programs read and change what their servers follow. They run the
/// command in this channel.
pub(crate) async fn token(person: &Person, channel: &Channel, web: SocketAddr) -> Result<String, Failure> {
    let reply = person.run(channel, "/dashboard", ()).await?;
    let components = reply.components();
    let link = components.first().map_or(&Value::Null, |row| &row["components"][0]["url"]);
    let link = link.as_str().ok_or("/dashboard gave no link")?;
    let client = Client::builder().redirect(Policy::none()).no_proxy().build()?;
    let signed_in =
        client.post(link).header(FETCH_SITE.0, FETCH_SITE.1).form(&[("next", "/")]).send().await?;
    let cookie = cookie(&signed_in).ok_or("the link signed nobody in")?;
    let wanted = json!({ "name": "a program", "scopes": ["servers:read", "servers:write", "panels:write"] });
    let request = client.post(format!("http://{web}/api/v1/me/tokens")).json(&wanted);
    let made = request.header(FETCH_SITE.0, FETCH_SITE.1).header(COOKIE, cookie).send().await?;
    let body: Value = serde_json::from_str(&made.text().await?)?;
    Ok(body["token"].as_str().ok_or("no token was made")?.to_owned())
}

fn cookie(response: &Response) -> Option<String> {
    let cookie = response.headers().get(SET_COOKIE)?.to_str().ok()?;
    cookie.split(';').next().map(ToOwned::to_owned)
}
