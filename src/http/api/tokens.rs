//! One's API tokens. Only a person with a browser can see and change them: a token that leaked can't make
//! another.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::account::{ApiTokenId, StoredApiToken, TokenLifetime, TokenName};
use crate::domain::ids::GuildId;
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody};
use crate::http::caller::Person;
use crate::http::id::{Id, IdText};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::accounts::TokenRequest;

use super::{ListOf, words, written};

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenView {
    /// Its number.
    #[schema(example = "7")]
    id: String,
    /// What you call it.
    #[schema(example = "backup script")]
    name: String,
    /// What it may be used for.
    #[schema(value_type = Vec<words::TokenScope>)]
    scopes: Vec<&'static str>,
    /// The only server in which it works; null for all.
    server_id: Option<String>,
    /// When it was made.
    created_at: String,
    /// When it stops working; null for never.
    expires_at: Option<String>,
    /// The day (UTC) on which it was last used.
    #[schema(example = "2026-11-30")]
    used_on: Option<String>,
}

impl TokenView {
    pub(super) fn of(token: StoredApiToken) -> Self {
        Self {
            id: token.id.0.to_string(),
            name: token.name,
            scopes: token.scopes.iter().map(TokenScope::as_str).collect(),
            server_id: token.server.map(|server| server.to_string()),
            created_at: written(token.created_at),
            expires_at: token.expires_at.map(written),
            used_on: token.used_on.map(|day| day.date_naive().to_string()),
        }
    }
}

/// A token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedTokenView {
    /// The token itself. It is shown only now.
    #[schema(example = "trib_…")]
    token: String,
    #[serde(flatten)]
    stored: TokenView,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewTokenBody {
    /// What you call it: 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50, example = "backup script")]
    name: String,
    /// What it may be used for, at least one.
    #[schema(value_type = Vec<words::TokenScope>, min_items = 1, example = json!(["servers:read"]))]
    scopes: Vec<String>,
    /// The only server in which it works; without it, all.
    #[schema(value_type = Option<IdText>)]
    server_id: Option<Id<GuildId>>,
    /// How long it works; `90d` without it.
    #[schema(value_type = Option<words::TokenLifetime>)]
    lifetime: Option<String>,
}

impl NewTokenBody {
    fn read(self) -> Result<TokenRequest, Problem> {
        let name = TokenName::parse(&self.name)
            .ok_or_else(|| Problem::in_body("/name", "A name has 1 to 50 visible characters."))?;
        if self.scopes.is_empty() {
            return Err(Problem::in_body("/scopes", "A token needs at least one scope."));
        }
        let mut scopes = Vec::new();
        for (index, scope) in self.scopes.iter().enumerate() {
            let known: Vec<&str> = TokenScope::ALL.iter().map(|scope| scope.as_str()).collect();
            let detail = || format!("A scope is one of {}.", known.join(", "));
            let unknown = || Problem::in_body(&format!("/scopes/{index}"), &detail());
            scopes.push(TokenScope::parse(scope).ok_or_else(unknown)?);
        }
        let server = self.server_id.map(|Id(server)| server);
        let lifetime = self.lifetime.as_deref().map_or(Some(TokenLifetime::Quarter), TokenLifetime::parse);
        let lifetime = lifetime
            .ok_or_else(|| Problem::in_body("/lifetime", "A lifetime is one of 30d, 90d, 365d and never."))?;
        Ok(TokenRequest { name, scopes: scopes.into_iter().collect(), server, lifetime })
    }
}

/// List your tokens
#[utoipa::path(
    get,
    path = "/me/tokens",
    tag = "Account",
    security(("session" = [])),
    responses(
        (status = 200, description = "Your tokens, the newest first", body = ListOf<TokenView>),
    )
)]
pub(super) async fn list(
    State(state): State<WebState>,
    Person(own): Person,
) -> Result<Json<ListOf<TokenView>>, Problem> {
    let tokens = state.services()?.accounts.tokens(own.account.user).await?;
    Ok(Json(ListOf { items: tokens.into_iter().map(TokenView::of).collect() }))
}

/// See one token
#[utoipa::path(
    get,
    path = "/me/tokens/{id}",
    tag = "Account",
    params(("id" = String, Path, description = "Its number")),
    security(("session" = [])),
    responses(
        (status = 200, description = "The token, without its secret", body = TokenView),
    )
)]
pub(super) async fn show(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(id)): Ids<Id<ApiTokenId>>,
) -> Result<Json<TokenView>, Problem> {
    let tokens = state.services()?.accounts.tokens(own.account.user).await?;
    let token = tokens.into_iter().find(|token| token.id == id);
    token.map(|token| Json(TokenView::of(token))).ok_or_else(|| Problem::new(ProblemCode::NotFound))
}

/// Make a token
///
/// The answer is the only place where the token itself can be read.
#[utoipa::path(
    post,
    path = "/me/tokens",
    tag = "Account",
    security(("session" = [])),
    request_body = NewTokenBody,
    responses(
        (status = 201, description = "The token", body = CreatedTokenView),
    )
)]
pub(super) async fn create(
    State(state): State<WebState>,
    Person(own): Person,
    JsonBody(body): JsonBody<NewTokenBody>,
) -> Result<impl IntoResponse, Problem> {
    let made = state.services()?.accounts.create_token(own.account.user, body.read()?).await?;
    let (token, stored) = made.ok_or_else(|| Problem::new(ProblemCode::TooManyTokens))?;
    let place = format!("/api/v1/me/tokens/{}", stored.id.0);
    let body = CreatedTokenView { token: token.text(), stored: TokenView::of(stored) };
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(body)))
}

/// Revoke a token
#[utoipa::path(
    delete,
    path = "/me/tokens/{id}",
    tag = "Account",
    params(("id" = String, Path, description = "Its number")),
    security(("session" = [])),
    responses(
        (status = 204, description = "It doesn't work any more"),
    )
)]
pub(super) async fn revoke(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(id)): Ids<Id<ApiTokenId>>,
) -> Result<StatusCode, Problem> {
    let revoked = state.services()?.accounts.revoke_token(own.account.user, id).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(ProblemCode::NotFound)) }
}
