//! Views that presses show privately, drawn from a panel's last values. They may be pictures, so each is
//! drawn once a minute at most, however many people press.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::domain::panel::{PanelId, PanelView};

/// For how long a view serves everyone who presses the same.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// How many views are kept; each may hold a picture.
const MOST: usize = 64;

/// What a view depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    pub(super) panel: PanelId,
    /// The version of its title and configuration.
    pub(super) version: i32,
    pub(super) action: String,
    pub(super) chosen: Option<String>,
    /// The server where somebody pressed.
    pub(super) guild: GuildId,
}

/// The views of the last minute.
#[derive(Debug, Default)]
pub(super) struct ViewCache(Mutex<ExpiringMap<ViewKey, PanelView, MOST>>);

impl ViewCache {
    /// A view that is still fresh.
    pub(super) fn get(&self, key: &ViewKey, now: DateTime<Utc>) -> Option<PanelView> {
        lock(&self.0).get(key, now).cloned()
    }

    /// Keeps a view for a minute.
    pub(super) fn put(&self, key: ViewKey, view: PanelView, now: DateTime<Utc>) {
        lock(&self.0).put(key, view, now + FRESH, now);
    }
}
