//! People's own follows: they follow people, channels and collections, see who follows whom, and read their
//! feed. Everybody changes only what is theirs.
//!
//! `profiles` knows who people are, `follow`, `channels` and `collections` change follows (`wish` as commands
//! do it), `requests` answers those who ask, `list` shows them, and `feed` reads what they bring.
//! `feed_links` has the addresses at which programs read it, `digest` sends what is new in it, and `export`
//! shows people what is kept of them. Discord decides what a person may see of a feed: it is asked when the
//! feed is read, and an answer is used for a minute at most.

mod channels;
mod collections;
mod digest;
mod export;
mod feed;
mod feed_links;
mod follow;
mod list;
mod profiles;
mod requests;
mod wish;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use tokio::sync::Notify;

use crate::domain::allowance::Allowance;
use crate::domain::clock::Clock;
use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::UserId;
use crate::domain::personal::PersonalPolicy;
use crate::rest::Client;
pub use crate::store::{DatedPerson, PersonalRecords};

use crate::store::Store;

use super::access::lookups::Lookups;
use super::access::quotas::UserQuotas;
use super::intake::Intake;
use super::watch::Watched;
use super::{Identity, ServiceParts};

pub use self::channels::PersonalChange;
pub use self::digest::schedule_in_words;
pub use self::export::PersonExport;
pub use self::feed::{FeedPage, FeedRequest, FeedStart, ShownPost, Unread};
pub use self::follow::{FollowEnd, PersonalOutcome, TagFollowed, TagPair};
pub use self::list::{NamedFollow, PersonEntry, PersonView};
pub use self::wish::{PersonalFollowed, PersonalWish, chosen_followee};

/// The span in which vain look-ups of people are counted, and how many one person has in it.
const SPAN: TimeDelta = TimeDelta::minutes(10);
const UNKNOWN: u32 = 30;
/// The span in which digests are set up, and how often one person may: each sends a message.
const TRIAL_SPAN: TimeDelta = TimeDelta::hours(1);
const TRIALS: u32 = 5;
/// How many unknown ids are remembered.
const MOST_ABSENT: usize = 10_000;

/// The use cases of people's own follows and feeds.
pub struct People {
    store: Store,
    rest: Client,
    clock: Clock,
    quotas: Arc<UserQuotas>,
    lookups: Arc<Lookups>,
    intake: Arc<Intake>,
    watched: Arc<Watched>,
    identity: Identity,
    policy: PersonalPolicy,
    absent: Mutex<ExpiringMap<UserId, (), MOST_ABSENT>>,
    unknown: Mutex<Allowance<UserId>>,
    /// People who were shown, and of whom Discord was last asked long ago.
    stale: Mutex<HashSet<UserId>>,
    /// There are some.
    shown: Notify,
    trials: Mutex<Allowance<UserId>>,
}

impl People {
    /// Over these parts.
    pub fn new(
        parts: &ServiceParts,
        intake: Arc<Intake>,
        quotas: Arc<UserQuotas>,
        lookups: Arc<Lookups>,
        policy: PersonalPolicy,
    ) -> Self {
        let ServiceParts { store, rest, clock, watched, identity, .. } = parts.clone();
        Self {
            store,
            rest: rest.for_people(),
            clock,
            quotas,
            lookups,
            intake,
            watched,
            identity,
            policy,
            absent: Mutex::default(),
            unknown: Mutex::new(Allowance::within(SPAN, Some(UNKNOWN))),
            stale: Mutex::default(),
            shown: Notify::new(),
            trials: Mutex::new(Allowance::within(TRIAL_SPAN, Some(TRIALS))),
        }
    }
}
