//! What became of messages: the last ones of a follow, and one message in all its followers.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, Params};
use crate::http::caller::Identified;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::{
    DeliveryReport, DeliveryStatus, FollowerStatus, LastMessages, MOST_LAST_MESSAGES, MessageReach,
    MirrorOrigin, NotMirrored, RecentMessage,
};

use super::follows::{ChannelEnd, FollowPath, WaitView};
use super::{words, written};

/// How many messages are shown by default.
const USUAL: u8 = 10;

/// What became of a message in one follower.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryStatus)]
pub(super) struct StatusView {
    /// In one word: `shown`, `updating`, `outdated`, `waiting`, `published`, `maybe_published`,
    /// `unpublished`,
    /// `left_out_by_tags`, `left_out_by_threads`, `left_out_by_panels`, `paused`, `broken`, `before` (posted
    /// before the follow was made), `missed` (while it was paused or broken), `removing`, `deleted`, `left`
    /// (deleted, but still shown), `withheld`, `taken_back`, `removed_by_hand`, `refused`, `gave_up`,
    /// `unknown`.
    #[schema(value_type = words::DeliveryVerdict)]
    verdict: &'static str,
    /// Why it waits, if it does.
    waits: Option<WaitView>,
    /// Links to its mirrors, by part.
    links: Vec<String>,
    /// The tags because of which it is left out.
    tags: Vec<String>,
}

/// The last messages of a follow's source.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deliveries)]
pub(super) struct DeliveriesView {
    /// The follow's number.
    follow_id: String,
    /// What is followed.
    source: ChannelEnd,
    /// What receives.
    target: ChannelEnd,
    /// The messages, newest first.
    items: Vec<MessageView>,
}

/// One of the last messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecentMessage)]
pub(super) struct MessageView {
    /// When it was posted.
    posted_at: String,
    /// A link to it; null if you can't see its channel, or it is deleted.
    link: Option<String>,
    /// How it begins; null if you may not read its channel, or it isn't kept any more.
    beginning: Option<String>,
    #[serde(flatten)]
    status: StatusView,
}

/// How many messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveriesQuery {
    /// How many messages: 1 to 50, 10 by default.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u8>,
}

/// A message of a server.
#[derive(Debug, Deserialize)]
pub(super) struct MessagePath {
    server: Id<GuildId>,
    channel: Id<ChannelId>,
    message: Id<MessageId>,
}

/// What is known of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryReport)]
pub(super) struct ReportView {
    /// A link to it.
    link: String,
    /// When it was posted.
    posted_at: String,
    /// What it mirrors; null if it is no mirror.
    origin: Option<OriginView>,
    /// Why it appears nowhere else: `not_followed`, `system`, `own` (the bot posted it), or `forgotten` (it
    /// is a mirror of something that is no longer known). Null if its channel is followed.
    #[schema(value_type = Option<words::NotMirroredReason>)]
    not_mirrored: Option<&'static str>,
    /// Followers that you see.
    followers: Vec<FollowerStatusView>,
    /// How many others there are, by what became of the message there.
    others: BTreeMap<&'static str, u64>,
    /// How many channels still show it that no longer follow.
    former_followers: u64,
}

/// What a mirror shows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MirrorOrigin)]
pub(super) struct OriginView {
    /// The channel of the original.
    source: ChannelEnd,
    /// A link to the original; null if you can't see its channel, or it is deleted.
    link: Option<String>,
    /// When the original was posted.
    posted_at: String,
    /// Whether the original was deleted.
    deleted: bool,
    /// The follow that brought it; null if that was removed.
    follow_id: Option<String>,
    /// Who made the mirror: `relay` (the bot), `notice` (the bot, to say that messages were missed), or
    /// `discord`.
    #[schema(value_type = words::MirrorMaker)]
    made_by: &'static str,
}

/// What became of a message in a follower.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FollowerStatus)]
pub(super) struct FollowerStatusView {
    /// The follow's number.
    follow_id: String,
    /// The channel that follows.
    target: ChannelEnd,
    #[serde(flatten)]
    status: StatusView,
}

