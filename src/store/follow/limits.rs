//! Whether there is room for another follow, within the operator's limits.

use sea_orm::{ConnectionTrait, DbErr};

use crate::domain::follow::NewFollow;
use crate::domain::servers::FollowsFull;
use crate::store::db::locks;
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

/// Makes transactions that store a follow into this server run one after the other, if its follows are
/// limited. Taken before all row locks: nobody who holds one waits for it.
pub(super) async fn lock_server(txn: &impl ConnectionTrait, new: &NewFollow) -> Result<(), DbErr> {
    if new.limits.per_server.is_none() || !locks::has_row_locks(txn) {
        return Ok(());
    }
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('follows', $1))";
    Sql::new(lock, [new.guild.to_db().into()]).row(txn).await.map(drop)
}

/// The first limit that this follow would exceed. Nobody can store another one meanwhile, as the server, the
/// source and the target are locked.
pub(super) async fn full(
    db: &impl ConnectionTrait,
    new: &NewFollow,
) -> Result<Option<FollowsFull>, StoreError> {
    let source = new.source_parent.unwrap_or(new.pair.source);
    let of_target = "target_channel_id = $1";
    let of_source = "(source_channel_id = $1 OR source_parent_id = $1)";
    let checks = [
        (new.limits.per_target, of_target, new.pair.target.to_db(), FollowsFull::Target as fn(u32) -> _),
        (new.limits.per_source, of_source, source.to_db(), FollowsFull::Source),
        (new.limits.per_server, "guild_id = $1", new.guild.to_db(), FollowsFull::Server),
    ];
    for (limit, condition, id, full) in checks {
        let Some(most) = limit else { continue };
        let query = format!("SELECT COUNT(*) FROM channel_follows WHERE {condition}");
        let there = Sql::new(query, [id.into()]).numbers(db).await?;
        if there.first().is_some_and(|there| *there >= i64::from(most)) {
            return Ok(Some(full(most)));
        }
    }
    Ok(None)
}

impl Store {
    /// The first limit that this follow would exceed right now: checked before Discord is asked. It is
    /// checked again when the follow is stored.
    pub async fn follows_full(&self, new: &NewFollow) -> Result<Option<FollowsFull>, StoreError> {
        full(&self.db, new).await
    }
}
