//! What a follow would let through.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::scope::TokenScope;
use crate::http::api::{InServer, words, written};
use crate::http::body::{Ids, JsonBody};
use crate::http::caller::Identified;
use crate::http::id::Id;
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::{FollowPreview, NotLetThrough, PreviewedPost};

use super::body::NewFollowBody;

/// What a follow would let through of its source's last posts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FollowPreview)]
pub(in crate::http::api) struct PreviewView {
    /// How it would deliver: `native` or `relay`.
    #[schema(value_type = words::DeliveryMethod)]
    delivery: &'static str,
    /// Which posts it would let through: `all`, `except` or `only`.
    #[schema(value_type = words::FollowMode)]
    mode: &'static str,
    /// Which of the source's threads: `none`, `starter` or `all`.
    #[schema(value_type = words::ThreadScope)]
    threads: &'static str,
    /// How many of the posts it would let through.
    let_through: usize,
    /// The last posts, at most 20, newest first.
    posts: Vec<PostView>,
}

/// A post of the source.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviewedPost)]
pub(in crate::http::api) struct PostView {
    /// A link to it.
    link: String,
    /// When it was posted.
    posted_at: String,
    /// How it begins.
    beginning: String,
    /// Whether the follow would let it through.
    let_through: bool,
    /// Why not: `has_tags`, `lacks_tags`, `author` (who doesn't want to be mirrored), or `unpublished`.
    #[schema(value_type = Option<words::LeftOutReason>)]
    reason: Option<&'static str>,
    /// With `has_tags`: the tags that it has.
    tags: Vec<String>,
}

impl PreviewView {
    fn of(preview: FollowPreview) -> Self {
        Self {
            delivery: preview.delivery.as_str(),
            mode: preview.mode.as_str(),
            threads: preview.threads.as_str(),
            let_through: preview.let_through(),
            posts: preview.posts.into_iter().map(PostView::of).collect(),
        }
    }
}

impl PostView {
    fn of(post: PreviewedPost) -> Self {
        let reason = post.left_out.as_ref().map(words::left_out);
        let tags = match post.left_out {
            Some(NotLetThrough::HasTags(tags)) => tags,
            _ => Vec::new(),
        };
        Self {
            link: post.link,
            posted_at: written(post.posted_at),
            beginning: post.beginning,
            let_through: reason.is_none(),
            reason,
            tags,
        }
    }
}

/// Preview a follow
///
/// Takes the same body as making one, and changes nothing. Answers in threads are not looked at. That takes
/// Manage Messages in the target, and being able to read the source.
#[utoipa::path(
    post,
    path = "/servers/{server}/follows/preview",
    tag = "Follows",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:read"]), ("session" = [])),
    request_body = NewFollowBody,
    responses((status = 200, description = "What it would let through", body = PreviewView))
)]
pub(in crate::http::api) async fn preview(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
    JsonBody(body): JsonBody<NewFollowBody>,
) -> Result<Json<PreviewView>, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let (request, _) = body.read()?;
    Ok(Json(PreviewView::of(state.services()?.follows.preview(actor, request).await?)))
}
