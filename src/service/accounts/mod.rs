//! What people do to use the web pages and the API: sign in by a link that a command gives them or with
//! Discord (`discord`), see and end their sessions, make and revoke tokens. Everybody does this only for
//! themselves, so nobody's permissions are asked for.
//!
//! That somebody is who they say they are is proved by Discord: it tells who ran the command and shows the
//! answer to nobody else, or it tells whom it let sign in.

mod browser;
mod discord;
mod tokens;

use std::sync::Arc;

use crate::domain::account::{Account, AccountServer, LINK_LIFETIME, WebSession, WebSessionId};
use crate::domain::audit::{AuditEntry, AuditRecord};
use crate::domain::clock::Clock;
use crate::domain::feed_link::FeedFormat;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::paging::PageSize;
use crate::domain::public_url::PublicUrl;
use crate::domain::secret::WebSecret;
use crate::metrics as names;
use crate::rest::{Client, OAuthClient};
use crate::store::{NewWebSession, Store};

use super::access::lookups::Lookups;
use super::access::quotas::UserQuotas;
use super::audit::cut_page;
use super::{AuditPage, AuditedChange, ServiceError, ServiceParts};

pub use self::discord::{BegunSignIn, DiscordReturn, RETURN_PATH, SignInFailure};
pub use self::tokens::TokenRequest;

/// Signs people in, and keeps their sessions and tokens.
pub struct Accounts {
    store: Store,
    rest: Client,
    clock: Clock,
    quotas: Arc<UserQuotas>,
    lookups: Arc<Lookups>,
    url: Arc<PublicUrl>,
    /// Where people can sign in with Discord.
    oauth: Option<Arc<OAuthClient>>,
}

/// Who wants to sign in, as Discord told.
#[derive(Debug, Clone)]
pub struct SignInRequest {
    /// The person.
    pub user: UserId,
    /// The name that Discord shows.
    pub name: String,
    /// The server in which they asked; `None` in a direct message.
    pub server: Option<GuildId>,
}

impl Accounts {
    /// Over these parts; the links lead to this address.
    pub fn new(
        parts: &ServiceParts,
        quotas: Arc<UserQuotas>,
        lookups: Arc<Lookups>,
        url: Arc<PublicUrl>,
        oauth: Option<OAuthClient>,
    ) -> Self {
        let ServiceParts { store, rest, clock, .. } = parts.clone();
        Self { store, rest: rest.for_people(), clock, quotas, lookups, url, oauth: oauth.map(Arc::new) }
    }

    /// Makes the address that signs this person in, once and within five minutes. Whoever has it can sign in
    /// as them, so it must be shown to nobody else.
    pub async fn link(&self, request: SignInRequest) -> Result<String, ServiceError> {
        let SignInRequest { user, name, server } = request;
        self.quotas.spend_question(user)?;
        let mut account = Account { user, name, servers: Vec::new() };
        if let Some(id) = server {
            // The name is only for showing; the link must not fail for it.
            let guild = self.rest.of_person(user, id).guild(id).await.ok();
            account.servers.push(AccountServer { id, name: guild.map(|guild| guild.name) });
        }
        let secret = WebSecret::new(rand::random());
        self.store.add_sign_in(secret.hash(), &account, self.clock.now() + LINK_LIFETIME).await?;
        count("link", "asked");
        Ok(self.url.join(&format!("/auth/link/{}", secret.text())))
    }

    /// The address of the page on which people read their feeds. Whoever isn't signed in can do so there.
    pub fn feed_page(&self) -> String {
        self.url.join("/feed")
    }

    /// Where whoever has this secret reads somebody's feed.
    pub fn feed_address(&self, format: FeedFormat, secret: &WebSecret) -> String {
        self.url.join(&format.path(secret))
    }

    /// Whom a link would sign in; `None` if it doesn't work (any more).
    pub async fn link_account(&self, link: &WebSecret) -> Result<Option<Account>, ServiceError> {
        Ok(self.store.sign_in(link.hash(), self.clock.now()).await?)
    }

    /// Signs somebody in by a link, which doesn't work from then on. The session that this browser had ends.
    /// Returns the secret of the new one; `None` if the link doesn't work (any more).
    pub async fn redeem_link(
        &self,
        link: &WebSecret,
        replaces: Option<&WebSecret>,
        user_agent: Option<&str>,
    ) -> Result<Option<WebSecret>, ServiceError> {
        let secret = WebSecret::new(rand::random());
        let browser = browser::name(user_agent.unwrap_or_default());
        let session =
            NewWebSession { hash: secret.hash(), replaces: replaces.map(WebSecret::hash), browser: &browser };
        let signed_in = self.store.redeem_sign_in(link.hash(), session, self.clock.now()).await?;
        count("link", if signed_in.is_some() { "done" } else { "refused" });
        Ok(signed_in.map(|_| secret))
    }

    /// The session with this secret; `None` if it ended.
    pub async fn web_session(&self, secret: &WebSecret) -> Result<Option<WebSession>, ServiceError> {
        Ok(self.store.web_session(secret.hash(), self.clock.now()).await?)
    }

    /// All sessions of a person, the newest first.
    pub async fn web_sessions(&self, user: UserId) -> Result<Vec<WebSession>, ServiceError> {
        Ok(self.store.web_sessions_of(user, self.clock.now()).await?)
    }

    /// Ends one of a person's sessions. Returns whether there was one.
    pub async fn end_web_session(&self, user: UserId, session: WebSessionId) -> Result<bool, ServiceError> {
        Ok(self.store.end_web_session(user, session, self.clock.now()).await?)
    }

    /// Ends all sessions of a person: they are signed out everywhere. Returns how many there were.
    pub async fn end_web_sessions(&self, user: UserId) -> Result<usize, ServiceError> {
        Ok(self.store.end_web_sessions(user, self.clock.now()).await?)
    }

    /// Where and how a person signed in and out, and which tokens they made and revoked: newest first, from
    /// before the record of that number on.
    pub async fn audit(
        &self,
        user: UserId,
        before: Option<i64>,
        size: PageSize,
    ) -> Result<AuditPage, ServiceError> {
        let records = self.store.own_audit_of(user, before, size.get() + 1).await?;
        let (records, next) = cut_page(records, size);
        let own = |AuditRecord { id, at, actor, via, entry }| {
            let AuditEntry { action, subject, detail, .. } = entry;
            AuditedChange { id, at, actor, via, token: None, action, subject: Some(subject), detail }
        };
        Ok(AuditPage { changes: records.into_iter().map(own).collect(), next })
    }

    /// The servers that a person is known to be in, from all their sessions.
    pub async fn servers(&self, user: UserId) -> Result<Vec<AccountServer>, ServiceError> {
        let sessions = self.web_sessions(user).await?;
        let mut accounts = sessions.into_iter().map(|session| session.account);
        let Some(mut account) = accounts.next() else { return Ok(Vec::new()) };
        accounts.for_each(|other| account.remember(other));
        Ok(account.servers)
    }
}

fn count(kind: &'static str, outcome: &'static str) {
    metrics::counter!(names::SIGN_INS, "kind" => kind, "outcome" => outcome).increment(1);
}
