//! Whether this process has heard everything about its servers: up to which time something may have been
//! missed is recorded for each shard, and until that is done, nothing about its servers is certain.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::domain::shards::Shard;
use crate::store::StoreError;

use super::Intake;

/// For how long nobody minds that there is no connection.
const SHORT: Duration = Duration::from_secs(5);

/// Events of a shard may have been missed until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListeningGap {
    pub(super) shard: Shard,
    /// It ended with a new session.
    pub(super) new_session: bool,
}

/// What is known of each shard of this process.
#[derive(Debug, Default)]
pub(super) struct ListeningStates(Mutex<HashMap<u32, ListeningState>>);

#[derive(Debug, Default)]
struct ListeningState {
    /// A session was resumed, perhaps that of another process.
    resumed: bool,
    /// How many sessions began, and of how many it is recorded that something may have been missed before.
    began: u64,
    recorded: u64,
    /// Since when there is no connection. Discord tells everything after a short pause.
    lost: Option<Instant>,
}

impl ListeningStates {
    fn change(&self, shard: Shard, change: impl FnOnce(&mut ListeningState)) {
        change(lock(&self.0).entry(shard.id).or_default());
    }

    pub(super) fn hears(&self, shard: Shard) -> bool {
        let states = lock(&self.0);
        let heard = |state: &ListeningState| {
            (state.resumed || state.began > 0)
                && state.began == state.recorded
                && state.lost.is_none_or(|lost| lost.elapsed() < SHORT)
        };
        states.get(&shard.id).is_some_and(heard)
    }
}

impl Intake {
    /// A shard's session began. It must be called before anything of it is accepted.
    pub fn session_began(&self, shard: Shard) {
        self.listening.change(shard, |state| {
            state.began += 1;
            state.lost = None;
        });
    }

    /// A shard's session was resumed without a gap, perhaps that of another process.
    pub fn session_resumed(&self, shard: Shard) {
        self.listening.change(shard, |state| {
            state.resumed = true;
            state.lost = None;
        });
        self.check_feeds_soon();
    }

    /// A shard's connection was lost. If none is made soon, nothing about its servers is certain.
    pub fn connection_lost(&self, shard: Shard) {
        self.listening.change(shard, |state| _ = state.lost.get_or_insert_with(Instant::now));
    }

    /// Whether what is recorded of a server is up to date as far as this process can tell: it isn't one of
    /// its servers, or nothing was missed of which it isn't recorded that it may have been.
    pub fn hears(&self, server: GuildId) -> bool {
        let shard = self.shards.each().find(|shard| shard.has(server));
        shard.is_none_or(|shard| self.listening.hears(shard))
    }

    /// Records the end of a gap. Everything that was recorded before must be compared with Discord.
    pub(super) async fn end_gap(&self, gap: ListeningGap) -> Result<(), StoreError> {
        let ListeningGap { shard, new_session } = gap;
        self.store.note_listening_gap(shard, self.clock.now()).await?;
        if new_session {
            self.listening.change(shard, |state| state.recorded += 1);
        }
        self.check_feeds_soon();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_heard_once_its_gap_is_recorded() {
        let (states, shard) = (ListeningStates::default(), Shard { id: 0, total: 1 });
        assert!(!states.hears(shard), "there is no session yet");
        let (began, recorded) =
            (|state: &mut ListeningState| state.began += 1, |state: &mut ListeningState| state.recorded += 1);
        states.change(shard, began);
        assert!(!states.hears(shard));
        states.change(shard, began);
        states.change(shard, recorded);
        assert!(!states.hears(shard), "another session began meanwhile");
        states.change(shard, recorded);
        assert!(states.hears(shard));

        states.change(shard, |state| state.lost = Instant::now().checked_sub(SHORT));
        assert!(!states.hears(shard), "there is no connection");
        states.change(shard, |state| state.lost = Some(Instant::now()));
        assert!(states.hears(shard), "it was lost just now");

        let other = Shard { id: 1, total: 2 };
        states.change(other, |state| state.resumed = true);
        assert!(states.hears(other));
        states.change(other, began);
        assert!(!states.hears(other));
    }
}
