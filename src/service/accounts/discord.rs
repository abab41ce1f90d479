//! Signing in with Discord: a person lets Discord tell who they are and in which servers.
//!
//! ```text
//! begin ─► Discord's page ─► come_back: take what was begun ─► same browser? ─► who is it? ─► session
//! ```
//! What Discord tells decides what is listed, and never what somebody may do. Its token for the person isn't
//! kept.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::account::{Account, AccountServer, PENDING_LIFETIME, PendingSignIn};
use crate::domain::public_url::LocalPath;
use crate::domain::secret::WebSecret;
use crate::rest::{OAuthClient, OAuthError, OAuthPerson};
use crate::store::{NewWebSession, StoreError};

use super::{Accounts, browser, count};

/// Where Discord sends browsers back to. Operators register this address with Discord.
pub const RETURN_PATH: &str = "/auth/callback";

/// A sign-in that was begun.
#[derive(Debug, Clone)]
pub struct BegunSignIn {
    /// Discord's page, to which the browser goes.
    pub page: String,
    /// What only this browser has: without it, nobody can come back from there.
    pub browser: WebSecret,
}

/// What a browser brings back from Discord, as it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiscordReturn<'a> {
    /// Names the sign-in.
    pub state: &'a str,
    /// What is exchanged for who it is.
    pub code: Option<&'a str>,
    /// Why there is no code.
    pub error: Option<&'a str>,
    /// Who sent the browser back (RFC 9207).
    pub issuer: Option<&'a str>,
    /// What the browser was given when it began.
    pub browser: Option<&'a WebSecret>,
    /// The session that this browser has had until now.
    pub replaces: Option<&'a WebSecret>,
    /// What the browser says of itself.
    pub user_agent: Option<&'a str>,
}

/// Why nobody is signed in. Each text says what is wrong, as the second half of a sentence.
#[derive(Debug, thiserror::Error)]
pub enum SignInFailure {
    /// The operator hasn't switched it on.
    #[error("this bot's operator has not set it up")]
    Off,
    /// The person pressed Cancel.
    #[error("you cancelled it")]
    Cancelled,
    /// There is no such sign-in (any more).
    #[error("it took longer than ten minutes, or this page was opened a second time")]
    Unknown,
    /// Another browser began it.
    #[error("it was begun in another browser, or yours keeps no cookies")]
    OtherBrowser,
    /// The answer isn't Discord's.
    #[error("the answer did not come from Discord")]
    OtherIssuer,
    /// Discord sent the browser back with another error than a cancellation.
    #[error("Discord refused it")]
    Refused,
    /// Discord doesn't tell who it is.
    #[error("{}", explain(*.0))]
    Discord(OAuthError),
    /// The database.
    #[error("the database can't be reached at the moment")]
    Store(#[from] StoreError),
}

impl SignInFailure {
    /// Whether Discord or the database did not do its part, and the same may work later.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Discord(error) => !matches!(error, OAuthError::Code(_) | OAuthError::Scopes),
            Self::Store(_) => true,
            _ => false,
        }
    }

    /// When it is worth trying again, if that isn't at once.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Discord(OAuthError::Limited(wait)) => Some(*wait),
            _ if self.is_outage() => Some(Duration::from_secs(60)),
            _ => None,
        }
    }

    /// A word for the log and the metrics.
    const fn word(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::OtherBrowser => "other_browser",
            Self::OtherIssuer => "other_issuer",
            Self::Refused => "refused",
            Self::Discord(_) => "discord",
            Self::Store(_) => "database",
        }
    }

    /// Logs it, once. What visitors alone bring about is no cause for a warning.
    fn log(&self) {
        let reason = self.word();
        match self {
            Self::Off | Self::Cancelled => {}
            Self::Unknown | Self::OtherBrowser | Self::OtherIssuer | Self::Refused => {
                tracing::info!(reason, "a sign-in with Discord failed");
            }
            Self::Discord(cause) => tracing::warn!(reason, %cause, "a sign-in with Discord failed"),
            Self::Store(cause) => tracing::error!(reason, %cause, "a sign-in with Discord failed"),
        }
    }
}

