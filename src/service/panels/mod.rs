//! Panels: people create and manage them, a loop keeps them current, and anyone who sees one may press its
//! buttons.
//!
//! ```text
//! /panel …, presses ─► a change of the panel's row ─┐
//!                      its time comes (RefreshLoop) ─┴─► refresh: gather ─► render ─► does it differ?
//! if so: a revision of its activity ─► lanes: the mirrors; then an edit of its own message
//! ```
//! A panel is one activity for as long as one message shows it. Its mirrors are deliveries like those of
//! messages; nothing here sends one. `crate::panel` says who else works on panels.

mod list;
mod manage;
mod post;
mod press;
mod record;
mod refresh;
mod refresh_loop;
mod require;
mod view_cache;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::domain::clock::Clock;
use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::panel::PanelId;
use crate::domain::permissions::Permissions;
use crate::domain::shards::Shards;
use crate::panel::DataSources;
use crate::rest::Client;
use crate::store::{Notice, Store};

use super::Wake;
use super::access::lookups::Lookups;
use super::access::quotas::UserQuotas;
use super::locks::Locks;
use super::{Identity, ServiceParts};

pub use self::list::PanelListEntry;
pub use self::manage::{PanelRequest, SavedPanel};
pub use self::press::{Acknowledgement, PanelAction, PressReply};
pub use self::record::{PanelKindForm, PanelPatch, PanelRecord};
pub use self::refresh_loop::RefreshLoop;
use self::view_cache::ViewCache;

/// What whoever manages a panel needs in its channel.
const MANAGE: Permissions = Permissions::MANAGE_CHANNELS;
/// What the bot needs where a panel is posted.
const BOT_NEEDS: Permissions = Permissions::VIEW_CHANNEL
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::READ_MESSAGE_HISTORY);

/// How long a refresh may take before another one may begin, in this process or another.
const CLAIM: TimeDelta = TimeDelta::seconds(60);
/// How many panels' last presses of the Refresh button are remembered.
const HASTENED: usize = 10_000;
/// How often a change is tried when somebody else's came first.
const TRIES: usize = 3;
/// How long a call to Discord may take with all its retries: somebody waits for the answer, and the next
/// refresh tries again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bot's name and picture, which head the mirrors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotProfile {
    /// Its name.
    pub name: String,
    /// The address of its picture.
    pub avatar_url: Option<String>,
}

/// What limits people and servers.
pub struct PanelLimits {
    /// What each person may do.
    pub quotas: Arc<UserQuotas>,
    /// What looking up channels may cost.
    pub lookups: Arc<Lookups>,
    /// How many panels a server may have; `None` for no limit.
    pub most_in_server: Option<u32>,
}

/// The use cases around panels.
pub struct Panels {
    store: Store,
    /// For refreshes.
    rest: Client,
    /// For requests that somebody waits for.
    rest_for_people: Client,
    clock: Clock,
    identity: Identity,
    wake: Wake,
    profile: BotProfile,
    sources: DataSources,
    limits: PanelLimits,
    /// The views that presses showed within the last minute.
    views: ViewCache,
    /// Held while such a view is drawn.
    drawing: Locks<PanelId>,
    /// When the last refresh that somebody asked for with the Refresh button is due, or was.
    hastened: Mutex<ExpiringMap<PanelId, DateTime<Utc>, HASTENED>>,
    /// The shards whose panels this process keeps current.
    shards: Shards,
    /// Notified when a panel is due earlier than the refresh loop knows.
    due: Notify,
    /// Held while one panel is refreshed or changed, so that two at once don't post it twice.
    locks: Locks<PanelId>,
    /// The panels' own messages, so that deleting any other message costs no query.
    messages: RwLock<HashMap<MessageId, PanelId>>,
}

impl Panels {
    /// The use cases over these parts.
    pub fn new(parts: ServiceParts, profile: BotProfile, sources: DataSources, limits: PanelLimits) -> Self {
        let ServiceParts { store, rest, clock, identity, wake, shards, .. } = parts;
        let rest = rest.with_patience(PATIENCE);
        Self {
            store,
            rest_for_people: rest.for_people(),
            rest,
            clock,
            identity,
            wake,
            profile,
            sources,
            limits,
            views: ViewCache::default(),
            drawing: Locks::default(),
            hastened: Mutex::default(),
            shards,
            due: Notify::new(),
            locks: Locks::default(),
            messages: RwLock::default(),
        }
    }

    /// Which panel this message shows, if any. Answered from memory: every deletion in every server asks.
    pub fn shown_by(&self, message: MessageId) -> Option<PanelId> {
        self.messages.read().unwrap_or_else(PoisonError::into_inner).get(&message).copied()
    }

    fn remember(&self, message: MessageId, panel: PanelId) {
        self.messages.write().unwrap_or_else(PoisonError::into_inner).insert(message, panel);
    }

    fn forget(&self, panel: PanelId) {
        self.messages.write().unwrap_or_else(PoisonError::into_inner).retain(|_, shown| *shown != panel);
    }

    /// Wakes the refresh loop: a panel of this process is due earlier than it knows.
    pub fn wake_refresh_loop(&self) {
        self.due.notify_one();
    }

    /// Wakes the refresh loop of the process that has this server.
    async fn wake_refresh_loop_of(&self, guild: GuildId) {
        if self.shards.has(guild) {
            return self.wake_refresh_loop();
        }
        if let Err(error) = self.store.notify(&Notice::Panel).await {
            tracing::warn!(%error, "could not tell the process that refreshes a panel; it finds out within seconds");
        }
    }

    fn wake(&self, targets: Vec<ChannelId>) {
        if !targets.is_empty() {
            (self.wake)(targets);
        }
    }
}