impl StatusView {
    fn of(status: DeliveryStatus) -> Self {
        Self {
            verdict: words::verdict(status.verdict),
            waits: status.wait.map(WaitView::of),
            links: status.links,
            tags: status.tags,
        }
    }
}

impl DeliveriesView {
    fn of(last: LastMessages) -> Self {
        let view = |message: RecentMessage| MessageView {
            posted_at: written(message.posted_at),
            link: message.original,
            beginning: message.beginning,
            status: StatusView::of(message.status),
        };
        Self {
            follow_id: last.follow.id.0.to_string(),
            source: ChannelEnd::of(last.source),
            target: ChannelEnd::of(last.target),
            items: last.messages.into_iter().map(view).collect(),
        }
    }
}

impl OriginView {
    fn of(origin: MirrorOrigin) -> Self {
        Self {
            source: ChannelEnd::of(origin.source),
            link: origin.original,
            posted_at: written(origin.posted_at),
            deleted: origin.deleted,
            follow_id: origin.follow.map(|follow| follow.id.0.to_string()),
            made_by: words::mirror_maker(&origin.by),
        }
    }
}

impl ReportView {
    fn of(report: DeliveryReport) -> Self {
        let view = |line: FollowerStatus| FollowerStatusView {
            follow_id: line.follow.id.0.to_string(),
            target: ChannelEnd::of(line.target),
            status: StatusView::of(line.status),
        };
        let mut others = BTreeMap::new();
        let (not_mirrored, followers, former_followers) = match report.to {
            MessageReach::Followers(followers) => {
                for (verdict, count) in followers.rest {
                    *others.entry(words::verdict(verdict)).or_default() += count;
                }
                (None, followers.lines.into_iter().map(view).collect(), followers.former)
            }
            MessageReach::Nobody(reason) => {
                let former = match reason {
                    NotMirrored::NotFollowed { former } => former,
                    NotMirrored::System | NotMirrored::Own | NotMirrored::Forgotten => 0,
                };
                (Some(words::not_mirrored(&reason)), Vec::new(), former)
            }
        };
        Self {
            link: report.link,
            posted_at: written(report.posted_at),
            origin: report.from.map(OriginView::of),
            not_mirrored,
            followers,
            others,
            former_followers,
        }
    }
}

/// See what became of a follow's last messages
///
/// That takes Manage Messages in the target.
#[utoipa::path(
    get,
    path = "/servers/{server}/follows/{id}/deliveries",
    tag = "Deliveries",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("id" = String, Path, description = "The follow's number"),
        DeliveriesQuery,
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The last messages", body = DeliveriesView))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<FollowPath>,
    Params(query): Params<DeliveriesQuery>,
) -> Result<Json<DeliveriesView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    let limit = query.limit.unwrap_or(USUAL);
    if !(1..=MOST_LAST_MESSAGES).contains(&limit) {
        let detail = format!("limit is 1 to {MOST_LAST_MESSAGES}.");
        return Err(Problem::new(ProblemCode::InvalidQuery).with_detail(detail));
    }
    let last = state.services()?.follows.last_messages(actor, path.follow(), limit).await?;
    Ok(Json(DeliveriesView::of(last)))
}

/// See what became of a message
///
/// In each of its channel's followers, or where it comes from if it is a mirror. That takes Manage Messages
/// in its channel, and being able to read it.
#[utoipa::path(
    get,
    path = "/servers/{server}/messages/{channel}/{message}/report",
    tag = "Deliveries",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("channel" = String, Path, description = "The channel's or thread's id"),
        ("message" = String, Path, description = "The message's id"),
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "What is known of it", body = ReportView))
)]
pub(super) async fn report(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<MessagePath>,
) -> Result<Json<ReportView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    let report = state.services()?.follows.report_by_id(actor, path.channel.0, path.message.0).await?;
    Ok(Json(ReportView::of(report)))
}
