//! API tokens: made, listed, revoked by their owners, and recognised.

use crate::domain::account::{ApiTokenId, NewApiToken, StoredApiToken, TokenLifetime, TokenName};
use crate::domain::api_token::ApiToken;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::scope::ScopeSet;
use crate::service::ServiceError;

use super::Accounts;

/// A token that somebody wants.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// What they call it.
    pub name: TokenName,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The only server in which it is good for anything; `None` for all.
    pub server: Option<GuildId>,
    /// How long it works.
    pub lifetime: TokenLifetime,
}

impl Accounts {
    /// Makes a token. It can be read only here and now. `None` if that person has
    /// [too many](crate::domain::account::MOST_TOKENS) already.
    pub async fn create_token(
        &self,
        user: UserId,
        request: TokenRequest,
    ) -> Result<Option<(ApiToken, StoredApiToken)>, ServiceError> {
        let TokenRequest { name, scopes, server, lifetime } = request;
        let (token, now) = (ApiToken::new(rand::random()), self.clock.now());
        let expires_at = lifetime.end(now);
        let new = NewApiToken { hash: token.hash(), user, name, scopes, server, expires_at };
        let stored = self.store.add_api_token(&new, now).await?;
        Ok(stored.map(|stored| (token, stored)))
    }

    /// A person's tokens, the newest first.
    pub async fn tokens(&self, user: UserId) -> Result<Vec<StoredApiToken>, ServiceError> {
        Ok(self.store.api_tokens_of(user, self.clock.now()).await?)
    }

    /// Revokes one of a person's tokens. Returns whether there was one.
    pub async fn revoke_token(&self, user: UserId, token: ApiTokenId) -> Result<bool, ServiceError> {
        Ok(self.store.revoke_api_token(user, token, self.clock.now()).await?)
    }

    /// Recognises a token, and notes that it was used today. `None` if it doesn't work (any more).
    pub async fn use_token(&self, token: &ApiToken) -> Result<Option<StoredApiToken>, ServiceError> {
        Ok(self.store.use_api_token(token.hash(), self.clock.now()).await?)
    }
}
