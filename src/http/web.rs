//! The listener of the web pages and the API.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::net::TcpListener;
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;

use crate::domain::clock::Clock;
use crate::domain::proxies::TrustedProxies;
use crate::domain::public_url::PublicUrl;
use crate::service::FollowService;
use crate::service::accounts::Accounts;
use crate::service::authors::Authors;
use crate::service::collections::Collections;
use crate::service::idempotency::KeptAnswers;
use crate::service::operator::OperatorFigures;
use crate::service::panels::Panels;
use crate::service::people::People;

use super::limits::{RequestLimits, limit};
use super::parameters::KnownParameters;
use super::problem::{Problem, ProblemCode};
use super::{api, assets, connections, etag, feeds, guard, idempotency, openapi, pages, parameters};

/// The largest body of a request, in bytes.
pub(super) const BODY: usize = 64 * 1024;

/// The use cases behind the pages and the API.
pub struct WebServices {
    /// Sign-in, sessions and tokens.
    pub accounts: Arc<Accounts>,
    /// What servers follow.
    pub follows: Arc<FollowService>,
    /// People's own follows, and their feeds.
    pub people: Arc<People>,
    /// The collections of servers.
    pub collections: Arc<Collections>,
    /// What people decide about their own messages.
    pub authors: Arc<Authors>,
    /// The panels in servers' channels.
    pub panels: Arc<Panels>,
    /// What the operator reads.
    pub operator: Arc<OperatorFigures>,
    /// What was answered to requests that may be sent again.
    pub answers: KeptAnswers,
}

/// What every handler has at hand.
#[derive(Clone)]
pub struct WebState {
    /// How people reach the pages.
    pub url: Arc<PublicUrl>,
    /// The proxies that say where a request comes from.
    pub proxies: Arc<TrustedProxies>,
    /// How many requests are answered.
    pub limits: Arc<RequestLimits>,
    /// The time.
    pub clock: Clock,
    /// The use cases, while this process has its shards. Without them, every answer is "try again".
    pub services: watch::Receiver<Option<Arc<WebServices>>>,
}

impl WebState {
    /// The use cases, if this process has them.
    pub(super) fn services(&self) -> Result<Arc<WebServices>, Problem> {
        self.services.borrow().clone().ok_or_else(|| Problem::new(ProblemCode::Standby))
    }

    /// Whether people can sign in with Discord.
    pub(super) fn offers_discord(&self) -> bool {
        self.services.borrow().as_ref().is_some_and(|services| services.accounts.offers_discord())
    }
}

/// Serves the pages and the API until `stop` is true.
pub async fn serve_web(listener: TcpListener, state: WebState, stop: watch::Receiver<bool>) {
    let proxies = Arc::clone(&state.proxies);
    connections::serve(listener, router(state), proxies, stop).await;
}

/// All routes, with what holds for each of them.
fn router(state: WebState) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(openapi::frame(&state.url))
        .nest("/api/v1", api::routes())
        .split_for_parts();
    // The same handlers, where their requirement wants them. The description has them once.
    let (unversioned, _) = OpenApiRouter::new().nest("/api", api::modes()).split_for_parts();
    let api = api.merge(unversioned);
    let document = openapi::complete(&document);
    let parameters = KnownParameters::of(&document);
    api.layer(from_fn_with_state(state.clone(), idempotency::replay))
        .merge(openapi::routes(&document))
        .layer(from_fn_with_state(parameters, parameters::check))
        .merge(feeds::routes())
        .layer(from_fn(etag::tag))
        .merge(pages::routes(&document))
        .merge(assets::routes())
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(state.clone(), limit))
        .layer(from_fn_with_state(state.clone(), guard::admit))
        .layer(from_fn_with_state(state.clone(), guard::frame))
        .with_state(state)
}
