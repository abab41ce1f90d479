//! Who somebody is, by OAuth2: an authorization code with PKCE (RFC 6749, 7636; Discord: "OAuth2").
//!
//! A person's token is not the bot's. It counts towards none of the bot's rate limits and not towards its
//! fuse, is used for two questions, and is revoked before anybody hears their answers: it never leaves this
//! file. Nothing is repeated. Whatever Discord would count towards a ban of this address holds up all
//! sign-ins for a while, so that visitors of the web pages can't get the bot banned.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use super::Client;
use super::call::{Route, Verb};
use super::error::RateLimitScope;
use super::limiter::{AnswerFacts, AnswerKind};
use super::metrics;
use super::model::{OwnGuild, User};
use super::transport::read_body;
use crate::domain::ids::ApplicationId;
use crate::domain::lock::lock;
use crate::domain::secret::WebSecret;

/// How long it may take to find out who somebody is. A visitor's request has ten seconds in all.
const PATIENCE: Duration = Duration::from_secs(7);
/// How long the revocation may take after that.
const REVOCATION_PATIENCE: Duration = Duration::from_secs(1);
/// How long nobody signs in after Discord refused the client secret.
const SECRET_PAUSE: Duration = Duration::from_secs(5);
/// What is asked for: who they are, and in which servers.
const SCOPES: [&str; 2] = ["identify", "guilds"];
/// Discord's name for itself in its answers (RFC 9207).
const DISCORD: &str = "https://discord.com";

const TOKEN: Route = Route { verb: Verb::Post, template: "/oauth2/token" };
const REVOKE: Route = Route { verb: Verb::Post, template: "/oauth2/token/revoke" };
const PERSON: Route = Route { verb: Verb::Get, template: "/users/@me" };
const SERVERS: Route = Route { verb: Verb::Get, template: "/users/@me/guilds" };

/// Why it isn't known who somebody is. Holds no secret and no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// Discord doesn't take the code: it was used, is too old, or belongs to another sign-in.
    #[error("Discord refuses the code ({0})")]
    Code(&'static str),
    /// Discord doesn't take the client secret (401).
    #[error("Discord refuses DISCORD_CLIENT_SECRET")]
    Secret,
    /// The person allowed less than was asked for.
    #[error("the person did not allow everything that was asked for")]
    Scopes,
    /// 429, now or a short while ago.
    #[error("rate limited, again in {:.1} s", .0.as_secs_f64())]
    Limited(Duration),
    /// Another answer that isn't a success.
    #[error("Discord answered {0}")]
    Status(u16),
    /// No connection, silence, or a break in the middle.
    #[error("Discord did not answer in time")]
    NoAnswer,
    /// A success that isn't understood.
    #[error("Discord's answer was not understood")]
    Malformed,
}

/// What the client needs to know.
#[derive(Debug, Clone)]
pub struct OAuthConfig {
    /// Scheme, host and port of Discord's pages and its API.
    pub base: Url,
    /// The application for which people sign in.
    pub application: ApplicationId,
    /// Its client secret.
    pub secret: SecretString,
}

/// Who somebody is, as Discord told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthPerson {
    /// The person.
    pub user: User,
    /// Their servers, 200 at most.
    pub guilds: Vec<OwnGuild>,
}

/// Asks Discord who somebody is.
pub struct OAuthClient {
    client: reqwest::Client,
    config: OAuthConfig,
    /// Until when nothing is asked, and why.
    pause: Mutex<Option<(Instant, OAuthError)>>,
}

impl Client {
    /// A client for people who sign in. It shares the connections and nothing else.
    pub fn oauth(&self, config: OAuthConfig) -> OAuthClient {
        OAuthClient { client: self.shared.client.clone(), config, pause: Mutex::default() }
    }
}

/// A person's token.
struct AccessToken(SecretString);

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    scope: String,
}

/// RFC 6749, section 5.2.
#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
}

