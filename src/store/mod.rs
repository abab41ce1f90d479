//! The database: everything the bot must not forget. The only module that speaks SQL, and it speaks in domain
//! types.
//!
//! | file | what it owns |
//! |---|---|
//! | `connect` | opening SQLite or PostgreSQL, and the transaction that writes |
//! | `file` | SQLite's file before SQLite has it |
//! | `unusable` | why a database can't be used, as operators read it |
//! | `copy` | moving everything from SQLite to PostgreSQL |
//! | `setup` | migrations, the check that the key fits, and the sign of life |
//! | `presence` | whether processes run on the database |
//! | `follows`, `follow_state`, `follow_list` | making and removing follows; pausing, resuming, breaking; finding them |
//! | `follow_consent`, `follower_blocks`, `follower_news` | what the followed side decides, whom it blocks, and what it is still to be told |
//! | `follow_limits` | how many follows there may be |
//! | `untold` | breaks that people are still to be told of |
//! | `webhooks` | the bot's webhook of a target, shared by its follows |
//! | `channels` | a channel's audience, and how far it has been read |
//! | `source_event`, `known`, `followed`, `activities`, `event_effects` | source events become activities, and deliveries |
//! | `deliveries` | what statements about deliveries have in common |
//! | `quotes` | which messages quote what was edited or deleted, until they are brought up to date |
//! | `circles` | messages that are held while it is found out whether they go round in a circle |
//! | `matching` | which follows let an activity through, by place and tags |
//! | `threads` | threads of sources: how far they have been read, and what becomes of those that are gone |
//! | `sources` | whether a source is read, and which of its messages are mirrored |
//! | `backfill` | what a new follow shows of the time before it |
//! | `lanes` | who sends into a target |
//! | `lane_work`, `lane_request`, `work` | the storage half of delivery, for many lanes at once; what a lane is given |
//! | `lane_attempts` | where a failed attempt of a delivery is counted |
//! | `lane_rows`, `lane_done`, `lane_mirrors`, `lane_pick`, `lane_place`, `lane_contents` | its parts: the lanes' rows, what was done, what was made, what is next, where that is shown, what it says |
//! | `mirrors`, `retractions` | what a message of a target mirrors; which messages must not stand |
//! | `panels`, `panel_looks` | panels, and what came of looking at them |
//! | `panel_mirrors` | what their mirrors need beyond those of messages |
//! | `report` | what became of a message in each of its source's followers |
//! | `samples` | numbers over time, for the charts of panels |
//! | `retention`, `leftovers` | what nobody needs any more: contents, old messages, unused rows |
//! | `left_guilds`, `blocked_servers` | servers that the bot has left; those that the operator doesn't serve |
//! | `gateway_sessions` | what a clean stop leaves to the next start of what the gateway told |
//! | `guild_checks` | when each server was compared with Discord, and what is compared |
//! | `forget` | what a person wants forgotten |
//! | `opt_outs`, `removal`, `kept_of_author` | who doesn't want to be mirrored; taking back what was mirrored of them; how much is kept of them |
//! | `server_stats` | numbers about one server's follows |
//! | `stats` | numbers for `/about` and the metrics |
//! | `gates` | the order in which rows are locked |
//! | `signal`, `session` | what processes tell each other on PostgreSQL, and the shards that each holds |
//! | `owners` | which processes live, and the lanes of the dead |
//!
//! Time comes in as an argument; nothing here reads a clock. Contents and tokens are encrypted by `crypt` on
//! their way in and opened on their way out.

mod activities;
mod backfill;
mod blocked_servers;
mod channels;
mod circles;
mod connect;
mod copy;
mod crypt;
mod deliveries;
mod doors;
mod entity;
mod error;
mod event_effects;
mod file;
mod follow_consent;
mod follow_limits;
mod follow_list;
mod follow_row;
mod follow_state;
mod followed;
mod follower_blocks;
mod follower_news;
mod follows;
mod forget;
mod gates;
mod gateway_sessions;
mod guild_checks;
mod kept_of_author;
mod known;
mod lane_attempts;
mod lane_contents;
mod lane_done;
mod lane_holds;
mod lane_mirrors;
mod lane_pick;
mod lane_place;
mod lane_request;
mod lane_rows;
mod lane_work;
mod lanes;
mod left_guilds;
mod leftovers;
mod matching;
mod mirrors;
mod opt_outs;
mod owners;
mod panel_looks;
mod panel_mirrors;
mod panels;
mod presence;
mod quotes;
mod removal;
mod report;
mod retention;
mod retractions;
mod samples;
mod server_stats;
mod session;
mod setup;
mod signal;
mod source_event;
mod sources;
mod sql;
mod stats;
#[cfg(test)]
mod tests;
mod threads;
mod untold;
mod unusable;
mod webhooks;
mod work;

use std::fmt;

use sea_orm::DatabaseConnection;

pub use blocked_servers::ServerUsage;
pub use copy::{Copied, CopyError, Copying};
pub use crypt::Cipher;
pub use doors::Found;
pub use error::{Blame, StoreError};
pub use follow_list::{Cursor, FollowedSource, Page};
pub use follow_state::BreakWhich;
pub use follower_news::FollowerNews;
pub use follows::{Hook, Inserted, Removed};
pub use forget::Forgotten;
pub use gateway_sessions::{KeptSession, SessionOwner};
pub use guild_checks::{GuildCheck, SourceEnd, TargetEnd};
pub use kept_of_author::KeptOfAuthor;
pub use lane_attempts::FailedAttempt;
pub use lane_done::Done;
pub use lane_request::{Decide, Holder, LaneRequest, Next, Turn, Which};
pub use lanes::{Lease, OpenLane, OpenLanes};
pub use leftovers::Leftovers;
pub use mirrors::Mirrored;
pub use panel_looks::Look;
pub use panels::{PanelChange, PanelsFull};
pub use quotes::{Quoting, StaleQuote};
pub use removal::{Manner, Removal, RemovedPart};
pub use report::{Asked, InFollower};
pub use retention::Untracked;
pub use retractions::Retraction;
pub use samples::Sample;
pub use server_stats::{MirroredHour, ServerFollowers, ServerFollows};
pub use session::{Conflict, Session};
pub use setup::KeyFit;
pub use signal::Signal;
pub use source_event::{Recorded, SourceEvent};
pub use stats::{Backlog, FollowCounts};
pub use threads::KnownThread;
pub use untold::Untold;
pub use unusable::Unusable;
pub use webhooks::LaneWebhook;
pub use work::{Surroundings, Work};

/// The database. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store {
    db: DatabaseConnection,
    cipher: Cipher,
    turn: Option<connect::Turn>,
    /// Where PostgreSQL is, for a connection beside the pool.
    postgres: Option<connect::Postgres>,
    /// Who this is, in what it tells others.
    sender: signal::Sender,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// What the database is called, for somebody who is to confirm that it is the right one.
    pub async fn name(&self) -> Result<String, StoreError> {
        let query = match &self.postgres {
            Some(_) => "SELECT current_database()::text",
            None => "SELECT file FROM pragma_database_list WHERE name = 'main'",
        };
        let row = sql::Sql::new(query, []).row(&self.db).await?;
        let name: String = row.ok_or(StoreError::Unreadable("its name"))?.try_get_by_index(0)?;
        Ok(name.rsplit(['/', '\\']).next().unwrap_or(&name).to_owned())
    }

    /// Closes all connections; queries that run are waited for.
    pub async fn close(&self) -> Result<(), StoreError> {
        Ok(self.db.clone().close().await?)
    }
}
