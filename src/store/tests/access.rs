//! Sign-in links, sessions and tokens: by their hashes, each in its time.

use rstest::rstest;

use super::*;
use crate::domain::account::{Account, AccountServer, MOST_SESSIONS, NewApiToken, PendingSignIn, TokenName};
use crate::domain::public_url::LocalPath;
use crate::domain::scope::TokenScope;
use crate::domain::secret::{SecretHash, WebSecret};
use crate::store::NewWebSession;

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn hash(number: u8) -> SecretHash {
    WebSecret::new([number; 32]).hash()
}

fn account(number: u64) -> Account {
    let servers = vec![AccountServer { id: guild(7), name: Some("Harbour".to_owned()) }];
    Account { user: user(number), name: "Alice".to_owned(), servers }
}

fn token(number: u8) -> NewApiToken {
    NewApiToken {
        hash: hash(number),
        user: user(1),
        name: TokenName::parse("x").unwrap(),
        scopes: [TokenScope::ServersRead].into_iter().collect(),
        server: Some(guild(7)),
        expires_at: None,
    }
}

fn pending(number: u8) -> PendingSignIn {
    let next = LocalPath::parse("/docs").unwrap();
    PendingSignIn { browser: hash(number), verifier: WebSecret::new([number; 32]), next }
}

async fn sign_in(db: &Db, number: u8, whom: u64, now: DateTime<Utc>) {
    let link = hash(number.wrapping_add(100));
    db.store.add_sign_in(link, &account(whom), now + TimeDelta::minutes(5)).await.unwrap();
    let session = NewWebSession { hash: hash(number), replaces: None, browser: "Firefox" };
    assert!(db.store.redeem_sign_in(link, session, now).await.unwrap().is_some());
}

