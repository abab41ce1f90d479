//! What a clean stop leaves to the next start: taken once, and by nobody else.

use rstest::rstest;

use super::*;
use crate::domain::gateway_session::GatewaySession;
use crate::domain::ids::ApplicationId;
use crate::domain::shards::Shard;
use crate::store::{GatewaySessionOwner, KeptGatewaySession};

pub(super) fn owner() -> GatewaySessionOwner {
    let token = SecretString::from("the-bots-own-token");
    GatewaySessionOwner { application: ApplicationId::new(9).unwrap(), token, intents: 33_281 }
}

pub(super) fn kept(shard: u32, total: u32) -> KeptGatewaySession {
    let session = GatewaySession {
        shard: Shard { id: shard, total },
        id: format!("plain-session-{shard}").into(),
        address: Some("wss://resume.discord.test".to_owned()),
        number: u64::from(shard) + 70,
    };
    KeptGatewaySession { session, began_at: stored(at(1)), knowledge: "{\"plain\":\"knowledge\"}".to_owned() }
}

fn shown(kept: &KeptGatewaySession) -> String {
    let KeptGatewaySession { session: GatewaySession { shard, id, address, number }, began_at, knowledge } =
        kept;
    let (id, address) = (id.expose_secret(), address.as_deref().unwrap_or_default());
    format!("{shard:?} {id} {address} {number} {began_at} {knowledge}")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn they_are_taken_once(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let store = &db.store;
    assert!(store.take_gateway_sessions(&owner(), at(0)).await.unwrap().is_empty());
    store.keep_gateway_sessions(&owner(), &[kept(0, 3)], at(2)).await.unwrap();
    let newer = [kept(1, 3), kept(2, 3)];
    store.keep_gateway_sessions(&owner(), &newer, at(3)).await.unwrap();
    let mut taken = store.take_gateway_sessions(&owner(), at(3)).await.unwrap();
    taken.sort_by_key(|kept| kept.session.shard.id);
    assert_eq!(taken.iter().map(shown).collect::<Vec<_>>(), newer.iter().map(shown).collect::<Vec<_>>());
    assert!(store.take_gateway_sessions(&owner(), at(0)).await.unwrap().is_empty(), "they are gone");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_else_can_read_them_and_no_old_one_is_taken(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    let keep = async || db.store.keep_gateway_sessions(&owner(), &[kept(0, 1)], at(2)).await.unwrap();
    let others = [
        GatewaySessionOwner { application: ApplicationId::new(8).unwrap(), ..owner() },
        GatewaySessionOwner { token: SecretString::from("another token"), ..owner() },
        GatewaySessionOwner { intents: 1, ..owner() },
    ];
    for other in others {
        keep().await;
        assert!(db.store.take_gateway_sessions(&other, at(0)).await.unwrap().is_empty(), "{other:?}");
        let left = db.store.take_gateway_sessions(&owner(), at(0)).await.unwrap();
        assert!(left.is_empty(), "whoever takes them removes them");
    }
    keep().await;
    assert!(db.with_key(2).await.take_gateway_sessions(&owner(), at(0)).await.unwrap().is_empty());
    keep().await;
    assert!(db.store.take_gateway_sessions(&owner(), at(3)).await.unwrap().is_empty(), "too old");
    for change in ["number = number + 1", "shard_id = 1", "shard_total = 2"] {
        keep().await;
        let changed = format!("UPDATE gateway_sessions SET {change}");
        db.store.db.execute_unprepared(&changed).await.unwrap();
        assert!(db.store.take_gateway_sessions(&owner(), at(0)).await.unwrap().is_empty(), "{change}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn they_are_not_in_plain_text(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    db.store.keep_gateway_sessions(&owner(), &[kept(0, 1)], at(2)).await.unwrap();
    #[derive(FromQueryResult)]
    struct Row {
        sealed: Vec<u8>,
    }
    let rows: Vec<Row> = db.rows("SELECT sealed FROM gateway_sessions").await;
    let sealed = String::from_utf8_lossy(&rows[0].sealed).into_owned();
    for secret in ["plain-session", "resume.discord", "knowledge", "own-token"] {
        assert!(!sealed.contains(secret), "{secret}");
        assert!(!format!("{:?}", kept(0, 1)).contains("plain-session"));
    }
}
