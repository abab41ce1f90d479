//! How large files may be in a target: it depends on how far its server is boosted. Asked only where a file is larger than every server takes, and remembered for an hour.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::Showing;
use crate::domain::ids::GuildId;
use crate::domain::limits;
use crate::store::Work;

use crate::delivery::Tools;

/// How long an answer is used before it is asked for again.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// The same of a server that couldn't be asked, or that refused what it should take.
const REMEMBERED_REFUSAL: TimeDelta = TimeDelta::minutes(10);

/// What is known of servers.
#[derive(Debug, Clone, Default)]
pub(in crate::delivery) struct FileSizes(Arc<Mutex<HashMap<GuildId, Known>>>);

#[derive(Debug, Clone, Copy)]
struct Known {
    bytes: u64,
    until: DateTime<Utc>,
}

impl FileSizes {
    /// How large a file this target takes, as far as that is known: what every server takes, at least.
    pub(in crate::delivery) fn limit(&self, work: &Work) -> u64 {
        target_server(work).and_then(|guild| self.get(guild)).map_or(limits::FILE_BYTES, |known| known.bytes)
    }

    fn get(&self, guild: GuildId) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&guild).copied()
    }

    fn put(&self, guild: GuildId, bytes: u64, until: DateTime<Utc>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(guild, Known { bytes, until });
    }

    /// Discord refused a request as too large: whether that may be because of what was known. Then files are linked for a while.
    pub(in crate::delivery) fn lower(&self, work: &Work, now: DateTime<Utc>) -> bool {
        let Some(guild) = target_server(work).filter(|_| self.limit(work) > limits::FILE_BYTES) else {
            return false;
        };
        self.put(guild, limits::FILE_BYTES, now + REMEMBERED_REFUSAL);
        true
    }
}

impl Tools {
    /// Sees to it that the target's limit is known, where it decides about a file of what is shown. Whether it is another than before: then what was
    /// decided upon has to be decided anew.
    pub(in crate::delivery) async fn learn_file_limit(&self, work: &Work) -> bool {
        let now = self.clock.now();
        let Some(guild) = target_server(work).filter(|_| depends_on_limit(work)) else { return false };
        if self.sizes.get(guild).is_some_and(|known| known.until > now) {
            return false;
        }
        let before = self.sizes.limit(work);
        match self.rest.guild(guild).await {
            Ok(known) => self.sizes.put(guild, limits::file_bytes(known.premium_tier), now + REMEMBERED),
            Err(error) => {
                tracing::warn!(%guild, %error, "how large files may be in a server can't be asked for");
                self.sizes.put(guild, before, now + REMEMBERED_REFUSAL);
            }
        }
        self.sizes.limit(work) != before
    }
}

fn target_server(work: &Work) -> Option<GuildId> {
    work.surroundings.servers.map(|(_, target)| target)
}

/// Whether a file is too large for some servers, but not for all.
fn depends_on_limit(work: &Work) -> bool {
    let Some(Showing::Message(content)) = work.content.as_deref() else { return false };
    let files = content.files.iter().chain(content.forward.iter().flat_map(|forward| &forward.files));
    let mut sizes = files.map(|file| file.size);
    sizes.any(|size| size > limits::FILE_BYTES && size <= limits::LARGEST_FILE_BYTES)
}
