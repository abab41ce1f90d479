//! Which permissions each server had when it was last checked. No event reports changes that happened while
//! nobody listened, but when a session begins, the gateway describes each server completely. A server whose
//! digest differs from that of its last check is checked before the others, and none of its channels is read
//! before that.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::domain::doors::PermissionsDigest;
use crate::domain::ids::GuildId;
use crate::domain::lock::lock;

/// What the gateway has said about a server's permissions in its current session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum PermissionsSeen {
    /// Nothing yet: as far as is known, they are unchanged.
    #[default]
    Nothing,
    /// They were described completely, and no event has changed them since.
    Whole(PermissionsDigest),
    /// An event has changed them since they were described.
    Changed,
}

impl PermissionsSeen {
    /// The digest that a check that began at this point covers; `None` if it is the same as before.
    fn digest(self) -> Option<PermissionsDigest> {
        match self {
            Self::Nothing => None,
            Self::Whole(digest) => Some(digest),
            Self::Changed => Some(PermissionsDigest::CHANGED),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct KnownPermissions {
    told: PermissionsSeen,
    /// Its follows may depend on permissions that are outdated.
    unsure: bool,
    /// What the last complete check covered, as stored in the database.
    looked_at: Option<PermissionsDigest>,
}

/// All servers that have to do with follows, in memory.
#[derive(Debug, Default)]
pub struct ServerPermissions {
    servers: Mutex<HashMap<GuildId, KnownPermissions>>,
    cleared: Notify,
}

impl ServerPermissions {
    /// Adds what the database knows.
    pub(super) fn extend(&self, looked_at: impl IntoIterator<Item = (GuildId, PermissionsDigest)>) {
        let mut servers = lock(&self.servers);
        for (guild, digest) in looked_at {
            servers.entry(guild).or_default().looked_at = Some(digest);
        }
    }

    /// A session began that will describe these servers completely, one after the other.
    pub(super) fn session_began(&self, servers: impl IntoIterator<Item = GuildId>) {
        let mut known = lock(&self.servers);
        for guild in servers {
            let known = known.entry(guild).or_default();
            (known.told, known.unsure) = (PermissionsSeen::Nothing, true);
        }
    }

    /// Compares the permissions that the gateway describes (`None` if they can't be read) with those of the
    /// last check. Whether they differ. A server that was never checked has its turn in the sweep.
    pub(super) fn compare(&self, guild: GuildId, digest: Option<PermissionsDigest>) -> bool {
        let unsure = {
            let mut servers = lock(&self.servers);
            let known = servers.entry(guild).or_default();
            known.told = digest.map_or(PermissionsSeen::Changed, PermissionsSeen::Whole);
            known.unsure = known.looked_at.is_some() && known.looked_at != digest;
            known.unsure
        };
        self.notify_unless(unsure);
        unsure
    }

    /// An event changed something.
    pub(super) fn changed(&self, guild: GuildId) {
        lock(&self.servers).entry(guild).or_default().told = PermissionsSeen::Changed;
    }

    /// What a check that begins now covers.
    pub(super) fn begin(&self, guild: GuildId) -> PermissionsSeen {
        lock(&self.servers).get(&guild).map(|known| known.told).unwrap_or_default()
    }

    /// A complete check has ended. Returns what to store of it; `None` if that is stored already.
    pub(super) fn end(&self, guild: GuildId, of: PermissionsSeen) -> Option<PermissionsDigest> {
        let (unsure, digest) = {
            let mut servers = lock(&self.servers);
            let known = servers.entry(guild).or_default();
            // A check that began before the server was described may have missed something.
            known.unsure &= of == PermissionsSeen::Nothing
                || (of != known.told && known.told != PermissionsSeen::Changed);
            // If it was never described in this session, its permissions are what they were, or unknown.
            let digest =
                of.digest().or_else(|| known.looked_at.is_none().then_some(PermissionsDigest::CHANGED));
            (known.unsure, digest.filter(|digest| known.looked_at != Some(*digest)))
        };
        self.notify_unless(unsure);
        digest
    }

    /// Whether a server's follows may depend on outdated permissions, because a check is still to come.
    pub(super) fn is_unsure(&self, guild: GuildId) -> bool {
        lock(&self.servers).get(&guild).is_some_and(|known| known.unsure)
    }

    /// Waits until one more server has been cleared.
    pub(super) async fn cleared(&self) {
        self.cleared.notified().await;
    }

    fn notify_unless(&self, unsure: bool) {
        if !unsure {
            self.cleared.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> PermissionsDigest {
        PermissionsDigest::of([number; 32])
    }

    fn guild() -> GuildId {
        GuildId::new(1).unwrap()
    }

    /// A server whose last check covered this.
    fn known(number: u8) -> ServerPermissions {
        let permissions = ServerPermissions::default();
        permissions.extend([(guild(), digest(number))]);
        permissions
    }

    fn told(permissions: &ServerPermissions, number: u8) -> bool {
        permissions.compare(guild(), Some(digest(number)))
    }

    /// A complete check, and what is stored of it.
    fn check(permissions: &ServerPermissions) -> Option<PermissionsDigest> {
        let stored = permissions.end(guild(), permissions.begin(guild()));
        permissions.extend(stored.map(|digest| (guild(), digest)));
        stored
    }

    #[test]
    fn only_what_changed_since_the_last_look_is_doubted() {
        let permissions = ServerPermissions::default();
        assert!(!told(&permissions, 1), "it was never looked at: the sweep does it anyway");
        assert_eq!(check(&permissions), Some(digest(1)));
        assert_eq!(check(&permissions), None, "it is stored");
        assert!(!told(&permissions, 1));
        assert!(told(&permissions, 2) && told(&permissions, 2), "until it was looked at");
        assert_eq!(check(&permissions), Some(digest(2)));
        assert!(!told(&permissions, 2));
        assert!(permissions.compare(guild(), None), "what can't be read may be anything");
    }

    #[test]
    fn a_server_is_unsure_until_it_is_told_of_or_looked_at() {
        let permissions = known(1);
        assert!(!permissions.is_unsure(guild()), "a resumed session tells of every change");
        permissions.session_began([guild()]);
        assert!(permissions.is_unsure(guild()));
        check(&permissions);
        assert!(permissions.is_unsure(guild()), "that look may be older than the session");
        told(&permissions, 1);
        assert!(!permissions.is_unsure(guild()));
        permissions.session_began([guild()]);
        told(&permissions, 2);
        assert!(permissions.is_unsure(guild()));
        check(&permissions);
        assert!(!permissions.is_unsure(guild()));
        permissions.session_began([guild()]);
        permissions.compare(guild(), None);
        assert!(permissions.is_unsure(guild()));
        check(&permissions);
        assert!(!permissions.is_unsure(guild()));
    }

    #[test]
    fn what_changes_and_changes_back_unheard_is_found() {
        let permissions = known(1);
        permissions.changed(guild());
        assert_eq!(check(&permissions), Some(PermissionsDigest::CHANGED));
        assert!(told(&permissions, 1), "the look was of something else");
    }

    #[test]
    fn a_change_during_a_look_is_not_taken_for_looked_at() {
        let permissions = known(1);
        let began = permissions.begin(guild());
        told(&permissions, 2);
        assert_eq!(permissions.end(guild(), began), None);
        assert!(permissions.is_unsure(guild()) && told(&permissions, 2));
        let began = permissions.begin(guild());
        told(&permissions, 3);
        permissions.end(guild(), began);
        assert!(permissions.is_unsure(guild()));
        let began = permissions.begin(guild());
        permissions.changed(guild());
        permissions.end(guild(), began);
        assert!(!permissions.is_unsure(guild()), "what an event tells of is looked at within seconds");
    }

    #[test]
    fn a_look_in_a_resumed_session_changes_nothing() {
        let permissions = known(1);
        assert_eq!(check(&permissions), None);
        assert!(!told(&permissions, 1));
        let new = ServerPermissions::default();
        assert_eq!(check(&new), Some(PermissionsDigest::CHANGED), "what it was of isn't known");
        assert!(told(&new, 1));
    }
}
