//! One's feed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::activity::ActivityId;
use crate::domain::feed::{FeedFilter, FeedPosition, PostContent};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::message::File;
use crate::domain::paging::PageSize;
use crate::domain::personal::CollectionId;
use crate::domain::scope::TokenScope;
use crate::domain::text;
use crate::http::body::{JsonBody, Params};
use crate::http::id::{Id, IdText};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::time::GivenTime;
use crate::http::web::WebState;
use crate::service::people::{FeedPage, FeedRequest, FeedStart, ShownPost};

use super::paging::PageQuery;
use super::people::{SignedIn, read_tag};
use super::{words, written};

/// Which page of one's feed, and what of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct FeedQuery {
    /// How many activities at most: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The cursor that another page gave.
    cursor: Option<String>,
    /// Only what is older than this activity.
    #[param(value_type = Option<IdText>)]
    before_activity_id: Option<Id<ActivityId>>,
    /// The number of the page, from 1. Give only one of `cursor`, `beforeActivityId` and `page`.
    #[param(value_type = Option<u64>, minimum = 1)]
    page: Option<String>,
    /// Only what comes from there: `discord` or `fediverse`.
    #[param(value_type = Option<words::FeedSource>)]
    source: Option<String>,
    /// Only what has this in it: `link`, `image`, `video`, `audio`, `file`, `poll`, or `none` of these.
    #[param(value_type = Option<words::PostContent>)]
    url_type: Option<String>,
    /// Only what this person wrote.
    #[param(value_type = Option<IdText>)]
    author: Option<Id<UserId>>,
    /// Only what was posted in this channel or thread.
    #[param(value_type = Option<IdText>)]
    channel: Option<Id<ChannelId>>,
    /// Only what was posted in this server.
    #[param(value_type = Option<IdText>)]
    server: Option<Id<GuildId>>,
    /// Only what comes through this collection.
    #[param(value_type = Option<IdText>)]
    collection: Option<Id<CollectionId>>,
    /// Only what has this tag: its name, or the id of a forum's tag.
    tag: Option<String>,
    /// `true`: only what you haven't marked as read.
    #[param(value_type = Option<bool>)]
    unread: Option<String>,
    /// Only what is newer than this time (RFC 3339).
    #[param(value_type = Option<String>)]
    since: Option<GivenTime>,
}

/// A file of a post.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttachmentView {
    /// Its name.
    name: String,
    /// Where it is, for a day or so.
    url: String,
    /// Its size in bytes.
    size: u64,
    /// Its media type.
    media_type: Option<String>,
    /// The alternative text.
    description: Option<String>,
    /// Whether its author hid it.
    spoiler: bool,
}

impl AttachmentView {
    fn of(file: &File) -> Self {
        Self {
            name: file.name.clone(),
            url: file.url.clone(),
            size: file.size,
            media_type: file.media_type.clone(),
            description: file.description.clone(),
            spoiler: file.is_hidden(),
        }
    }
}

/// Something with an id and a name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NamedView {
    id: String,
    name: String,
}

/// The author.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuthorView {
    /// The id; null once that person is forgotten.
    id: Option<String>,
    /// The name that the server shows.
    name: Option<String>,
    /// The address of the avatar.
    avatar: Option<String>,
}

/// A post.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityView {
    /// Its number.
    id: String,
    /// Where it comes from: `discord`.
    #[schema(value_type = words::FeedSource)]
    source: &'static str,
    /// What it has in it, the most telling first: `link`, `image`, `video`, `audio`, `file`, `poll` or
    /// `none`.
    #[schema(value_type = words::PostContent)]
    kind: &'static str,
    /// The author.
    author: AuthorView,
    /// Its channel, as it is called now.
    channel: NamedView,
    /// The thread in which it was posted, if that is no channel of its own.
    thread_id: Option<String>,
    /// Its server, as it is called now.
    server: NamedView,
    /// When it was posted.
    created_at: String,
    /// Whether its author edited it. Other tags of its thread are no edit.
    edited: bool,
    /// What it says, in Discord's Markdown; null where that isn't kept any more, or may have changed while
    /// the bot wasn't listening.
    text: Option<String>,
    /// Its files.
    attachments: Vec<AttachmentView>,
    /// A link to it.
    url: String,
    /// Its tags.
    tags: Vec<String>,
    /// The numbers of your follows through which it is here.
    because: Vec<String>,
    /// Whether you haven't marked it as read.
    unread: bool,
}

