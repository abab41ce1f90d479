//! Whether people can follow people, and who sees whom they follow.

use crate::domain::personal::{ListVisibility, MemberFollowing, PersonalPolicy};

use super::{ConfigError, Env};

impl Env<'_> {
    pub(super) fn personal(&self) -> Result<PersonalPolicy, ConfigError> {
        const MEMBERS: &str = "FOLLOW_MEMBERS";
        const LISTS: &str = "FOLLOW_LISTS";
        let unknown = |name, remedy| move || ConfigError::new(name, "is unknown", remedy);
        let members = MemberFollowing::parse(&self.get_or_default(MEMBERS));
        let lists = ListVisibility::parse(&self.get_or_default(LISTS));
        Ok(PersonalPolicy {
            members: members.ok_or_else(unknown(MEMBERS, "Use open, asked, opt_in or off."))?,
            lists: lists.ok_or_else(unknown(LISTS, "Use public, shared or hidden."))?,
        })
    }
}
