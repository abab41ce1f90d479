//! Tells people, once, that their follows broke, rest, or go on again: in a target if the bot may write
//! there, otherwise by direct message. One message covers all of a person's follows into one server to which
//! the same thing happened. A person who refused a direct message isn't sent another.

use std::collections::{HashSet, VecDeque};

use serde_json::{Value, json};

use crate::domain::follow::{BrokenReason, Follow, FollowState};
use crate::domain::ids::UserId;
use crate::rest::{Client, RestError};
use crate::store::{Store, StoreError, Unannounced};

use super::{Announcer, NAMED, announce_all};

/// How many changes one direct message describes; `/follows` shows the others.
const PARAGRAPHS: usize = 3;
/// How many people who refused a direct message are remembered.
const REFUSERS: usize = 10_000;

/// Tells people what became of their follows.
pub struct FollowChangeAnnouncer {
    store: Store,
    rest: Client,
    refusers: Refusers,
}

impl FollowChangeAnnouncer {
    /// One over these parts.
    pub fn new(store: Store, rest: Client) -> Self {
        Self { store, rest, refusers: Refusers::default() }
    }

    /// Announces until it is stopped.
    pub async fn run(self) {
        announce_all(self).await;
    }

    /// Tells people in the first of the targets. Whether that was possible.
    async fn announce_in_target(&self, breaks: &Unannounced) -> bool {
        let unreachable =
            [BrokenReason::TargetDeleted, BrokenReason::TargetServerLeft].map(FollowState::Broken);
        let reachable = |follow: &&Follow| !breaks.left && !unreachable.contains(&follow.state);
        let Some(follow) = breaks.first.first().filter(reachable) else { return false };
        let rest = self.rest.of_server(breaks.guild);
        rest.create_message(follow.pair.target, &message(breaks.person, &paragraph(breaks))).await.is_ok()
    }

    async fn announce_directly(&mut self, unannounced: &[Unannounced]) {
        let Some(first) = unannounced.first() else { return };
        let follow = first.first.first().map(|follow| follow.id.0);
        let Some(person) = first.person else {
            tracing::warn!(follow, "nobody could be told what became of a follow: who made it is forgotten");
            return;
        };
        if self.refusers.contains(person) {
            tracing::info!(
                follow,
                "whoever made a follow takes no direct messages, and isn't told what became of it"
            );
            return;
        }
        let mut text: Vec<String> = unannounced.iter().take(PARAGRAPHS).map(paragraph).collect();
        let more: usize = unannounced.iter().skip(PARAGRAPHS).map(|breaks| breaks.count).sum();
        if more > 0 {
            text.push(format!(
                "{more} more of your follows changed, too: `/follows` shows how they are, in each server."
            ));
        }
        if let Err(error) = send_directly(&self.rest, person, &message(None, &text.join("\n\n"))).await {
            tracing::warn!(follow, %error, "nobody could be told what became of a follow");
            if !error.passes() {
                self.refusers.add(person);
            }
        }
    }
}

impl Announcer for FollowChangeAnnouncer {
    const SUBJECT: &'static str = "follows that changed";

    async fn announce_some(&mut self) -> Result<bool, StoreError> {
        let mut unannounced: Vec<Unannounced> = Vec::new();
        let all = self.store.take_unannounced(NAMED).await?;
        let some = !all.is_empty();
        for changes in all {
            // They come sorted by person.
            if unannounced.first().is_some_and(|first| first.person != changes.person) {
                self.announce_directly(&std::mem::take(&mut unannounced)).await;
            }
            if !self.announce_in_target(&changes).await {
                unannounced.push(changes);
            }
        }
        self.announce_directly(&unannounced).await;
        Ok(some)
    }
}

/// People who refused a direct message lately. In memory: after a restart, each may be sent one more.
#[derive(Debug, Default)]
struct Refusers {
    all: HashSet<UserId>,
    in_order: VecDeque<UserId>,
}

impl Refusers {
    fn contains(&self, person: UserId) -> bool {
        self.all.contains(&person)
    }

    fn add(&mut self, person: UserId) {
        if self.all.insert(person) {
            self.in_order.push_back(person);
        }
        while self.in_order.len() > REFUSERS {
            let oldest = self.in_order.pop_front();
            oldest.map(|oldest| self.all.remove(&oldest));
        }
    }
}