impl OAuthClient {
    /// Where a person lets Discord tell who they are. Discord doesn't ask those whose permission it still
    /// has. From there, the browser comes back to `redirect_uri` with this state and a code for whoever has
    /// the challenge's verifier.
    pub fn authorize_url(&self, redirect_uri: &str, state: &WebSecret, challenge: &str) -> String {
        let mut url = self.url(&["oauth2", "authorize"]);
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.application.to_string())
            .append_pair("scope", &SCOPES.join(" "))
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", &state.text())
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("prompt", "none");
        url.into()
    }

    /// Whether this is whom the browser was sent to (RFC 9207): Discord, or what stands in for it.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        issuer == DISCORD || issuer == self.config.base.origin().ascii_serialization()
    }

    /// Whose code this is. It can be asked once for each code. Once begun, it goes on to its end, even if
    /// nobody waits for it any more: what was given for the code is revoked in any case.
    pub async fn identify(
        self: &Arc<Self>,
        code: &str,
        verifier: &WebSecret,
        redirect_uri: &str,
    ) -> Result<OAuthPerson, OAuthError> {
        let (oauth, code, verifier, redirect_uri) =
            (Arc::clone(self), code.to_owned(), verifier.clone(), redirect_uri.to_owned());
        let asking = async move { oauth.ask(&code, &verifier, &redirect_uri).await };
        tokio::spawn(asking.in_current_span()).await.unwrap_or(Err(OAuthError::NoAnswer))
    }

    #[tracing::instrument(name = "sign_in", level = "debug", skip_all)]
    async fn ask(
        &self,
        code: &str,
        verifier: &WebSecret,
        redirect_uri: &str,
    ) -> Result<OAuthPerson, OAuthError> {
        let deadline = Instant::now() + PATIENCE;
        let exchange = tokio::time::timeout_at(deadline, self.exchange(code, verifier, redirect_uri));
        let (token, scopes) = exchange.await.map_err(|_| OAuthError::NoAnswer)??;
        let person = async {
            if !SCOPES.iter().all(|wanted| scopes.split_ascii_whitespace().any(|scope| scope == *wanted)) {
                return Err(OAuthError::Scopes);
            }
            let user = self.read(PERSON, self.as_person(&["users", "@me"], &token)).await?;
            let guilds = self.read(SERVERS, self.as_person(&["users", "@me", "guilds"], &token)).await?;
            Ok(OAuthPerson { user, guilds })
        };
        let person = tokio::time::timeout_at(deadline, person).await.unwrap_or(Err(OAuthError::NoAnswer));
        self.revoke(token).await;
        person
    }

    /// The token that a code is good for, and its scopes.
    async fn exchange(
        &self,
        code: &str,
        verifier: &WebSecret,
        redirect_uri: &str,
    ) -> Result<(AccessToken, String), OAuthError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &verifier.text()),
        ];
        let TokenAnswer { access_token, scope } = self.read(TOKEN, self.as_client(TOKEN).form(&form)).await?;
        Ok((AccessToken(access_token.into()), scope))
    }

    /// Ends the token. If that fails, it ends by itself within a week, and nobody has it.
    async fn revoke(&self, AccessToken(token): AccessToken) {
        let form = [("token", token.expose_secret()), ("token_type_hint", "access_token")];
        let revoked = self.answer(REVOKE, self.as_client(REVOKE).form(&form));
        let error = match timeout(REVOCATION_PATIENCE, revoked).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error,
            Err(_) => OAuthError::NoAnswer,
        };
        tracing::info!(%error, "a person's token could not be revoked; nobody has it, and it ends within a week");
    }

    /// A request in which the application proves that it is itself.
    fn as_client(&self, route: Route) -> RequestBuilder {
        let segments: Vec<&str> = ["api"].into_iter().chain(route.template.split('/').skip(1)).collect();
        let OAuthConfig { application, secret, .. } = &self.config;
        self.client
            .post(self.url(&segments))
            .basic_auth(application.to_string(), Some(secret.expose_secret()))
            .timeout(PATIENCE)
    }

    /// A question with a person's token.
    fn as_person(&self, path: &[&str], AccessToken(token): &AccessToken) -> RequestBuilder {
        let segments = [&["api", "v10"], path].concat();
        self.client.get(self.url(&segments)).bearer_auth(token.expose_secret()).timeout(PATIENCE)
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.config.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        url
    }

    async fn read<T: DeserializeOwned>(
        &self,
        route: Route,
        request: RequestBuilder,
    ) -> Result<T, OAuthError> {
        let body = self.answer(route, request).await?;
        serde_json::from_slice(&body).map_err(|_| OAuthError::Malformed)
    }

    /// Sends one request, and classifies what becomes of it.
    async fn answer(&self, route: Route, request: RequestBuilder) -> Result<Vec<u8>, OAuthError> {
        self.check_pause()?;
        let response = request.send().await.map_err(|_| {
            metrics::request(route, "unreachable".to_owned());
            OAuthError::NoAnswer
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        metrics::request(route, status.as_u16().to_string());
        tracing::debug!(%route, status = status.as_u16(), "answered");
        let body = read_body(response).await.map_err(|_| OAuthError::NoAnswer)?;
        if status.is_success() {
            return Ok(body);
        }
        let (error, invalid) = match AnswerFacts::read(status.as_u16(), &headers, &body).kind {
            AnswerKind::Limited { retry_after, scope } => {
                metrics::rate_limited(scope);
                (OAuthError::Limited(retry_after), scope != RateLimitScope::Shared)
            }
            kind => {
                let invalid = matches!(kind, AnswerKind::Invalid | AnswerKind::RefusedByEdge);
                (
                    if route == TOKEN { refusal(status, &body) } else { OAuthError::Status(status.as_u16()) },
                    invalid,
                )
            }
        };
        if invalid {
            metrics::invalid_request();
        }
        self.pause_after(error);
        Err(error)
    }

    /// Asks nothing while Discord wants to be left alone.
    fn check_pause(&self) -> Result<(), OAuthError> {
        let now = Instant::now();
        match *lock(&self.pause) {
            Some((until, OAuthError::Limited(_))) if now < until => Err(OAuthError::Limited(until - now)),
            Some((until, error)) if now < until => Err(error),
            _ => Ok(()),
        }
    }

    fn pause_after(&self, error: OAuthError) {
        let wait = match error {
            OAuthError::Limited(wait) => wait,
            OAuthError::Secret => SECRET_PAUSE,
            _ => return,
        };
        *lock(&self.pause) = Some((Instant::now() + wait, error));
    }
}

/// What an answer of the token endpoint means that isn't a success.
fn refusal(status: StatusCode, body: &[u8]) -> OAuthError {
    let error = serde_json::from_slice::<TokenRefusal>(body).map(|refusal| refusal.error).unwrap_or_default();
    match error.as_str() {
        "invalid_client" | "unauthorized_client" => OAuthError::Secret,
        "invalid_grant" => OAuthError::Code("invalid_grant"),
        "invalid_request" => OAuthError::Code("invalid_request"),
        _ => OAuthError::Status(status.as_u16()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> OAuthClient {
        let (application, secret) = (ApplicationId::new(42).unwrap(), SecretString::from("s3cret"));
        let config = OAuthConfig { base: Url::parse("http://127.0.0.1:1").unwrap(), application, secret };
        OAuthClient { client: reqwest::Client::new(), config, pause: Mutex::default() }
    }

    /// What Discord counts towards a ban isn't asked again and again.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_while_discord_wants_to_be_left_alone() {
        let (minute, oauth) = (Duration::from_secs(60), client());
        for error in [OAuthError::Status(500), OAuthError::NoAnswer, OAuthError::Code("invalid_grant")] {
            oauth.pause_after(error);
            assert_eq!(oauth.check_pause(), Ok(()), "{error}");
        }
        oauth.pause_after(OAuthError::Limited(minute));
        tokio::time::advance(minute / 4).await;
        assert_eq!(oauth.check_pause(), Err(OAuthError::Limited(minute * 3 / 4)));
        tokio::time::advance(minute * 3 / 4).await;
        assert_eq!(oauth.check_pause(), Ok(()));
        oauth.pause_after(OAuthError::Secret);
        assert_eq!(oauth.check_pause(), Err(OAuthError::Secret));
        tokio::time::advance(SECRET_PAUSE).await;
        assert_eq!(oauth.check_pause(), Ok(()));
    }
}