impl ActivityView {
    fn of(shown: ShownPost, seen: Option<MessageId>) -> Self {
        let ShownPost { post, channel_name, server_name } = shown;
        let content = post.content.as_ref();
        Self {
            id: post.position.activity.0.to_string(),
            source: "discord",
            kind: PostContent::of(post.shape).as_str(),
            author: AuthorView {
                id: post.author.map(|author| author.to_string()),
                name: content.map(|content| content.author.clone()),
                avatar: content.and_then(|content| content.avatar_url.clone()),
            },
            channel: NamedView { id: post.source.to_string(), name: channel_name },
            thread_id: post.thread.map(|thread| thread.to_string()),
            server: NamedView { id: post.server.to_string(), name: server_name },
            created_at: written(post.posted_at()),
            edited: post.edited,
            text: content.map(|content| content.text.clone()),
            attachments: content.iter().flat_map(|one| &one.files).map(AttachmentView::of).collect(),
            url: post.link(),
            unread: seen.is_none_or(|seen| post.position.message > seen),
            because: post.because.iter().map(|follow| follow.0.to_string()).collect(),
            tags: post.tags,
        }
    }
}

/// A page of your feed, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedView {
    activities: Vec<ActivityView>,
    /// How many there are on all pages.
    total_count: usize,
    /// Whether that is all: there may be more in threads that nobody looked at yet.
    total_is_exact: bool,
    /// Whether there are older ones.
    has_more: bool,
    /// The cursor of the next page; null on the last one.
    next_cursor: Option<String>,
    /// Whether Discord could be asked about every server. If not, what was posted in the others is left out.
    complete: bool,
}

impl FeedView {
    fn of(page: FeedPage) -> Self {
        Self {
            total_count: page.total,
            total_is_exact: page.is_total_exact,
            has_more: page.next.is_some(),
            next_cursor: page.next.map(|next| next.to_string()),
            complete: page.is_complete,
            activities: page.posts.into_iter().map(|post| ActivityView::of(post, page.seen)).collect(),
        }
    }
}

impl FeedQuery {
    fn limit(&self) -> Result<PageSize, Problem> {
        PageQuery::read_size(self.limit.as_deref())
    }

    fn start(&self, limit: PageSize) -> Result<FeedStart, Problem> {
        let invalid = || Problem::new(ProblemCode::InvalidPage);
        match (&self.cursor, &self.before_activity_id, &self.page) {
            (None, None, None) => Ok(FeedStart::Newest),
            (Some(cursor), None, None) => {
                cursor.parse::<FeedPosition>().map(FeedStart::OlderThan).map_err(|_| invalid())
            }
            (None, Some(Id(activity)), None) => Ok(FeedStart::OlderThanActivity(*activity)),
            (None, None, Some(page)) => {
                let page: usize = text::number(page).filter(|page| *page > 0).ok_or_else(invalid)?;
                let size = usize::try_from(limit.get()).unwrap_or(usize::MAX);
                Ok(FeedStart::Skip((page - 1).saturating_mul(size)))
            }
            _ => Err(invalid().with_detail("Give only one of cursor, beforeActivityId and page.")),
        }
    }

