//! The database: everything the bot must not forget. The only module that speaks SQL, and it speaks in domain
//! types.
//!
//! | folder | what it owns |
//! |---|---|
//! | `db` | the database itself: connection, SQL, locks, notices, encryption, migrations |
//! | `audit` | who changed what, and the transactions in which that is changed |
//! | `collection` | a server's lists of channels, which people follow as one |
//! | `lane` | who sends into a target, what is next there, and what came of it |
//! | `panel` | panels and their mirrors |
//! | `follow` | channel follows and what they need: webhooks, doors, consent, what people are told |
//! | `source` | sources: how far they are read; their events become activities and deliveries |
//! | `feed` | what comes of personal follows |
//! | `personal` | whom and what people follow, and what is known of them |
//! | `retention` | what nobody needs any more |
//! | `server` | servers as such: checked, left, blocked |
//! | `member` | people's opt-outs, what is forgotten of them, what they did in the last hour |
//! | `report` | numbers and reports |
//! | `web` | who is signed in at the web pages, and API tokens |
//! | `copy` | moving everything from SQLite to PostgreSQL |
//!
//! Each folder uses folders above it only (`docs/architecture.md` has the table).
//!
//! Time comes in as an argument; nothing here reads a clock. Contents and tokens are encrypted by `crypt` on
//! their way in and opened on their way out.

mod audit;
mod collection;
mod copy;
mod db;
mod feed;
mod follow;
mod lane;
mod member;
mod panel;
mod personal;
mod report;
mod retention;
mod server;
mod source;
#[cfg(test)]
mod tests;
mod web;

use std::fmt;

use sea_orm::DatabaseConnection;

pub use self::audit::list::AuditFilter;
pub use self::collection::{
    CollectedAs, CollectionConflict, CollectionCounts, CollectionFollowInserted, NewCollectionFollow,
    UntoldGaps,
};
pub use self::copy::{Copied, CopyError, Copying};
pub use self::db::crypt::Cipher;
pub use self::db::error::{Blame, StoreError};
pub use self::db::gateway_sessions::{GatewaySessionOwner, KeptGatewaySession};
pub use self::db::notices::Notice;
pub use self::db::registration::{Registration, ShardConflict};
pub use self::db::setup::KeyFit;
pub use self::db::unusable::Unusable;
pub use self::feed::unchecked::UncheckedPost;
pub use self::follow::break_which::BreakWhich;
pub use self::follow::change::{FollowWebhook, Inserted, Removed};
pub use self::follow::doors::FollowFindings;
pub use self::follow::list::FollowedSource;
pub use self::follow::news::FollowerNews;
pub use self::follow::unannounced::Unannounced;
pub use self::lane::attempts::FailedAttempt;
pub use self::lane::leases::{Lease, OpenLane, OpenLanes};
pub use self::lane::mirrors::Mirrored;
pub use self::lane::request::{Decide, Holder, LaneAnswer, LaneRef, LaneRequest, NextAction};
pub use self::lane::retractions::Retraction;
pub use self::lane::step_result::StepResult;
pub use self::lane::webhook::LaneWebhook;
pub use self::lane::work::{Surroundings, Work};
pub use self::member::actions::CountedAction;
pub use self::member::export::{DatedPerson, PersonalRecords};
pub use self::member::forget::Forgotten;
pub use self::member::removal::{Removal, RemovalKind, RemovedPart};
pub use self::member::totals::AuthorTotals;
pub use self::panel::panels::{PanelChange, PanelMove, PanelsFull};
pub use self::panel::refresh::PanelRefresh;
pub use self::panel::samples::Sample;
pub use self::personal::follows::{FolloweePlace, PersonalEdit, PersonalEdited, PersonalPair};
pub use self::personal::list::ListedPerson;
pub use self::report::delivered::DeliveryProgress;
pub use self::report::followers::{MessageFacts, MessageInFollower};
pub use self::report::server_stats::{MirroredHour, ServerFollowers, ServerFollows};
pub use self::report::stats::{Backlog, FollowCounts};
pub use self::retention::messages::ForgottenMessages;
pub use self::retention::unused::UnusedCounts;
pub use self::server::blocked::ServerUsage;
pub use self::server::checks::{GuildCheck, SourceEnd, TargetEnd};
pub use self::source::event::{Recorded, SourceEvent};
pub use self::source::quotes::{QuotingActivity, StaleQuote};
pub use self::source::threads::{KnownThread, ThreadPost};
pub use self::web::answers::KeyState;
pub use self::web::sessions::NewWebSession;

/// The database. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store {
    db: DatabaseConnection,
    cipher: Cipher,
    writer_queue: Option<db::connect::WriterQueue>,
    /// The address of PostgreSQL, for a connection outside the pool.
    postgres: Option<db::connect::Postgres>,
    /// This process, as the sender of notices.
    sender: db::notices::NoticeSender,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// The name of the database, for an operator who must confirm that it is the right one.
    pub async fn name(&self) -> Result<String, StoreError> {
        let query = match &self.postgres {
            Some(_) => "SELECT current_database()::text",
            None => "SELECT file FROM pragma_database_list WHERE name = 'main'",
        };
        let row = db::sql::Sql::new(query, []).row(&self.db).await?;
        let name: String = row.ok_or(StoreError::Unreadable("its name"))?.try_get_by_index(0)?;
        Ok(name.rsplit(['/', '\\']).next().unwrap_or(&name).to_owned())
    }

    /// Closes all connections, after running queries have ended.
    pub async fn close(&self) -> Result<(), StoreError> {
        Ok(self.db.clone().close().await?)
    }
}
