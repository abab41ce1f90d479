//! What presses show for one person alone, as pictures of a panel's last values: drawn once a minute at most, however many press.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::GuildId;
use crate::domain::panel::{PanelId, View};

use super::press::Pressed;

/// For how long what was drawn serves all who press the same.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// How many are kept; each may hold a picture.
const MOST: usize = 64;

/// What is shown: of which panel, at its version, what was pressed, and in which server.
type Key = (PanelId, i32, String, Option<String>, GuildId);

/// What was drawn within the last minute.
#[derive(Debug, Default)]
pub(super) struct Drawings(Mutex<HashMap<Key, (DateTime<Utc>, View)>>);

impl Drawings {
    /// What is looked for by this.
    pub(super) fn key(pressed: &Pressed, version: i32, guild: GuildId) -> Key {
        (pressed.panel, version, pressed.action.clone(), pressed.chosen.clone(), guild)
    }

    /// What was drawn a moment ago.
    pub(super) fn get(&self, key: &Key, now: DateTime<Utc>) -> Option<View> {
        let drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.get(key).filter(|(at, _)| now < *at + FRESH).map(|(_, view)| view.clone())
    }

    /// Keeps it for a minute.
    pub(super) fn put(&self, key: Key, view: View, now: DateTime<Utc>) {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|_, (at, _)| now < *at + FRESH);
        if drawn.len() >= MOST {
            drawn.clear();
        }
        drawn.insert(key, (now, view));
    }
}
