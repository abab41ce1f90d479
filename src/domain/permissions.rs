//! Discord's permissions, computed for one member in one channel by Discord's own rules.

use bitflags::bitflags;

use super::channel::ChannelKind;
use super::ids::{GuildId, RoleId, UserId};

bitflags! {
    /// A set of permissions. Only those that Tributary looks at have names.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Permissions: u64 {
        /// Everything, whatever overwrites say.
        const ADMINISTRATOR = 1 << 3;
        /// Manage Channels.
        const MANAGE_CHANNELS = 1 << 4;
        /// Manage Server.
        const MANAGE_GUILD = 1 << 5;
        /// View Channel.
        const VIEW_CHANNEL = 1 << 10;
        /// Send Messages.
        const SEND_MESSAGES = 1 << 11;
        /// Manage Messages.
        const MANAGE_MESSAGES = 1 << 13;
        /// Embed Links.
        const EMBED_LINKS = 1 << 14;
        /// Attach Files.
        const ATTACH_FILES = 1 << 15;
        /// Read Message History.
        const READ_MESSAGE_HISTORY = 1 << 16;
        /// Connect.
        const CONNECT = 1 << 20;
        /// Manage Webhooks.
        const MANAGE_WEBHOOKS = 1 << 29;
        /// Manage Threads.
        const MANAGE_THREADS = 1 << 34;
        const _ = !0;
    }
}

impl Permissions {
    /// What reading a channel takes. In the chats of voice and stage channels, Discord requires Connect, too.
    pub const fn reading(kind: ChannelKind) -> Self {
        let reading = Self::VIEW_CHANNEL.union(Self::READ_MESSAGE_HISTORY);
        match kind {
            ChannelKind::Voice | ChannelKind::Stage => reading.union(Self::CONNECT),
            _ => reading,
        }
    }

    /// `**Manage Webhooks** and **View Channel**`, as Discord's interface names them.
    pub fn listed(self) -> String {
        let names: Vec<_> = self.names().iter().map(|name| format!("**{name}**")).collect();
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => "**Administrator**".to_owned(),
        }
    }

    /// The names of these permissions as Discord's interface writes them, in its order. Unnamed ones are left
    /// out.
    pub fn names(self) -> Vec<&'static str> {
        const NAMES: [(Permissions, &str); 12] = [
            (Permissions::VIEW_CHANNEL, "View Channel"),
            (Permissions::MANAGE_GUILD, "Manage Server"),
            (Permissions::MANAGE_CHANNELS, "Manage Channels"),
            (Permissions::MANAGE_WEBHOOKS, "Manage Webhooks"),
            (Permissions::SEND_MESSAGES, "Send Messages"),
            (Permissions::EMBED_LINKS, "Embed Links"),
            (Permissions::ATTACH_FILES, "Attach Files"),
            (Permissions::MANAGE_MESSAGES, "Manage Messages"),
            (Permissions::MANAGE_THREADS, "Manage Threads"),
            (Permissions::READ_MESSAGE_HISTORY, "Read Message History"),
            (Permissions::CONNECT, "Connect"),
            (Permissions::ADMINISTRATOR, "Administrator"),
        ];
        NAMES.iter().filter(|(permission, _)| self.contains(*permission)).map(|(_, name)| *name).collect()
    }
}

/// A role of a server, as far as permissions go. This is Discord's word; the role of a process is
/// `config::Role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// The role.
    pub id: RoleId,
    /// What it allows in the whole server.
    pub permissions: Permissions,
}

/// Whom an overwrite is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverwriteFor {
    /// All members with this role.
    Role(RoleId),
    /// One member.
    Member(UserId),
}

/// What a channel allows or denies beyond its server's roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overwrite {
    /// Whom it is for.
    pub subject: OverwriteFor,
    /// Allowed here.
    pub allow: Permissions,
    /// Denied here.
    pub deny: Permissions,
}

/// A member whose permissions are asked for.
#[derive(Debug, Clone, Copy)]
pub struct PermissionHolder<'a> {
    /// The member.
    pub user: UserId,
    /// The member's roles, without `@everyone`.
    pub roles: &'a [RoleId],
}

/// What a server says about permissions.
#[derive(Debug, Clone, Copy)]
pub struct ServerRules<'a> {
    /// The server.
    pub guild: GuildId,
    /// Its owner, who may do everything.
    pub owner: UserId,
    /// All its roles.
    pub roles: &'a [Role],
}

