//! A program that uses the API, with a token of somebody who has signed in.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Person};

use crate::Failure;

/// A program with a token. Its copies have the same token, and connections of their own where they need some.
#[derive(Clone)]
pub(crate) struct Program {
    client: Client,
    token: String,
    web: SocketAddr,
}

impl Program {
    /// Signs this person in by the link that they get in this channel, and makes a token.
    pub(crate) async fn sign_in(
        person: &Person,
        channel: &Channel,
        web: SocketAddr,
    ) -> Result<Self, Failure> {
        let reply = person.run(channel, "/dashboard", ()).await?;
        let components = reply.components();
        let link = components.first().map_or(&Value::Null, |row| &row["components"][0]["url"]);
        let link = link.as_str().ok_or("/dashboard gave no link")?;
        let client = client()?;
        let signed_in = client.post(link).header("Sec-Fetch-Site", "same-origin").form(&[("next", "/")]);
        let signed_in = signed_in.send().await?;
        let cookie = signed_in.headers().get(SET_COOKIE).ok_or("nobody was signed in")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let wanted = json!({ "name": "bench", "scopes": ["servers:read", "servers:write"] });
        let made = client.post(format!("http://{web}/api/v1/me/tokens")).json(&wanted);
        let made = made.header("Sec-Fetch-Site", "same-origin").header(COOKIE, cookie).send().await?;
        let body: Value = serde_json::from_str(&made.text().await?)?;
        let token = body["token"].as_str().ok_or("no token was made")?.to_owned();
        Ok(Self { client, token, web })
    }

    /// How long it takes to read this.
    pub(crate) async fn get(&self, path: &str) -> Result<Duration, Failure> {
        self.time(self.client.get(format!("http://{}{path}", self.web))).await
    }

    /// How long it takes to post this.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Duration, Failure> {
        self.time(self.client.post(format!("http://{}{path}", self.web)).json(body)).await
    }

    async fn time(&self, request: RequestBuilder) -> Result<Duration, Failure> {
        let began = Instant::now();
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() { Ok(began.elapsed()) } else { Err(format!("{status}: {text}").into()) }
    }
}

fn client() -> Result<Client, Failure> {
    Ok(Client::builder().no_proxy().redirect(Policy::none()).build()?)
}
