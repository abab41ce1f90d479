//! Who changed what: found by server, kept for its time, forgotten with its server, nameless with its person.

use rstest::rstest;

use super::*;
use crate::domain::account::ApiTokenId;
use crate::domain::audit::{AuditAction, AuditRecord, AuditSubject};
use crate::domain::follow::{Approval, BrokenReason, FollowId};
use crate::store::{AuditFilter, BreakWhich};

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

/// Each in one line: `WHO ACTION SUBJECT`.
fn lines(records: &[AuditRecord]) -> Vec<String> {
    let line = |record: &AuditRecord| {
        let who = record.actor.map_or_else(|| "-".to_owned(), |actor| actor.to_string());
        let (_, subject) = record.entry.subject.parts();
        format!("{who} {} {subject}", record.entry.action.as_str())
    };
    records.iter().map(line).collect()
}

async fn of(store: &Store, server: u64) -> Vec<AuditRecord> {
    store.audit_of(guild(server), AuditFilter::default(), None, 100).await.unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_server_finds_its_own_newest_first(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (store, home) = (&db.store, guild(HOME));
    let ada = by(user(1), home);
    let via = Via::Api(ApiTokenId(77));
    let grace = ChangedBy::Person { user: user(2), guild: home, via };
    for target in 2..7 {
        let stamp =
            if target % 2 == 0 { ada } else { grace }.at(at(i64::from(u32::try_from(target).unwrap())));
        store.insert_follow(&new_follow(1, target), &relay(target), stamp).await.unwrap();
    }
    store.delete_follow(home, FollowId(1), grace.at(at(10))).await.unwrap();
    store.block_follower(guild(8), home, by(user(3), guild(8)).at(at(11))).await.unwrap();
    let all = of(store, HOME).await;
    let made = |who: u64, follow: u64| format!("{who} follow_created {follow}");
    let expected =
        ["2 follow_removed 1".to_owned(), made(1, 5), made(2, 4), made(1, 3), made(2, 2), made(1, 1)];
    assert_eq!(lines(&all), expected);
    assert_eq!((all[0].via, all[1].via), (Some(via), Some(Via::Command)));
    assert_eq!(all[0].at, stored(at(10)));
    assert_eq!(all[0].entry.subject, AuditSubject::Follow(FollowId(1)));
    assert_eq!(all[0].entry.detail, serde_json::json!({ "from": "active", "source": "1", "target": "2" }));

    let find = async |filter: AuditFilter, before: Option<i64>, limit: u64| {
        lines(&store.audit_of(home, filter, before, limit).await.unwrap())
    };
    let any = AuditFilter::default();
    assert_eq!(find(any, None, 2).await, expected[..2]);
    assert_eq!(find(any, Some(all[1].id), 2).await, expected[2..4]);
    let of_ada = AuditFilter { actor: Some(user(1)), ..any };
    assert_eq!(find(of_ada, None, 100).await, [made(1, 5), made(1, 3), made(1, 1)]);
    let removed = AuditFilter { action: Some(AuditAction::FollowRemoved), ..any };
    assert_eq!(find(removed, None, 100).await, expected[..1]);
    let late = AuditFilter { since: Some(at(5)), ..any };
    assert_eq!(find(late, None, 100).await, expected[..3]);
    let none = AuditFilter { actor: Some(user(1)), action: Some(AuditAction::FollowRemoved), ..late };
    assert_eq!(find(none, None, 100).await, [""; 0]);
    assert_eq!(lines(&of(store, 8).await), [format!("3 server_blocked {HOME}")]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_changes_nothing_is_not_recorded(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    let made = follow(store, 1, 2).await;
    let ada = by(user(1), guild(HOME));
    let ask = PublicationChange { approval: Some(Approval::Ask), ..PublicationChange::default() };
    let twice = async |number: usize| {
        for _ in 0..2 {
            let stamp = ada.at(at(1));
            match number {
                0 => drop(store.pause_follow(made.guild, made.id, stamp).await.unwrap()),
                1 => drop(store.set_publication(channel(1), guild(8), ask, stamp).await.unwrap()),
                2 => drop(store.block_follower(guild(8), guild(90), stamp).await.unwrap()),
                3 => drop(store.unblock_follower(guild(8), guild(90), stamp).await.unwrap()),
                4 => store.note_meant(made.guild, made.id, stamp).await.unwrap(),
                5 => drop(store.block_server(guild(91), at(1)).await.unwrap()),
                6 => drop(store.unblock_server(guild(91), at(1)).await.unwrap()),
                7 => store.close_channel(channel(1), at(1)).await.unwrap(),
                8 => drop(store.delete_follow(made.guild, made.id, stamp).await.unwrap()),
                _ => drop(store.insert_follow(&new_follow(1, 3), &relay(3), stamp).await.unwrap()),
            }
        }
    };
    for number in 0..10 {
        let count = async || db.texts("SELECT CAST(id AS text) AS text FROM audit").await.len();
        let before = count().await;
        twice(number).await;
        assert_eq!(count().await - before, 1, "change {number}");
    }
    let operator = "SELECT via || ' ' || action AS text FROM audit WHERE guild_id IS NULL ORDER BY id";
    assert_eq!(db.texts(operator).await, ["system server_blocked", "system server_unblocked"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn many_that_end_at_once_are_one_record_here_and_one_each_there(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    for target in 2..=1_201 {
        follow(store, 1, target).await;
    }
    let which = BreakWhich::CrossServerOf(channel(1));
    let ada = by(user(1), guild(8));
    let broken = store.break_follows(which, BrokenReason::Unpublished, ada.at(at(1))).await.unwrap();
    assert_eq!(broken.len(), 1_200);
    let here = of(store, 8).await;
    assert_eq!(lines(&here), ["1 followers_ended 1"]);
    assert_eq!(here[0].entry.detail, serde_json::json!({ "follows": 1_200, "reason": "unpublished" }));
    let there = AuditFilter { action: Some(AuditAction::FollowBroken), ..AuditFilter::default() };
    let there = store.audit_of(guild(HOME), there, None, 2_000).await.unwrap();
    assert_eq!(there.len(), 1_200);
    assert!(there.iter().all(|record| record.actor.is_none() && record.via.is_none()), "nobody is named");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn records_go_in_time_and_with_their_server_and_names_with_their_person(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let (store, home) = (&db.store, guild(HOME));
    for target in 2..5 {
        let stamp = by(user(1), home).at(at(i64::from(u32::try_from(target).unwrap())));
        store.insert_follow(&new_follow(1, target), &relay(target), stamp).await.unwrap();
    }
    assert_eq!(store.forget_old_audit(at(3)).await.unwrap(), 1);
    assert_eq!(lines(&of(store, HOME).await), ["1 follow_created 3", "1 follow_created 2"]);
    assert_eq!(store.author_totals(user(1)).await.unwrap().changes, 2);
    let forgotten = store.forget_user(user(1), false, at(5)).await.unwrap();
    assert_eq!((forgotten.changes, store.author_totals(user(1)).await.unwrap().changes), (2, 0));
    let nameless = of(store, HOME).await;
    assert_eq!(lines(&nameless), ["- follow_created 3", "- follow_created 2"]);
    assert_eq!(nameless[0].via, Some(Via::Command), "it was a person");

    // The source's server goes: the follows into the other end, and that is in its audit.
    store.block_follower(guild(8), guild(90), by(user(2), guild(8)).at(at(6))).await.unwrap();
    store.forget_guild(guild(8), at(7)).await.unwrap();
    assert!(of(store, 8).await.is_empty());
    assert_eq!(lines(&of(store, HOME).await)[..2], ["- follow_removed 3", "- follow_removed 2"]);
    store.forget_guild(home, at(8)).await.unwrap();
    assert_eq!(db.texts("SELECT action AS text FROM audit").await, [""; 0]);
}