impl ServerRules<'_> {
    /// What roles and overwrites grant a member in a channel with these overwrites, even where they don't
    /// grant View Channel.
    ///
    /// Discord: the owner and administrators may do everything. For others, the roles' permissions count
    /// together, then the overwrites for `@everyone`, for the member's roles together (allowing wins), and
    /// for the member. A thread has no overwrites of its own: pass its parent's.
    pub fn granted(&self, subject: PermissionHolder<'_>, overwrites: &[Overwrite]) -> Permissions {
        let everyone = self.guild.everyone();
        let has = |role: RoleId| role == everyone || subject.roles.contains(&role);
        let roles = self.roles.iter().filter(|role| has(role.id));
        let base = roles.fold(Permissions::empty(), |all, role| all | role.permissions);
        if subject.user == self.owner || base.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        let of_roles =
            |who: OverwriteFor| matches!(who, OverwriteFor::Role(role) if role != everyone && has(role));
        let granted = layer(base, overwrites, |who| who == OverwriteFor::Role(everyone));
        let granted = layer(granted, overwrites, of_roles);
        layer(granted, overwrites, |who| who == OverwriteFor::Member(subject.user))
    }

    /// What a member without any role may do in a channel with these overwrites, and so what everyone may do.
    pub fn everyone(&self, overwrites: &[Overwrite]) -> Permissions {
        let everyone = self.guild.everyone();
        let role = self.roles.iter().find(|role| role.id == everyone);
        let base = role.map_or(Permissions::empty(), |role| role.permissions);
        if base.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        layer(base, overwrites, |who| who == OverwriteFor::Role(everyone))
    }
}

