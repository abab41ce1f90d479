//! The followed side: which channels of a server may be followed, and who follows them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::follow::{Approval, Audience};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody, Params, word};
use crate::http::caller::Identified;
use crate::http::id::{Id, IdText};
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::{FollowableChannel, FollowerRecord, PublishRequest, Published};

use super::follows::ChannelEnd;
use super::paging::{PageOf, PageQuery};
use super::{InServer, ListOf, words, written};

/// A channel of a server.
#[derive(Debug, Deserialize)]
pub(super) struct ChannelPath {
    server: Id<GuildId>,
    channel: Id<ChannelId>,
}

/// A channel that can be followed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Channel)]
pub(super) struct ChannelRow {
    /// The channel.
    id: String,
    /// Its name.
    name: String,
    /// What it is: `text`, `announcement`, `forum`, `voice` or `stage`.
    #[schema(value_type = words::ChannelKind)]
    kind: &'static str,
    /// Who may follow it from other servers, as chosen with `/publish`: `nobody`, `servers`, `everyone` or
    /// `closed`. With `nobody`, Discord's own rule applies to announcement channels.
    #[schema(value_type = words::AudienceKind)]
    audience: &'static str,
    /// Whether its moderators are asked first.
    #[schema(value_type = words::ApprovalKind)]
    approval: &'static str,
    /// Whether other servers may follow it: by that choice, or because Discord itself opens it.
    is_open: bool,
    /// How many channels follow it, those of its own server included.
    followers: u64,
}

/// A follower of a channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Follower)]
pub(super) struct FollowerView {
    /// The follow's number.
    follow_id: String,
    /// The name of the server that follows; null if I am no longer in it.
    guild_name: Option<String>,
    /// The channel that follows, without what you may not see.
    channel: ChannelEnd,
    /// Whether it delivers.
    #[schema(value_type = words::FollowState)]
    state: &'static str,
    /// Since when it follows.
    since: String,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct FollowersQuery {
    /// The number of the page, from 1.
    #[param(value_type = Option<u64>, minimum = 1)]
    page: Option<String>,
    /// How many items a page has: 1 to 100, 20 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    page_size: Option<String>,
    /// The cursor that another page gave, in place of `page`.
    cursor: Option<String>,
}

/// Who may follow a channel. What isn't given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AudienceChange)]
pub(super) struct AudienceBody {
    /// Who may follow it from other servers: `nobody`, `servers`, `everyone` or `closed`.
    #[schema(value_type = Option<words::AudienceKind>)]
    audience: Option<String>,
    /// Whether its moderators are asked first: `none` (they aren't) or `ask`.
    #[schema(value_type = Option<words::ApprovalKind>)]
    approval: Option<String>,
    /// Where its moderators are told about requests and new followers; null for nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<IdText>)]
    notify_channel_id: Option<Option<Id<ChannelId>>>,
}

/// Tells `null` from a member that is missing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Who may follow a channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Audience)]
pub(super) struct AudienceView {
    /// Who may follow it from other servers.
    #[schema(value_type = words::AudienceKind)]
    audience: &'static str,
    /// Whether its moderators are asked first.
    #[schema(value_type = words::ApprovalKind)]
    approval: &'static str,
    /// Where its moderators are told about requests and new followers.
    notify_channel_id: Option<String>,
    /// Whether everyone in its server sees it.
    everyone_sees: bool,
    /// How many follows of other servers this ended.
    ended: usize,
}

impl AudienceBody {
    fn read(self) -> Result<PublishRequest, Problem> {
        let audiences = Audience::ALL.iter().map(|audience| (audience.as_str(), *audience));
        let approvals = Approval::ALL.iter().map(|approval| (approval.as_str(), *approval));
        Ok(PublishRequest {
            audience: word(self.audience.as_deref(), "/audience", audiences)?,
            approval: word(self.approval.as_deref(), "/approval", approvals)?,
            notify: self.notify_channel_id.flatten().map(|Id(channel)| channel),
            quiet: self.notify_channel_id == Some(None),
        })
    }
}

impl AudienceView {
    fn of(published: Published) -> Self {
        let Published { now, everyone_sees, broken, .. } = published;
        Self {
            audience: now.audience.as_str(),
            approval: now.approval.as_str(),
            notify_channel_id: now.notify.map(|channel| channel.to_string()),
            everyone_sees,
            ended: broken,
        }
    }
}

/// List the channels that can be followed
///
/// Those that you see, threads left out. That takes Manage Messages in the server as a whole.
#[utoipa::path(
    get,
    path = "/servers/{server}/channels",
    tag = "Channels",
    params(("server" = String, Path, description = "The server's id")),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "The channels", body = ListOf<ChannelRow>))
)]
pub(super) async fn list(
    State(state): State<WebState>,
    caller: Identified,
    Ids(InServer { server: Id(server) }): Ids<InServer>,
) -> Result<Json<ListOf<ChannelRow>>, Problem> {
    let actor = caller.act_in(server, TokenScope::ServersRead)?;
    let channels = state.services()?.follows.followable_channels(actor).await?;
    let view = |channel: FollowableChannel| ChannelRow {
        id: channel.channel.to_string(),
        name: channel.name,
        kind: words::channel_kind(channel.kind),
        audience: channel.audience.as_str(),
        approval: channel.approval.as_str(),
        is_open: channel.open,
        followers: channel.followers,
    };
    Ok(Json(ListOf { items: channels.into_iter().map(view).collect() }))
}

/// List who follows a channel
///
/// The newest first; those that wait for approval aren't among them. That takes Manage Messages there.
#[utoipa::path(
    get,
    path = "/servers/{server}/channels/{channel}/followers",
    tag = "Channels",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("channel" = String, Path, description = "The channel's id"),
        FollowersQuery,
    ),
    security(("token" = ["servers:read"]), ("session" = [])),
    responses((status = 200, description = "A page of followers", body = PageOf<FollowerView>))
)]
pub(super) async fn followers(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<ChannelPath>,
    Params(query): Params<FollowersQuery>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersRead)?;
    let place = PageQuery::read(query.page.as_deref(), query.page_size.as_deref(), query.cursor.as_deref())?;
    let services = state.services()?;
    let page = services.follows.follower_records(actor, path.channel.0, place.start, place.size).await?;
    let view = |follower: FollowerRecord| FollowerView {
        follow_id: follower.id.0.to_string(),
        guild_name: follower.server,
        channel: ChannelEnd::of(follower.channel),
        state: follower.state.as_str(),
        since: written(follower.since),
    };
    Ok(place.answer(page, |follower| follower.id.0, view, (&state.url, &uri)))
}

/// Choose who may follow a channel
///
/// What `/publish` does. That takes Manage Channels there.
#[utoipa::path(
    put,
    path = "/servers/{server}/channels/{channel}/audience",
    tag = "Channels",
    params(
        ("server" = String, Path, description = "The server's id"),
        ("channel" = String, Path, description = "The channel's id"),
    ),
    security(("token" = ["servers:write"]), ("session" = [])),
    request_body = AudienceBody,
    responses((status = 200, description = "What holds now", body = AudienceView))
)]
pub(super) async fn publish(
    State(state): State<WebState>,
    caller: Identified,
    Ids(path): Ids<ChannelPath>,
    JsonBody(body): JsonBody<AudienceBody>,
) -> Result<Json<AudienceView>, Problem> {
    let actor = caller.act_in(path.server.0, TokenScope::ServersWrite)?;
    let published = state.services()?.follows.publish(actor, path.channel.0, body.read()?).await?;
    Ok(Json(AudienceView::of(published)))
}
