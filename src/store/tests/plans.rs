//! How PostgreSQL answers, with many follows.

use super::*;
use crate::domain::follow::FollowId;
use crate::store::db::sql::Sql;

/// Each of 400 channels is followed by 100 others.
const FOLLOWS: &str = "INSERT INTO channel_follows \
    SELECT (json_populate_record(f, json_build_object('id', 1000 + n, 'source_channel_id', 1000 + n % 400, \
        'target_channel_id', 100000 + n, 'guild_id', 50 + n % 7, 'source_guild_id', 40 + n % 100))).* \
    FROM channel_follows f, generate_series(1, 40000) AS n";

/// A few numbers are looked up by their index. For as many as it assumed of JSON, PostgreSQL read everything.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn few_sources_are_looked_up_by_their_index() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    follow(&db.store, 1, 2).await;
    for statement in [FOLLOWS, "ANALYZE"] {
        db.store.db.execute_unprepared(statement).await.unwrap();
    }
    for few in [vec![1001], (1001..1005).collect()] {
        let query =
            "EXPLAIN SELECT target_channel_id FROM channel_follows WHERE is_active AND source_channel_id IN ";
        let lines = Sql::new(query, []).list(few.clone()).all(&db.store.db).await.unwrap();
        let plan: Vec<String> = lines.iter().map(|line| line.try_get_by_index(0).unwrap()).collect();
        let plan = plan.join("\n");
        assert!(plan.contains("ix_channel_follows_source_channel_id"), "{few:?}: {plan}");
        assert!(!plan.contains("Seq Scan"), "{few:?}: {plan}");
    }
}

/// A page of a server's follows is those below either end, each once and in order.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn the_follows_of_a_server_are_read_page_by_page() {
    let Some(db) = Db::new(Backend::Postgres).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.db.execute_unprepared(FOLLOWS).await.unwrap();
    let own = "SELECT CAST(id AS TEXT) AS text FROM channel_follows WHERE guild_id = 52 OR source_guild_id = 52 \
        ORDER BY id";
    let expected = db.texts(own).await;
    assert!(expected.len() > 5_000);
    let (mut read, mut last) = (Vec::new(), FollowId(0));
    loop {
        let page = db.store.follows_touching(GuildId::from_db(52).unwrap(), last, 1_000).await.unwrap();
        let Some(end) = page.last() else { break };
        last = end.id;
        read.extend(page.iter().map(|follow| follow.id.0.to_string()));
    }
    assert_eq!(read, expected);
}
