//! The followed side: which channels of a server may be followed, and by whom.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::domain::follow::{Approval, Audience};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::scope::TokenScope;
use crate::http::body::{Ids, JsonBody, word};
use crate::http::caller::Identified;
use crate::http::id::{Id, IdText};
use crate::http::problem::Problem;
use crate::http::web::WebState;
use crate::service::{FollowableChannel, PublishRequest, Published};

use super::{InServer, ListOf, words};

/// A channel of a server.
#[derive(Debug, Deserialize)]
pub(super) struct ChannelPath {
    pub(super) server: Id<GuildId>,
    pub(super) channel: Id<ChannelId>,
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
