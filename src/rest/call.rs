//! The description of a call: its route, what fills the route's gaps, and what goes with it. Addresses are
//! built here, and kept nowhere.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::error::RestError;
use super::limiter::{LimitKey, MajorParameter, TokenKind, Urgency};
use super::requester::Requester;

/// An audit log reason's greatest length in characters. Discord: 512.
const REASON_LENGTH: usize = 512;
/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a call does, and whether doing it twice is the same as doing it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether a call whose answer was lost may be repeated blindly.
    pub(super) const fn repeatable(self) -> bool {
        !matches!(self, Self::Post)
    }

    const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// A kind of call: what it does, and where, with gaps (`/channels/{channel}`). Logs, metrics and errors know
/// no other form of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub(super) verb: Verb,
    pub(super) template: &'static str,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.as_str(), self.template)
    }
}

/// One call.
pub(super) struct Call<'a> {
    route: Route,
    major: MajorParameter,
    /// What fills the template's gaps, in order.
    ids: Vec<u64>,
    /// The webhook's token, which fills `{token}` and takes the place of the bot's own token.
    webhook_token: Option<&'a SecretString>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    reason: Option<String>,
}

impl<'a> Call<'a> {
    /// A call on this route, whose gaps these ids fill in order.
    pub(super) fn new(verb: Verb, template: &'static str, major: MajorParameter, ids: &[u64]) -> Self {
        Self {
            route: Route { verb, template },
            major,
            ids: ids.to_vec(),
            webhook_token: None,
            query: Vec::new(),
            body: None,
            reason: None,
        }
    }

    /// Uses a webhook's token instead of the bot's.
    pub(super) fn with_webhook_token(mut self, token: &'a SecretString) -> Self {
        self.webhook_token = Some(token);
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Sends this as JSON. What can't be written as JSON is a mistake of ours, and ends as
    /// [`RestError::Malformed`].
    pub(super) fn json(mut self, body: &(impl Serialize + ?Sized)) -> Result<Self, RestError> {
        self.body = Some(serde_json::to_vec(body).map_err(|_| RestError::Malformed)?);
        Ok(self)
    }

    /// What the server's audit log says about it.
    pub(super) fn reason(mut self, reason: &str) -> Self {
        self.reason = (!reason.trim().is_empty()).then(|| percent_encode(reason));
        self
    }

    pub(super) const fn route(&self) -> Route {
        self.route
    }

    /// Whether the bot's own token is used.
    pub(super) const fn is_bots(&self) -> bool {
        self.webhook_token.is_none()
    }

    /// What its rate limit and the fuse depend on.
    pub(super) const fn key(&self, urgency: Urgency, requester: Requester) -> LimitKey {
        let token = if self.webhook_token.is_some() { TokenKind::Webhook } else { TokenKind::Bot };
        LimitKey { route: self.route, major: self.major, token, urgency, requester }
    }

    /// The request itself.
    pub(super) fn build(
        &self,
        client: &reqwest::Client,
        base: &Url,
        bot: &SecretString,
    ) -> reqwest::RequestBuilder {
        let mut request = client.request(self.route.verb.method(), self.url(base));
        if self.webhook_token.is_none() {
            request = request.header(reqwest::header::AUTHORIZATION, authorization(bot));
        }
        if let Some(reason) = &self.reason {
            request = request.header("X-Audit-Log-Reason", reason);
        }
        match &self.body {
            Some(body) => {
                request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.clone())
            }
            None => request,
        }
    }

    fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        let mut ids = self.ids.iter();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["api", "v10"]);
            for segment in self.route.template.split('/').skip(1) {
                match segment {
                    "{token}" => segments.push(self.webhook_token.map_or("", SecretString::expose_secret)),
                    gap if gap.starts_with('{') => {
                        segments.push(&ids.next().map_or_else(String::new, u64::to_string))
                    }
                    fixed => segments.push(fixed),
                };
            }
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    /// Removes the secrets from a text that came from outside.
    pub(super) fn redact(&self, text: &str, bot: &SecretString) -> String {
        let secrets = [Some(bot), self.webhook_token];
        let secrets = secrets.into_iter().flatten().map(SecretString::expose_secret);
        let hidden = secrets.filter(|secret| !secret.is_empty());
        hidden.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}

/// The authorization header for everything but webhooks' own routes, marked so that nothing prints it.
fn authorization(bot: &SecretString) -> reqwest::header::HeaderValue {
    // `Client::new` has refused tokens that don't fit a header.
    let value = reqwest::header::HeaderValue::from_str(&format!("Bot {}", bot.expose_secret()));
    let mut value = value.unwrap_or_else(|_| reqwest::header::HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Encodes an audit log reason as Discord wants it: UTF-8, percent-encoded, cut to what fits.
fn percent_encode(text: &str) -> String {
    let cut: String = text.chars().take(REASON_LENGTH).collect();
    utf8_percent_encode(&cut, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::WebhookId;

    #[test]
    fn fills_the_gaps_and_escapes_what_fills_them() {
        let token = SecretString::from("a/b?c#d");
        let major = MajorParameter::Webhook(WebhookId::new(5).unwrap());
        let call = Call::new(Verb::Patch, "/webhooks/{webhook}/{token}/messages/{message}", major, &[5, 9])
            .with_webhook_token(&token)
            .query("thread_id", 7);
        let url = call.url(&Url::parse("http://127.0.0.1:99/ignored?x=1#y").unwrap());
        assert_eq!(url.path(), "/api/v10/webhooks/5/a%2Fb%3Fc%23d/messages/9");
        assert_eq!(call.route().to_string(), "PATCH /webhooks/{webhook}/{token}/messages/{message}");
    }

    #[test]
    fn reasons_are_encoded_and_cut() {
        assert_eq!(percent_encode("über & a b"), "%C3%BCber%20%26%20a%20b");
        assert_eq!(percent_encode("-._~/%\n"), "-._~%2F%25%0A");
        assert_eq!(percent_encode(&"x".repeat(600)).len(), REASON_LENGTH);
    }

    #[test]
    fn secrets_are_taken_out_of_foreign_texts() {
        let (bot, token) = (SecretString::from("botsecret"), SecretString::from("hooksecret"));
        let major = MajorParameter::Webhook(WebhookId::new(5).unwrap());
        let call =
            Call::new(Verb::Post, "/webhooks/{webhook}/{token}", major, &[5]).with_webhook_token(&token);
        assert_eq!(
            call.redact("Cannot POST /webhooks/5/hooksecret botsecret", &bot),
            "Cannot POST /webhooks/5/… …"
        );
    }
}
