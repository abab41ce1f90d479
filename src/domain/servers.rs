//! Which servers the operator serves, and how many follows they may have.

use std::collections::BTreeSet;

use super::ids::GuildId;

/// What the operator's settings say of servers. The table of blocked servers comes on top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerLists {
    /// Only these are served; empty for all.
    pub allowed: BTreeSet<GuildId>,
    /// These aren't served, whatever else the settings say.
    pub blocked: BTreeSet<GuildId>,
}

impl ServerLists {
    /// Whether a list blocks this server.
    pub fn blocks(&self, guild: GuildId) -> bool {
        self.blocked.contains(&guild)
    }

    /// Whether the list of allowed servers leaves this one out.
    pub fn leaves_out(&self, guild: GuildId) -> bool {
        !self.allowed.is_empty() && !self.allowed.contains(&guild)
    }
}

/// How many follows there may be, as the operator set it; `None` for no limit. Limits apply to new follows:
/// existing ones beyond a lowered limit go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FollowLimits {
    /// Into one target.
    pub per_target: Option<u32>,
    /// Of one source and its threads, by all servers together.
    pub per_source: Option<u32>,
    /// Into one server.
    pub per_server: Option<u32>,
}

/// The limit that a new follow would exceed, and how many follows it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowsFull {
    /// Into its target.
    Target(u32),
    /// Of its source.
    Source(u32),
    /// Into its server.
    Server(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_leaves_nobody_out() {
        let [home, other] = [1, 2].map(|id| GuildId::new(id).unwrap());
        let none = ServerLists::default();
        assert!(!none.leaves_out(home) && !none.blocks(home));
        let one = ServerLists { allowed: [home].into(), blocked: [home].into() };
        assert!(one.leaves_out(other) && !one.leaves_out(home));
        assert!(one.blocks(home), "a server in both lists is blocked");
    }
}
