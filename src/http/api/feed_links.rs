//! Private addresses at which programs read one's feed. Only a person with a browser can see and change them:
//! a token that leaked can't make an address that outlives it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::account::TokenName;
use crate::domain::audit::Via;
use crate::domain::feed_link::{FeedFormat, FeedLink, FeedLinkId};
use crate::domain::public_url::PublicUrl;
use crate::domain::secret::WebSecret;
use crate::http::body::{Ids, JsonBody};
use crate::http::caller::Person;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;

use super::{ListOf, written};

/// An address of your feed, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedLinkView {
    /// Its number.
    #[schema(example = "7")]
    id: String,
    /// What you call it.
    #[schema(example = "reader on my phone")]
    name: String,
    /// When it was made.
    created_at: String,
    /// The day (UTC) on which your feed was last read there.
    #[schema(example = "2026-11-30")]
    used_on: Option<String>,
}

impl FeedLinkView {
    pub(super) fn of(link: FeedLink) -> Self {
        Self {
            id: link.id.0.to_string(),
            name: link.name,
            created_at: written(link.created_at),
            used_on: link.used_on.map(|day| day.date_naive().to_string()),
        }
    }
}

/// An address that was just made. The three are shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedFeedLinkView {
    /// Your feed as Atom.
    #[schema(example = "https://bot.example.org/feeds/….atom")]
    atom: String,
    /// The same as RSS.
    rss: String,
    /// The same as JSON Feed.
    json: String,
    #[serde(flatten)]
    link: FeedLinkView,
}

impl CreatedFeedLinkView {
    fn of(secret: &WebSecret, link: FeedLink, url: &PublicUrl) -> Self {
        let at = |format: FeedFormat| url.join(&format.path(secret));
        Self {
            atom: at(FeedFormat::Atom),
            rss: at(FeedFormat::Rss),
            json: at(FeedFormat::Json),
            link: FeedLinkView::of(link),
        }
    }
}

/// An address to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFeedLinkBody {
    /// What you call it: 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50, example = "reader on my phone")]
    name: String,
}

/// List the addresses of your feed
#[utoipa::path(
    get,
    path = "/me/feeds",
    tag = "Feed",
    security(("session" = [])),
    responses((status = 200, description = "The addresses, the newest first", body = ListOf<FeedLinkView>))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    Person(own): Person,
) -> Result<Json<ListOf<FeedLinkView>>, Problem> {
    let links = state.services()?.people.feed_links(own.account.user).await?;
    Ok(Json(ListOf { items: links.into_iter().map(FeedLinkView::of).collect() }))
}

/// Make an address of your feed
///
/// For programs that read feeds. Whoever has it can read your feed, until you revoke it; it opens nothing
/// else. The answer is the only place where it can be read.
#[utoipa::path(
    post,
    path = "/me/feeds",
    tag = "Feed",
    security(("session" = [])),
    request_body = NewFeedLinkBody,
    responses((status = 201, description = "The addresses", body = CreatedFeedLinkView))
)]
pub(super) async fn create(
    State(state): State<WebState>,
    Person(own): Person,
    JsonBody(body): JsonBody<NewFeedLinkBody>,
) -> Result<(StatusCode, Json<CreatedFeedLinkView>), Problem> {
    let name = TokenName::parse(&body.name)
        .ok_or_else(|| Problem::in_body("/name", "A name has 1 to 50 visible characters."))?;
    let people = &state.services()?.people;
    let (secret, link) = people.create_feed_link(own.account.user, Via::Web, name).await?;
    Ok((StatusCode::CREATED, Json(CreatedFeedLinkView::of(&secret, link, &state.url))))
}

/// Revoke an address of your feed
#[utoipa::path(
    delete,
    path = "/me/feeds/{id}",
    tag = "Feed",
    params(("id" = String, Path, description = "Its number")),
    security(("session" = [])),
    responses((status = 204, description = "Nothing can be read there any more"))
)]
pub(super) async fn revoke(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(id)): Ids<Id<FeedLinkId>>,
) -> Result<StatusCode, Problem> {
    let revoked = state.services()?.people.revoke_feed_link(own.account.user, id, Via::Web).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(ProblemCode::NotFound)) }
}
