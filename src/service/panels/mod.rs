//! Panels: made and managed by people, kept current by a keeper, pressed by anyone who sees them.
//!
//! ```text
//! /panel …, presses ─► a change of its row ─┐
//!               its time has come, Keeper ──┼─► look: gather ─► render ─► is it another? ─► a revision of its activity ─► lanes: the mirrors
//!                                           └─────────────────────────────── and then ─► an edit of its own message
//! ```
//! A panel is one activity as long as one message shows it. Its mirrors are deliveries like those of messages; nothing here sends one.

mod list;
mod manage;
mod post;
mod press;
mod refresh;
mod refresh_loop;
mod view_cache;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::panel::PanelId;
use crate::domain::permissions::Permissions;
use crate::domain::shards::Shards;
use crate::panel::Sources;
use crate::rest::Client;
use crate::store::{Notice, Store};

use super::Wake;
use super::access::lookups::Lookups;
use super::access::quotas::UserQuotas;
use super::locks::Locks;
use super::{Identity, ServiceParts};

pub use self::list::PanelRow;
pub use self::manage::{Kept, PanelRequest};
pub use self::press::{Begun, Pressed, Shown};
pub use self::refresh_loop::Keeper;
use self::view_cache::Drawings;

/// What whoever manages a panel needs in its channel.
const MANAGE: Permissions = Permissions::MANAGE_CHANNELS;
/// What the bot needs where a panel is posted.
const BOT_NEEDS: Permissions = Permissions::VIEW_CHANNEL
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::READ_MESSAGE_HISTORY);

/// How long a look may take before another may begin, in this process or another.
const HOLD: TimeDelta = TimeDelta::seconds(60);
/// How often a change is tried that another one came before.
const TRIES: usize = 3;
/// How long a call to Discord may take with all its repetitions: somebody waits for the answer, and the next look tries again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bot's name and picture, which stand above the mirrors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// Its name.
    pub name: String,
    /// The address of its picture.
    pub avatar_url: Option<String>,
}

/// What bounds people and servers.
pub struct Bounds {
    /// What each person may do.
    pub quotas: Arc<UserQuotas>,
    /// What look-ups of channels may cost.
    pub lookups: Arc<Lookups>,
    /// How many panels a server may have; none for no bound.
    pub most_in_server: Option<u32>,
}

/// Everything about panels.
pub struct Panels {
    store: Store,
    /// For looks.
    rest: Client,
    /// For what somebody waits for.
    rest_for_people: Client,
    clock: Clock,
    identity: Identity,
    wake: Wake,
    brand: Brand,
    sources: Sources,
    bounds: Bounds,
    /// What presses showed within the last minute; and who draws.
    drawings: Drawings,
    drawing: Locks<PanelId>,
    /// When the last look is, or was, that a press on Refresh asked for.
    hastened: Mutex<HashMap<PanelId, DateTime<Utc>>>,
    /// Whose panels this process keeps.
    shards: Shards,
    /// A panel is due earlier than the keeper knows.
    due: Notify,
    /// Held while one panel is looked at or changed, so that two at once don't post it twice.
    locks: Locks<PanelId>,
    /// The panels' own messages, so that a deletion elsewhere costs no query.
    messages: RwLock<HashMap<MessageId, PanelId>>,
}

impl Panels {
    /// The use cases over these parts.
    pub fn new(parts: ServiceParts, brand: Brand, sources: Sources, bounds: Bounds) -> Self {
        let ServiceParts { store, rest, clock, identity, wake, shards, .. } = parts;
        let rest = rest.with_patience(PATIENCE);
        Self {
            store,
            rest_for_people: rest.for_people(),
            rest,
            clock,
            identity,
            wake,
            brand,
            sources,
            bounds,
            drawings: Drawings::default(),
            drawing: Locks::default(),
            hastened: Mutex::default(),
            shards,
            due: Notify::new(),
            locks: Locks::default(),
            messages: RwLock::default(),
        }
    }

    /// Which panel this message shows, if it does. In memory only: it is asked for every deletion of every server.
    pub fn shown_by(&self, message: MessageId) -> Option<PanelId> {
        self.messages.read().unwrap_or_else(PoisonError::into_inner).get(&message).copied()
    }

    fn remember(&self, message: MessageId, panel: PanelId) {
        self.messages.write().unwrap_or_else(PoisonError::into_inner).insert(message, panel);
    }

    fn forget(&self, panel: PanelId) {
        self.messages.write().unwrap_or_else(PoisonError::into_inner).retain(|_, shown| *shown != panel);
    }

    /// A panel of this process is due earlier than its keeper knows.
    pub fn poke(&self) {
        self.due.notify_one();
    }

    /// The same for a panel of this server, which may be another process's.
    async fn poke_keeper(&self, guild: GuildId) {
        if self.shards.has(guild) {
            return self.poke();
        }
        if let Err(error) = self.store.notify(&Notice::Panel).await {
            tracing::warn!(%error, "a panel's keeper could not be told; it looks by itself soon");
        }
    }

    fn wake(&self, targets: Vec<ChannelId>) {
        if !targets.is_empty() {
            (self.wake)(targets);
        }
    }
}