    fn filter(&self) -> Result<FeedFilter, Problem> {
        let unknown = |detail: &str| Problem::new(ProblemCode::InvalidQuery).with_detail(detail);
        let content = self.url_type.as_deref().map(|word| {
            let words = "urlType is link, image, video, audio, file, poll or none.";
            PostContent::parse(word).ok_or_else(|| unknown(words))
        });
        let tag = self.tag.as_deref().map(|tag| {
            read_tag(tag).map(|tag| tag.key()).ok_or_else(|| unknown("tag is a tag's name or id."))
        });
        Ok(FeedFilter {
            author: self.author.map(|Id(id)| id),
            channel: self.channel.map(|Id(id)| id),
            server: self.server.map(|Id(id)| id),
            collection: self.collection.map(|Id(id)| id),
            tag: tag.transpose()?,
            content: content.transpose()?,
            after: self.since.map(|GivenTime(since)| MessageId::first_at(since)),
        })
    }

    fn is_elsewhere(&self) -> Result<bool, Problem> {
        match self.source.as_deref() {
            None | Some("discord") => Ok(false),
            Some("fediverse") => Ok(true),
            Some(_) => {
                Err(Problem::new(ProblemCode::InvalidQuery).with_detail("source is discord or fediverse."))
            }
        }
    }

    fn unread(&self) -> Result<bool, Problem> {
        match self.unread.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::new(ProblemCode::InvalidQuery).with_detail("unread is true or false.")),
        }
    }
}

/// Read your feed
///
/// Posts from the people, channels and collections you follow, newest first. It shows only what you can read
/// in Discord at the moment.
#[utoipa::path(
    get,
    path = "/me/feed",
    tag = "Feed",
    params(FeedQuery),
    security(("token" = ["feed:read"]), ("session" = [])),
    responses((status = 200, description = "A page of your feed", body = FeedView))
)]
pub(super) async fn read(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    Params(query): Params<FeedQuery>,
) -> Result<Json<FeedView>, Problem> {
    caller.require(TokenScope::FeedRead)?;
    let limit = query.limit()?;
    let (start, filter, unread) = (query.start(limit)?, query.filter()?, query.unread()?);
    let request = FeedRequest {
        user: caller.user(),
        via: caller.via(),
        filter,
        unread,
        start,
        limit: usize::try_from(limit.get()).unwrap_or(usize::MAX),
    };
    if query.is_elsewhere()? {
        // Nothing comes from there yet.
        return Ok(Json(FeedView {
            activities: Vec::new(),
            total_count: 0,
            total_is_exact: true,
            has_more: false,
            next_cursor: None,
            complete: true,
        }));
    }
    Ok(Json(FeedView::of(state.services()?.people.feed(request).await?)))
}

/// What you haven't read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnreadView {
    /// How much: 100 stands for 100 or more.
    #[schema(maximum = 100)]
    count: usize,
    /// The newest activity of it.
    newest: Option<String>,
}

/// Count what you haven't read
#[utoipa::path(
    get,
    path = "/me/feed/unread",
    tag = "Feed",
    security(("token" = ["feed:read"]), ("session" = [])),
    responses((status = 200, description = "How much it is", body = UnreadView))
)]
pub(super) async fn unread(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
) -> Result<Json<UnreadView>, Problem> {
    caller.require(TokenScope::FeedRead)?;
    let unread = state.services()?.people.unread(caller.user(), caller.via()).await?;
    Ok(Json(UnreadView { count: unread.count, newest: unread.newest.map(|activity| activity.0.to_string()) }))
}

/// What was read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReadBody {
    /// The newest activity that was read.
    #[schema(value_type = IdText)]
    up_to: Id<ActivityId>,
}

/// Mark your feed as read
///
/// Everything up to this activity. The mark never moves back.
#[utoipa::path(
    post,
    path = "/me/feed/read",
    tag = "Feed",
    security(("token" = ["feed:read"]), ("session" = [])),
    request_body = ReadBody,
    responses((status = 204, description = "It is marked"))
)]
pub(super) async fn mark(
    State(state): State<WebState>,
    SignedIn(caller): SignedIn,
    JsonBody(body): JsonBody<ReadBody>,
) -> Result<StatusCode, Problem> {
    caller.require(TokenScope::FeedRead)?;
    let Id(up_to) = body.up_to;
    state.services()?.people.mark_read(caller.user(), caller.via(), up_to).await?;
    Ok(StatusCode::NO_CONTENT)
}
