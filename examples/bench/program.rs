//! A program that uses the API, with a token of somebody who has signed in.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tributary_sandbox::{Channel, Person};

use crate::{Failure, programs};

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
        let token = programs::token(person, channel, web).await?;
        Ok(Self { client: Client::builder().no_proxy().build()?, token, web })
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
