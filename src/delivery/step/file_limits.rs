//! How large files may be in a target. That depends on how far its server is boosted. Discord is asked only
//! where a file is larger than every server takes, and the answer is remembered for an hour.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::ActivityContent;
use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::GuildId;
use crate::domain::limits;
use crate::domain::lock::lock;
use crate::store::Work;

use crate::delivery::LaneTools;

/// How long an answer is used before Discord is asked again.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// The same for a server that couldn't be asked about, or that refused what it should take.
const REMEMBERED_REFUSAL: TimeDelta = TimeDelta::minutes(10);
/// How many servers are remembered.
const MOST: usize = 10_000;

/// The file limits of servers, as far as they are known. Old ones are used where Discord can't be asked, so
/// they have no end. Where there are too many, the oldest goes.
#[derive(Debug, Clone, Default)]
pub(in crate::delivery) struct FileLimits(Arc<Mutex<ExpiringMap<GuildId, KnownLimit, MOST>>>);

const NO_END: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;
const ANY_TIME: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;

#[derive(Debug, Clone, Copy)]
struct KnownLimit {
    bytes: u64,
    /// When Discord is asked again.
    until: DateTime<Utc>,
}

impl FileLimits {
    /// How large a file this target takes, in bytes, as far as that is known. At least what every server
    /// takes.
    pub(in crate::delivery) fn limit(&self, work: &Work) -> u64 {
        target_server(work).and_then(|guild| self.get(guild)).map_or(limits::FILE_BYTES, |known| known.bytes)
    }

    fn get(&self, guild: GuildId) -> Option<KnownLimit> {
        lock(&self.0).get(&guild, ANY_TIME).copied()
    }

    fn put(&self, guild: GuildId, bytes: u64, until: DateTime<Utc>) {
        lock(&self.0).put(guild, KnownLimit { bytes, until }, NO_END, ANY_TIME);
    }

    /// Notes that Discord refused a request as too large. Whether the limit that was known may be the reason:
    /// then files are linked for a while.
    pub(super) fn lower(&self, work: &Work, now: DateTime<Utc>) -> bool {
        let Some(guild) = target_server(work).filter(|_| self.limit(work) > limits::FILE_BYTES) else {
            return false;
        };
        self.put(guild, limits::FILE_BYTES, now + REMEMBERED_REFUSAL);
        true
    }
}

impl LaneTools {
    /// Asks for the target's limit, where a file depends on it and it isn't known. Whether the limit is
    /// another than before: then the step that was decided upon has to be decided anew.
    pub(super) async fn learn_file_limit(&self, work: &Work) -> bool {
        let now = self.clock.now();
        let Some(guild) = target_server(work).filter(|_| depends_on_limit(work)) else { return false };
        if self.file_limits.get(guild).is_some_and(|known| known.until > now) {
            return false;
        }
        let before = self.file_limits.limit(work);
        match self.rest.guild(guild).await {
            Ok(known) => {
                self.file_limits.put(guild, limits::file_bytes(known.premium_tier), now + REMEMBERED)
            }
            Err(error) => {
                tracing::warn!(%guild, %error, "Discord can't be asked how large files may be in a server");
                self.file_limits.put(guild, before, now + REMEMBERED_REFUSAL);
            }
        }
        self.file_limits.limit(work) != before
    }
}

fn target_server(work: &Work) -> Option<GuildId> {
    work.surroundings.servers.map(|(_, target)| target)
}

/// Whether it has a file that is too large for some servers, but not for all.
fn depends_on_limit(work: &Work) -> bool {
    let Some(ActivityContent::Message(content)) = work.content.as_deref() else { return false };
    let files = content.files.iter().chain(content.forward.iter().flat_map(|forward| &forward.files));
    let mut sizes = files.map(|file| file.size);
    sizes.any(|size| size > limits::FILE_BYTES && size <= limits::LARGEST_FILE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_servers_are_remembered() {
        let (limits, now) = (FileLimits::default(), DateTime::UNIX_EPOCH);
        let guild = |id: usize| GuildId::new(u64::try_from(id).unwrap()).unwrap();
        (1..=MOST).for_each(|id| limits.put(guild(id), 7, now + REMEMBERED));
        assert_eq!(limits.get(guild(1)).map(|known| known.bytes), Some(7));
        limits.put(guild(MOST + 1), 7, now + REMEMBERED);
        assert!(limits.get(guild(1)).is_none() && limits.get(guild(MOST + 1)).is_some());
    }
}