/// Applies one layer of overwrites: first everything that is denied, then everything that is allowed.
fn layer(base: Permissions, overwrites: &[Overwrite], applies: impl Fn(OverwriteFor) -> bool) -> Permissions {
    let of_layer = || overwrites.iter().filter(|overwrite| applies(overwrite.subject));
    let denied = of_layer().fold(base, |granted, overwrite| granted.difference(overwrite.deny));
    of_layer().fold(denied, |granted, overwrite| granted | overwrite.allow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twilight_model::channel::ChannelType;
    use twilight_model::channel::permission_overwrite::{PermissionOverwrite, PermissionOverwriteType};
    use twilight_model::guild as twilight;
    use twilight_model::id::Id;
    use twilight_util::permission_calculator::PermissionCalculator;

    use super::*;

    /// The bits of the permissions that have names, without Administrator.
    const NAMED_BITS: [u32; 10] = [4, 10, 11, 13, 14, 15, 16, 20, 29, 34];

    const VIEW: Permissions = Permissions::VIEW_CHANNEL;
    const HOOKS: Permissions = Permissions::MANAGE_WEBHOOKS;

    fn guild() -> GuildId {
        GuildId::new(1).unwrap()
    }

    fn user(id: u64) -> UserId {
        UserId::new(id).unwrap()
    }

    fn role(id: u64) -> RoleId {
        RoleId::new(id).unwrap()
    }

    fn compute(roles: &[Role], has: &[RoleId], overwrites: &[Overwrite]) -> Permissions {
        let rules = ServerRules { guild: guild(), owner: user(9), roles };
        rules.granted(PermissionHolder { user: user(5), roles: has }, overwrites)
    }

    fn everyone(permissions: Permissions) -> Role {
        Role { id: guild().everyone(), permissions }
    }

    #[test]
    fn overwrites_apply_in_discords_order() {
        let roles = [everyone(VIEW | HOOKS), Role { id: role(2), permissions: Permissions::empty() }];
        let deny_all = Overwrite {
            subject: OverwriteFor::Role(guild().everyone()),
            allow: Permissions::empty(),
            deny: VIEW,
        };
        let allow_role = Overwrite { subject: OverwriteFor::Role(role(2)), allow: VIEW, deny: HOOKS };
        let allow_me =
            Overwrite { subject: OverwriteFor::Member(user(5)), allow: HOOKS, deny: Permissions::empty() };
        assert_eq!(compute(&roles, &[], &[deny_all, allow_role]), HOOKS);
        assert_eq!(compute(&roles, &[role(2)], &[allow_role, deny_all]), VIEW);
        assert_eq!(compute(&roles, &[role(2)], &[allow_me, allow_role, deny_all]), VIEW | HOOKS);
    }

    #[test]
    fn among_roles_allowing_wins() {
        let roles = [
            everyone(Permissions::empty()),
            Role { id: role(2), permissions: VIEW | HOOKS },
            Role { id: role(3), permissions: Permissions::empty() },
        ];
        let denies = Overwrite {
            subject: OverwriteFor::Role(role(2)),
            allow: Permissions::empty(),
            deny: VIEW | HOOKS,
        };
        let allows =
            Overwrite { subject: OverwriteFor::Role(role(3)), allow: VIEW, deny: Permissions::empty() };
        // Whichever is listed first.
        for overwrites in [[denies, allows], [allows, denies]] {
            assert_eq!(compute(&roles, &[role(2), role(3)], &overwrites), VIEW);
            assert_eq!(compute(&roles, &[role(2)], &overwrites), Permissions::empty());
        }
    }

    #[test]
    fn owner_and_administrator_may_everything() {
        let deny =
            Overwrite { subject: OverwriteFor::Member(user(5)), allow: Permissions::empty(), deny: VIEW };
        let roles = [everyone(VIEW), Role { id: role(2), permissions: Permissions::ADMINISTRATOR }];
        assert_eq!(compute(&roles, &[role(2)], &[deny]), Permissions::all());
        assert_eq!(compute(&roles, &[], &[deny]), Permissions::empty());
        let rules = ServerRules { guild: guild(), owner: user(5), roles: &roles };
        assert_eq!(
            rules.granted(PermissionHolder { user: user(5), roles: &[] }, &[deny]),
            Permissions::all()
        );
    }

    /// What twilight computes from the same. In the announcement channels of its model, no permission is left
    /// out.
    fn by_twilight(
        of: UserId,
        rules: &ServerRules<'_>,
        has: &[RoleId],
        overwrites: &[Overwrite],
    ) -> Permissions {
        let theirs = |ours: Permissions| twilight::Permissions::from_bits_truncate(ours.bits());
        let of_role = |id| {
            let role = rules.roles.iter().find(|role| role.id == id);
            role.map_or(twilight::Permissions::empty(), |role| theirs(role.permissions))
        };
        let roles: Vec<_> = has.iter().map(|id| (Id::new(id.get()), of_role(*id))).collect();
        let overwrites: Vec<_> = overwrites
            .iter()
            .map(|overwrite| {
                let (id, kind) = match overwrite.subject {
                    OverwriteFor::Role(id) => (id.get(), PermissionOverwriteType::Role),
                    OverwriteFor::Member(id) => (id.get(), PermissionOverwriteType::Member),
                };
                let (allow, deny) = (theirs(overwrite.allow), theirs(overwrite.deny));
                PermissionOverwrite { allow, deny, id: Id::new(id), kind }
            })
            .collect();
        let guild = Id::new(rules.guild.get());
        let everyone = of_role(rules.guild.everyone());
        let granted = PermissionCalculator::new(guild, Id::new(of.get()), everyone, &roles)
            .owner_id(Id::new(rules.owner.get()))
            .in_channel(ChannelType::GuildAnnouncement, &overwrites);
        Permissions::from_bits_retain(granted.bits())
    }

    /// Without what has no effect: nothing works in a channel that isn't seen, and no embeds and files where
    /// nothing may be sent. Administrator itself is left out: in overwrites, it means nothing.
    fn effective(granted: Permissions) -> Permissions {
        let named = granted & all_of(&NAMED_BITS);
        if !granted.contains(VIEW) {
            Permissions::empty()
        } else if !granted.contains(Permissions::SEND_MESSAGES) {
            named.difference(Permissions::EMBED_LINKS | Permissions::ATTACH_FILES)
        } else {
            named
        }
    }

    fn all_of(bits: &[u32]) -> Permissions {
        Permissions::from_bits_retain(bits.iter().fold(0, |all, bit| all | 1 << bit))
    }

    fn some_permissions() -> impl Strategy<Value = Permissions> {
        let all = prop::sample::subsequence(NAMED_BITS.to_vec(), 0..=NAMED_BITS.len());
        all.prop_map(|bits| all_of(&bits))
    }

    fn some_overwrites() -> impl Strategy<Value = Vec<Overwrite>> {
        let subject = prop_oneof![
            (1_u64..6).prop_map(|id| OverwriteFor::Role(role(id))),
            (5_u64..8).prop_map(|id| OverwriteFor::Member(user(id))),
        ];
        let one = (subject, some_permissions(), some_permissions())
            .prop_map(|(subject, allow, deny)| Overwrite { subject, allow, deny });
        prop::collection::vec(one, 0..8).prop_map(|mut all| {
            // Discord has one for each.
            let mut seen = Vec::new();
            all.retain(|one| {
                !seen.contains(&one.subject) && {
                    seen.push(one.subject);
                    true
                }
            });
            all
        })
    }

    proptest! {
        /// Two programs that read the same page of Discord's documentation come to the same.
        #[test]
        fn twilight_computes_the_same(
            granted in prop::collection::vec((some_permissions(), 0_u8..8), 5),
            has in prop::sample::subsequence(vec![2_u64, 3, 4, 5], 0..=4),
            overwrites in some_overwrites(),
            owner in 5_u64..9,
        ) {
            let roles: Vec<_> = (1..).zip(granted).map(|(id, (permissions, luck))| {
                let administrator = if luck == 0 { Permissions::ADMINISTRATOR } else { Permissions::empty() };
                Role { id: role(id), permissions: permissions | administrator }
            }).collect();
            let has: Vec<_> = has.into_iter().map(role).collect();
            let rules = ServerRules { guild: guild(), owner: user(owner), roles: &roles };
            let ours = rules.granted(PermissionHolder { user: user(5), roles: &has }, &overwrites);
            prop_assert_eq!(effective(ours), effective(by_twilight(user(5), &rules, &has, &overwrites)));
            let everyone = by_twilight(user(100), &rules, &[], &overwrites);
            prop_assert_eq!(effective(rules.everyone(&overwrites)), effective(everyone));
        }
    }

    #[test]
    fn names_are_discords() {
        assert_eq!((VIEW | HOOKS).names(), ["View Channel", "Manage Webhooks"]);
    }
}
