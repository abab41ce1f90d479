//! Whom a list names, to whoever looks at it. Whoever shows their own lists to nobody isn't named in those of
//! others either, as each of them is half of one of theirs.

use crate::domain::ids::UserId;
use crate::domain::personal::ListVisibility;

/// People who are named in others' lists, or all who aren't.
pub(super) enum NamedPeople {
    /// These, as a query of their numbers.
    Only(String),
    /// All but these.
    AllBut(String),
}

impl NamedPeople {
    /// The condition that a person is named whose number is in this column. It begins with `AND`.
    pub(super) fn condition(&self, column: &str) -> String {
        match self {
            Self::Only(those) => format!("AND {column} IN ({those})"),
            Self::AllBut(those) => format!("AND {column} NOT IN ({those})"),
        }
    }
}

/// Whom a list that belongs to somebody else names.
///
/// Few people choose anything, so those are left out who show nothing. Where the operator has chosen that
/// nothing is shown, those are let through who do.
pub(super) fn named_for(viewer: Option<UserId>, by_default: ListVisibility) -> NamedPeople {
    let viewer = viewer.map(UserId::to_db);
    let related = viewer.map(|viewer| {
        format!(
            "(SELECT r.followee_id FROM personal_follows r WHERE r.follower_id = {viewer} AND r.followee_kind = 'user' \
             UNION SELECT r.follower_id FROM personal_follows r WHERE r.followee_kind = 'user' AND r.followee_id = {viewer})"
        )
    });
    if by_default == ListVisibility::Public {
        let unrelated = related.map(|related| format!(" AND s.user_id NOT IN {related}")).unwrap_or_default();
        let others = viewer.map(|viewer| format!(" AND s.user_id <> {viewer}")).unwrap_or_default();
        return NamedPeople::AllBut(format!(
            "SELECT s.user_id FROM profiles s WHERE (s.lists IS NOT NULL OR s.counts_hidden) \
             AND (s.counts_hidden OR s.lists = 'hidden' OR s.lists = 'shared'{unrelated}){others}"
        ));
    }
    let shared = match (by_default, related) {
        (_, None) => String::new(),
        (ListVisibility::Shared, Some(related)) => {
            format!(" OR (s.lists IS NULL OR s.lists = 'shared') AND s.user_id IN {related}")
        }
        (_, Some(related)) => format!(" OR s.lists = 'shared' AND s.user_id IN {related}"),
    };
    let oneself = viewer.map(|viewer| format!(" UNION ALL SELECT {viewer}")).unwrap_or_default();
    NamedPeople::Only(format!(
        "SELECT s.user_id FROM profiles s WHERE NOT s.counts_hidden AND (s.lists = 'public'{shared}){oneself}"
    ))
}
