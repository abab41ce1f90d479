//! The API, for whoever tries the demo with programs: Alice signs in at the web pages as anybody would, and
//! makes a token.

use std::net::SocketAddr;

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::Failure;
use crate::scene::Cast;

/// Browsers say with this that one of the site's own pages sent a request.
const FETCH_SITE: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// A token of Alice's with which programs read and change what her server follows.
pub(crate) async fn token(cast: &Cast, web: SocketAddr) -> Result<String, Failure> {
    let reply = cast.alice.run(&cast.news, "/dashboard", ()).await?;
    let components = reply.components();
    let link = components.first().map_or(&Value::Null, |row| &row["components"][0]["url"]);
    let link = link.as_str().ok_or("/dashboard gave no link")?;
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let signed_in =
        client.post(link).header(FETCH_SITE.0, FETCH_SITE.1).form(&[("next", "/")]).send().await?;
    let cookie = cookie(&signed_in).ok_or("the link signed nobody in")?;
    let wanted = json!({ "name": "the demo", "scopes": ["servers:read", "servers:write", "panels:write"] });
    let request = client.post(format!("http://{web}/api/v1/me/tokens")).json(&wanted);
    let made = request.header(FETCH_SITE.0, FETCH_SITE.1).header(COOKIE, cookie).send().await?;
    let body: Value = serde_json::from_str(&made.text().await?)?;
    Ok(body["token"].as_str().ok_or("no token was made")?.to_owned())
}

fn cookie(response: &Response) -> Option<String> {
    let cookie = response.headers().get(SET_COOKIE)?.to_str().ok()?;
    cookie.split(';').next().map(ToOwned::to_owned)
}