/// What Discord's answer means for a person.
const fn explain(error: OAuthError) -> &'static str {
    match error {
        OAuthError::Code(_) => "Discord did not accept its own answer any more",
        OAuthError::Secret => {
            "Discord did not accept this bot's client secret. Only its operator can put that right"
        }
        OAuthError::Scopes => {
            "I need to know who you are and which servers you are in; nothing else is asked for"
        }
        OAuthError::Limited(_) => "Discord lets nobody sign in at the moment. Wait a minute",
        OAuthError::Status(_) | OAuthError::NoAnswer | OAuthError::Malformed => {
            "Discord did not answer as expected. Wait a minute"
        }
    }
}

impl Accounts {
    /// Whether people can sign in with Discord.
    pub const fn offers_discord(&self) -> bool {
        self.oauth.is_some()
    }

    /// Begins a sign-in, for a browser that is taken to `next` afterwards.
    pub async fn begin_sign_in(&self, next: LocalPath) -> Result<BegunSignIn, SignInFailure> {
        self.begin(next).await.inspect_err(SignInFailure::log)
    }

    async fn begin(&self, next: LocalPath) -> Result<BegunSignIn, SignInFailure> {
        let oauth = self.oauth.as_ref().ok_or(SignInFailure::Off)?;
        let [state, verifier, browser] = std::array::from_fn(|_| WebSecret::new(rand::random()));
        let page = oauth.authorize_url(&self.return_address(), &state, &verifier.challenge());
        let pending = PendingSignIn { browser: browser.hash(), verifier, next };
        let expires_at = self.clock.now() + PENDING_LIFETIME;
        self.store.add_pending_sign_in(state.hash(), &pending, expires_at).await?;
        count("discord", "asked");
        Ok(BegunSignIn { page, browser })
    }

    /// Ends a sign-in, whatever comes of it. The session that this browser had ends if a new one begins.
    /// Returns the secret of that one, and where to go.
    pub async fn come_back(&self, back: DiscordReturn<'_>) -> Result<(WebSecret, LocalPath), SignInFailure> {
        let signed_in = self.sign_in(back).await;
        count("discord", signed_in.as_ref().map_or_else(SignInFailure::word, |_| "done"));
        signed_in.inspect_err(SignInFailure::log)
    }

    async fn sign_in(&self, back: DiscordReturn<'_>) -> Result<(WebSecret, LocalPath), SignInFailure> {
        let oauth = self.oauth.as_ref().ok_or(SignInFailure::Off)?;
        let state = WebSecret::parse(back.state).ok_or(SignInFailure::Unknown)?;
        let pending = self.store.take_pending_sign_in(state.hash(), self.clock.now()).await?;
        let PendingSignIn { browser, verifier, next } = pending.ok_or(SignInFailure::Unknown)?;
        if back.browser.map(WebSecret::hash) != Some(browser) {
            return Err(SignInFailure::OtherBrowser);
        }
        let person = self.ask_discord(oauth, &verifier, back).await?;
        let secret = WebSecret::new(rand::random());
        let browser = browser::name(back.user_agent.unwrap_or_default());
        let replaces = back.replaces.map(WebSecret::hash);
        let session = NewWebSession { hash: secret.hash(), replaces, browser: &browser };
        self.store.begin_web_session(session, &self.account(person), self.clock.now()).await?;
        Ok((secret, next))
    }

    /// Whom Discord names.
    async fn ask_discord(
        &self,
        oauth: &Arc<OAuthClient>,
        verifier: &WebSecret,
        back: DiscordReturn<'_>,
    ) -> Result<OAuthPerson, SignInFailure> {
        if back.issuer.is_some_and(|issuer| !oauth.is_issuer(issuer)) {
            return Err(SignInFailure::OtherIssuer);
        }
        match (back.error, back.code) {
            (Some("access_denied"), _) => Err(SignInFailure::Cancelled),
            (None, Some(code)) => {
                let person = oauth.identify(code, verifier, &self.return_address()).await;
                person.map_err(SignInFailure::Discord)
            }
            (Some(_), _) | (None, None) => Err(SignInFailure::Refused),
        }
    }

    /// What is kept of a person: of their servers only those in which the bot may be.
    fn account(&self, person: OAuthPerson) -> Account {
        let OAuthPerson { user, guilds } = person;
        let shared = guilds.into_iter().filter(|guild| !self.lookups.is_elsewhere(guild.id));
        let servers = shared.map(|guild| AccountServer { id: guild.id, name: Some(guild.name) });
        Account { user: user.id, name: user.display_name().to_owned(), servers: servers.collect() }
    }

    fn return_address(&self) -> String {
        self.url.join(RETURN_PATH)
    }
}
