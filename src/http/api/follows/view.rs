//! A follow as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::follow::{FollowState, FollowStateKind};
use crate::domain::report::WaitReason;
use crate::http::api::{words, written};
use crate::http::problem::for_programs;
use crate::service::{ChannelView, EditedFollow, FollowEdit, FollowRecord};

/// A follow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Follow)]
pub(in crate::http::api) struct FollowView {
    /// Its number.
    #[schema(example = "12")]
    id: String,
    /// The server that follows: the target's.
    guild_id: String,
    /// The channel that is followed; null if you can't see it.
    source_channel_id: Option<String>,
    /// The channel that receives; null if you can't see it.
    target_channel_id: Option<String>,
    /// What is followed.
    source: ChannelEnd,
    /// What receives.
    target: ChannelEnd,
    /// How posts get there: `native` by Discord itself, `relay` through the bot's webhook.
    #[schema(value_type = words::DeliveryMethod)]
    delivery: &'static str,
    /// Which posts: `all`, `except` those with one of the tags, `only` those with one.
    #[schema(value_type = words::FollowMode)]
    mode: &'static str,
    /// The tags for the mode, by their names now.
    tags: Vec<String>,
    /// Tags that no longer exist in the source, by their last names.
    deleted_tags: Vec<String>,
    /// How many tags there are whose names you may not know.
    hidden_tags: usize,
    /// Which of the source's threads: `none`, `starter`, `all`.
    #[schema(value_type = words::ThreadScope)]
    threads: &'static str,
    /// Whether the source's panels are mirrored, too.
    panels: bool,
    /// Whether it delivers.
    is_active: bool,
    /// `active`, `paused` or `broken`.
    #[schema(value_type = words::FollowState)]
    state: &'static str,
    /// Why it is broken, in one word; null if it isn't.
    #[schema(value_type = Option<words::BrokenReason>)]
    broken_reason: Option<&'static str>,
    /// What is wrong with it and what can be done, as a sentence; null if nothing is wrong.
    remedy: Option<String>,
    /// Why nothing is sent into its target at the moment, if something has waited for longer than usual.
    waits: Option<WaitView>,
    /// When its last mirror was posted that still exists; null if there is none, or Discord itself delivers.
    last_delivered_at: Option<String>,
    /// How many posts wait to be shown in the target.
    waiting: u64,
    /// Whether you may change it.
    can_manage: bool,
    /// The webhook through which it delivers; null if you may not change the follow, or there is none.
    webhook_id: Option<String>,
    /// The collection of this server that it comes from; null if somebody made it by itself.
    collection_id: Option<String>,
    /// The person who made it; null if they are forgotten.
    created_by: Option<String>,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
}

/// One end of a follow. What you may not see is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct ChannelEnd {
    /// `here` in this server, `elsewhere` in another that you see, `hidden`, or `deleted`.
    #[schema(value_type = words::ChannelSight)]
    sight: &'static str,
    /// The channel.
    id: Option<String>,
    /// Its name.
    name: Option<String>,
    /// Its server, if it is another one.
    guild_id: Option<String>,
    /// That server's name.
    guild_name: Option<String>,
}

/// Why something waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct WaitView {
    /// `sending`, `doubt` (whether Discord took it isn't known yet), `failed`, `behind` (earlier messages go
    /// first), `limited` (Discord asks to wait), or `soon`.
    #[schema(value_type = words::WaitReason)]
    reason: &'static str,
    /// Until when; null if that isn't known.
    until: Option<String>,
    /// With `failed`: how many attempts failed.
    attempts: Option<u32>,
    /// With `behind`: how many messages go first.
    ahead: Option<u64>,
}

/// A follow after it was made or changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct EditedFollowView {
    /// `created`, `changed`, `unchanged`, `repaired` (it was broken), `resumed`, `paused`, or `waits` (until
    /// the source's moderators approve it).
    #[schema(value_type = words::FollowResult)]
    result: &'static str,
    /// With `created`: with how many earlier posts it begins.
    earlier_posts: Option<u64>,
    #[serde(flatten)]
    follow: FollowView,
}

impl FollowView {
    /// A follow, without what the person may not see.
    pub(super) fn of(record: FollowRecord) -> Self {
        let (source, target) = (ChannelEnd::of(record.source), ChannelEnd::of(record.target));
        let broken_reason = match record.state {
            FollowState::Broken(reason) => Some(reason.as_str()),
            FollowState::Active | FollowState::Paused => None,
        };
        Self {
            id: record.id.0.to_string(),
            guild_id: record.guild.to_string(),
            source_channel_id: source.id.clone(),
            target_channel_id: target.id.clone(),
            source,
            target,
            delivery: record.delivery.as_str(),
            mode: record.mode.as_str(),
            tags: record.tags.there,
            deleted_tags: record.tags.deleted,
            hidden_tags: record.tags.hidden,
            threads: record.threads.as_str(),
            panels: record.panels,
            is_active: record.state.kind() == FollowStateKind::Active,
            state: record.state.kind().as_str(),
            broken_reason,
            remedy: record.remedy.as_deref().map(for_programs),
            waits: record.waits.map(WaitView::of),
            last_delivered_at: record.last_delivered_at.map(written),
            waiting: record.waiting,
            can_manage: record.manages,
            webhook_id: record.webhook.map(|webhook| webhook.to_string()),
            collection_id: record.collection.map(|collection| collection.0.to_string()),
            created_by: record.created_by.map(|person| person.to_string()),
            created_at: written(record.created_at),
            updated_at: written(record.updated_at),
        }
    }
}

impl ChannelEnd {
    /// A channel, without what the person may not see.
    pub(in crate::http::api) fn of(view: ChannelView) -> Self {
        let sight = words::sight(&view);
        let end = |id: Option<String>, name| Self { sight, id, name, guild_id: None, guild_name: None };
        match view {
            ChannelView::Here { channel, name } => end(Some(channel.to_string()), Some(name)),
            ChannelView::Elsewhere { channel, name, guild, server } => Self {
                guild_id: Some(guild.to_string()),
                guild_name: Some(server),
                ..end(Some(channel.to_string()), Some(name))
            },
            ChannelView::Hidden { server } => Self { guild_name: server, ..end(None, None) },
            ChannelView::Deleted(channel) => end(Some(channel.to_string()), None),
        }
    }
}

impl WaitView {
    /// Why something waits.
    pub(in crate::http::api) fn of(reason: WaitReason) -> Self {
        let (until, attempts, ahead) = match reason {
            WaitReason::Sending | WaitReason::Soon => (None, None, None),
            WaitReason::Doubt(until) | WaitReason::Limited(until) => (Some(until), None, None),
            WaitReason::Failed(attempts, until) => (until, Some(attempts), None),
            WaitReason::Behind(ahead, until) => (until, None, Some(ahead)),
        };
        Self { reason: words::wait(reason), until: until.map(written), attempts, ahead }
    }
}

impl EditedFollowView {
    /// A follow after it was made or changed.
    pub(super) fn of(edited: EditedFollow) -> Self {
        let earlier_posts = match edited.edit {
            FollowEdit::Created { earlier } => Some(earlier),
            _ => None,
        };
        Self { result: words::result(edited.edit), earlier_posts, follow: FollowView::of(edited.record) }
    }
}
