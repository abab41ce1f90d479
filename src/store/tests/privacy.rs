//! What people choose about being followed, and what others decided about them.

use rstest::rstest;

use super::personal::{edit, everything, know, user};
use super::*;
use crate::domain::paging::{PageSize, PageStart};
use crate::domain::personal::{
    Followable, Followee, ListVisibility, PersonList, PersonalPolicy, PrivacyChange, PrivacyChoice,
};
use crate::store::PersonalEdited;

/// Of two changes at once, none undoes the other.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn choices_made_at_once_are_all_kept(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    know(&db.store, 601).await;
    let choose = |change| db.store.change_privacy(user(601), change, PersonalPolicy::default());
    for turn in 0..10 {
        let hidden = turn % 2 == 0;
        let lists = if hidden { ListVisibility::Hidden } else { ListVisibility::Shared };
        let (one, two) = tokio::join!(
            choose(PrivacyChange { lists: Some(Some(lists)), ..PrivacyChange::default() }),
            choose(PrivacyChange { counts_hidden: Some(hidden), ..PrivacyChange::default() }),
        );
        one.unwrap();
        two.unwrap();
        let now = db.store.profile(user(601)).await.unwrap().unwrap().privacy;
        assert_eq!((now.lists, now.counts_hidden), (Some(lists), hidden));
    }
}

/// Being forgotten takes nobody's block away, and is no way to ask again.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_others_decided_outlasts_that_somebody_is_forgotten(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for id in [601, 602, 603] {
        know(&db.store, id).await;
    }
    let wanted = |followed| edit(&db.store, 602, Followee::User(user(followed)), everything());
    db.store.remove_personal_follower(user(601), user(602), true, at(0)).await.unwrap();
    let asked = PrivacyChoice { followable: Some(Followable::Asked), ..PrivacyChoice::default() };
    db.store.change_privacy(user(603), asked.into(), PersonalPolicy::default()).await.unwrap();
    assert_eq!(wanted(603).await, PersonalEdited::Asked);
    db.store.decline_follow_request(user(603), user(602), at(1)).await.unwrap();
    let all = || PageStart::Number(1.try_into().unwrap());
    for _ in 0..2 {
        db.store.forget_profile(user(602), at(2)).await.unwrap();
        // To everybody but those who decided something, nothing is known of them.
        assert_eq!(db.store.profile(user(602)).await.unwrap(), None);
        assert!(!db.store.author_totals(user(602)).await.unwrap().has_profile);
        let blocked = PersonList::BlockedBy(user(601));
        let page = db.store.people(blocked, None, all(), PageSize::default()).await.unwrap();
        let named: Vec<_> =
            page.items.iter().map(|item| (item.profile.user, item.profile.username.as_str())).collect();
        assert_eq!(named, [(user(602), "unknown")]);
        assert_eq!(db.store.forget_profile(user(602), at(2)).await.unwrap(), 0, "nothing is left to forget");
        know(&db.store, 602).await;
        assert_eq!(wanted(601).await, PersonalEdited::Refused);
        assert_eq!(wanted(603).await, PersonalEdited::Asked);
        let list = PersonList::RequestsTo(user(603));
        let page = db.store.people(list, None, all(), PageSize::default()).await.unwrap();
        assert_eq!(page.items.len(), 0, "a no holds for a while");
    }
    db.store.drop_profile(user(602), at(3)).await.unwrap();
    assert_eq!(db.store.profile(user(602)).await.unwrap(), None);
}