/// Sends a direct message.
pub(super) async fn send_directly(rest: &Client, person: UserId, message: &Value) -> Result<(), RestError> {
    // These are in no server.
    let rest = rest.of_program();
    let direct = rest.open_direct_messages(person).await?;
    rest.create_message(direct.id, message).await.map(|_| ())
}

/// A message that pings this person, if one is named, and nobody else.
pub(super) fn message(person: Option<UserId>, text: &str) -> Value {
    let mention = person.map(|person| format!("<@{person}> ")).unwrap_or_default();
    json!({ "content": format!("{mention}{text}"), "allowed_mentions": { "users": person.as_slice() } })
}

/// What is said about these follows.
fn paragraph(unannounced: &Unannounced) -> String {
    let Unannounced { first, count, approved, .. } = unannounced;
    let Some(example) = first.first() else { return String::new() };
    let (state, trouble) = (example.state, example.trouble());
    let more = count.saturating_sub(first.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let target = Some(example.pair.target);
    let of_one =
        target.filter(|target| more.is_empty() && first.iter().all(|follow| follow.pair.target == *target));
    let happened = match of_one {
        Some(target) => {
            let named: Vec<_> =
                first.iter().map(|follow| format!("{} ({})", source(follow), follow.id)).collect();
            let named = named.join(", ");
            match (state, &trouble) {
                (FollowState::Active, None) if *approved => {
                    format!("<#{target}> now receives what is posted in {named}: it was approved there.")
                }
                (FollowState::Active, None) => format!(
                    "<#{target}> receives again what is posted in {named}. What was posted meanwhile is not sent later."
                ),
                (FollowState::Active, Some(_)) => {
                    format!("<#{target}> still receives what is posted in {named}.")
                }
                (FollowState::Paused | FollowState::Broken(_), _) => {
                    format!("<#{target}> no longer receives what is posted in {named}.")
                }
            }
        }
        None => {
            let named: Vec<_> = first
                .iter()
                .map(|follow| format!("<#{}> from {} ({})", follow.pair.target, source(follow), follow.id))
                .collect();
            let named = named.join(", ");
            match (state, &trouble) {
                (FollowState::Active, None) if *approved => {
                    format!("{count} follows were approved and deliver from now on: {named}{more}.")
                }
                (FollowState::Active, None) => format!(
                    "{count} follows deliver again: {named}{more}. What was posted meanwhile is not sent later."
                ),
                (FollowState::Active, Some(_)) => format!("{count} follows still deliver: {named}{more}."),
                (FollowState::Paused | FollowState::Broken(_), _) => {
                    format!("{count} follows no longer deliver: {named}{more}.")
                }
            }
        }
    };
    let trouble = trouble.map(|trouble| format!("\n> {trouble}")).unwrap_or_default();
    let them = if of_one.is_some() { "it" } else { "them" };
    let list = match state {
        FollowState::Active => String::new(),
        FollowState::Paused => format!("\n`/follows` shows {them}, and resumes {them}."),
        FollowState::Broken(_) => format!("\n`/follows` shows {them}, and tries again."),
    };
    format!("{happened}{trouble}{list}")
}

/// The source, by its mention where people can read that.
fn source(follow: &Follow) -> String {
    if follow.guild == follow.source_guild {
        format!("<#{}>", follow.pair.source)
    } else {
        "a channel of another server".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_person_is_not_mentioned() {
        let told = message(UserId::new(9).ok(), "it broke");
        assert_eq!(told["content"], "<@9> it broke");
        assert_eq!(told["allowed_mentions"], json!({ "users": ["9"] }));
        let told = message(None, "it broke");
        assert_eq!(told["content"], "it broke");
        assert_eq!(told["allowed_mentions"], json!({ "users": [] }));
    }

    #[test]
    fn those_who_refused_are_forgotten_when_there_are_too_many() {
        let person = |id: usize| UserId::new(u64::try_from(id).unwrap()).unwrap();
        let mut refusers = Refusers::default();
        (1..=REFUSERS + 1).for_each(|id| refusers.add(person(id)));
        assert!(!refusers.contains(person(1)) && refusers.contains(person(2)));
        assert_eq!(refusers.all.len(), REFUSERS);
    }
}
