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
    use super::*;

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

    #[test]
    fn names_are_discords() {
        assert_eq!((VIEW | HOOKS).names(), ["View Channel", "Manage Webhooks"]);
    }
}