/// A row in each table.
pub(super) async fn rows(db: &Db) {
    db.store.add_sign_in(hash(1), &account(1), at(300)).await.unwrap();
    db.store.add_pending_sign_in(hash(6), &pending(6), at(600)).await.unwrap();
    sign_in(db, 2, 1, at(0)).await;
    db.store.add_api_token(&token(3), at(0)).await.unwrap().unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_works_until_its_end_and_is_swept_then(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    rows(&db).await;
    let ending = NewApiToken { expires_at: Some(at(600)), ..token(4) };
    store.add_api_token(&ending, at(0)).await.unwrap().unwrap();
    assert_eq!(store.sign_in(hash(1), at(299)).await.unwrap(), Some(account(1)));
    assert_eq!(store.sign_in(hash(1), at(300)).await.unwrap(), None);
    let late = NewWebSession { hash: hash(9), replaces: None, browser: "" };
    assert_eq!(store.redeem_sign_in(hash(1), late, at(300)).await.unwrap(), None);
    assert!(store.use_api_token(hash(4), at(599)).await.unwrap().is_some());
    assert!(store.use_api_token(hash(4), at(600)).await.unwrap().is_none());

    let day = |days: i64, seconds: i64| at(0) + TimeDelta::days(days) + TimeDelta::seconds(seconds);
    let session = store.web_session(hash(2), day(7, -1)).await.unwrap().unwrap();
    assert_eq!((session.account, session.browser.as_str()), (account(1), "Firefox"));
    for days in [13, 19, 25] {
        assert!(store.web_session(hash(2), day(days, 0)).await.unwrap().is_some(), "used each week: {days}");
    }
    assert!(store.web_session(hash(2), day(30, -1)).await.unwrap().is_some());
    assert!(store.web_session(hash(2), day(30, 0)).await.unwrap().is_none(), "it ends anyway");

    assert_eq!(store.forget_expired_access(at(299)).await.unwrap(), 0);
    assert_eq!(store.forget_expired_access(at(300)).await.unwrap(), 1);
    assert_eq!(store.forget_expired_access(at(600)).await.unwrap(), 2);
    assert_eq!(store.forget_unused(day(30, 0), TimeDelta::days(30)).await.unwrap().messages.activities, 0);
    let left = "SELECT 'session' AS text FROM web_sessions UNION ALL SELECT 'token' FROM api_tokens";
    assert_eq!(db.texts(left).await, ["token"], "the one without an end");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_ends_or_revokes_what_is_anothers(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    rows(&db).await;
    sign_in(&db, 5, 2, at(0)).await;
    let session = store.web_session(hash(2), at(1)).await.unwrap().unwrap().id;
    let token = store.use_api_token(hash(3), at(1)).await.unwrap().unwrap().id;
    assert!(!store.end_web_session(user(2), session, at(0)).await.unwrap());
    assert!(!store.revoke_api_token(user(2), token, at(0)).await.unwrap());
    assert_eq!(store.end_web_sessions(user(2), at(0)).await.unwrap(), 1);
    assert!(store.web_session(hash(2), at(1)).await.unwrap().is_some());
    let forgotten = store.forget_user(user(1), false, at(2)).await.unwrap();
    assert_eq!(forgotten.access, 2);
    assert!(store.web_session(hash(2), at(2)).await.unwrap().is_none());
    assert!(store.use_api_token(hash(3), at(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_ends() {
    let Some(db) = Db::new(Backend::Sqlite).await else { return };
    for number in 0..=MOST_SESSIONS {
        sign_in(&db, number, 1, at(0)).await;
    }
    let sessions = db.store.web_sessions_of(user(1), at(1)).await.unwrap();
    assert_eq!(sessions.len(), usize::from(MOST_SESSIONS));
    assert!(db.store.web_session(hash(0), at(1)).await.unwrap().is_none());
    assert!(db.store.web_session(hash(1), at(1)).await.unwrap().is_some());
}

/// What is sealed for one session can't be read as another's.
#[tokio::test]
async fn an_account_belongs_to_its_session() {
    let Some(db) = Db::new(Backend::Sqlite).await else { return };
    sign_in(&db, 1, 1, at(0)).await;
    sign_in(&db, 2, 2, at(0)).await;
    let swap = "UPDATE web_sessions SET account = (SELECT account FROM web_sessions o WHERE o.user_id = 2) WHERE user_id = 1";
    let txn = db.store.write().await.unwrap();
    Sql::new(swap, []).execute(&*txn).await.unwrap();
    txn.commit().await.unwrap();
    assert!(matches!(db.store.web_session(hash(1), at(1)).await, Err(StoreError::Decrypt(_))));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_sign_in_with_discord_is_taken_once_and_in_time(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    rows(&db).await;
    assert_eq!(store.take_pending_sign_in(hash(1), at(0)).await.unwrap(), None, "a link is none");
    assert_eq!(store.sign_in(hash(6), at(0)).await.unwrap(), None, "and it is no link");
    let session = NewWebSession { hash: hash(9), replaces: None, browser: "" };
    assert_eq!(store.redeem_sign_in(hash(6), session, at(0)).await.unwrap(), None);
    assert_eq!(store.take_pending_sign_in(hash(6), at(599)).await.unwrap(), Some(pending(6)));
    assert_eq!(store.take_pending_sign_in(hash(6), at(599)).await.unwrap(), None);
    store.add_pending_sign_in(hash(7), &pending(7), at(600)).await.unwrap();
    assert_eq!(store.take_pending_sign_in(hash(7), at(600)).await.unwrap(), None);
}

/// A verifier can't be moved to another sign-in.
#[tokio::test]
async fn a_verifier_belongs_to_its_sign_in() {
    let Some(db) = Db::new(Backend::Sqlite).await else { return };
    for number in [1, 2] {
        db.store.add_pending_sign_in(hash(number), &pending(number), at(600)).await.unwrap();
    }
    let swap = "UPDATE sign_ins SET verifier = (SELECT MAX(verifier) FROM sign_ins)";
    let txn = db.store.write().await.unwrap();
    Sql::new(swap, []).execute(&*txn).await.unwrap();
    txn.commit().await.unwrap();
    let taken = [
        db.store.take_pending_sign_in(hash(1), at(0)).await,
        db.store.take_pending_sign_in(hash(2), at(0)).await,
    ];
    assert_eq!(taken.iter().filter(|taken| matches!(taken, Err(StoreError::Decrypt(_)))).count(), 1);
}
