//! Tells whoever set up a follow that it broke, rests, or goes on again, once: in the target, if the bot may write there, else by direct message.

use std::time::Duration;

use serde_json::json;

use crate::domain::follow::{BrokenReason, Follow, FollowState};
use crate::domain::ids::{ChannelId, UserId};
use crate::rest::{Rest, RestError};
use crate::store::{Store, StoreError};

/// How often it is looked whether there is something to tell.
const LOOK: Duration = Duration::from_secs(2);
/// How many breaks are told of at once.
const AT_ONCE: u64 = 100;
/// How many follows one message names; the others are counted.
const NAMED: usize = 10;

/// Tells people what became of their follows.
pub struct Notifier {
    store: Store,
    rest: Rest,
}

/// What one person is told in one message: of follows into one channel to which the same happened.
struct News {
    /// Nobody in particular, where that person was forgotten.
    person: Option<UserId>,
    target: ChannelId,
    state: FollowState,
    /// What a moderator can do about it.
    trouble: Option<String>,
    follows: Vec<Follow>,
}

impl Notifier {
    /// A notifier over these parts.
    pub const fn new(store: Store, rest: Rest) -> Self {
        Self { store, rest }
    }

    /// Tells, as long as it is let.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.tell_all().await {
                tracing::error!(%error, "can't ask the database whom to tell of broken follows");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn tell_all(&self) -> Result<(), StoreError> {
        let broken = self.store.take_untold(AT_ONCE).await?;
        for news in gather(broken) {
            if let Err(error) = self.tell(&news).await {
                let follow = news.follows.first().map(|follow| follow.id.0);
                tracing::warn!(follow, %error, "nobody could be told what became of a follow");
            }
        }
        Ok(())
    }

    async fn tell(&self, news: &News) -> Result<(), RestError> {
        let unreachable =
            [BrokenReason::TargetDeleted, BrokenReason::TargetServerLeft].map(FollowState::Broken);
        let reachable = !unreachable.contains(&news.state);
        if reachable && self.rest.create_message(news.target, &message(news)).await.is_ok() {
            return Ok(());
        }
        let Some(person) = news.person else {
            let follow = news.follows.first().map(|follow| follow.id.0);
            tracing::warn!(follow, "nobody could be told what became of a follow: who made it is forgotten");
            return Ok(());
        };
        let direct = self.rest.open_direct_messages(person).await?;
        self.rest.create_message(direct.id, &message(news)).await.map(|_| ())
    }
}

fn gather(untold: Vec<Follow>) -> Vec<News> {
    let mut all: Vec<News> = Vec::new();
    for follow in untold {
        let trouble = follow.trouble();
        if follow.state == FollowState::Paused && trouble.is_none() {
            // A person did that meanwhile.
            continue;
        }
        let (person, target, state) = (follow.created_by, follow.pair.target, follow.state);
        let same = |news: &&mut News| {
            (news.person, news.target, news.state) == (person, target, state) && news.trouble == trouble
        };
        match all.iter_mut().find(same) {
            Some(news) => news.follows.push(follow),
            None => all.push(News { person, target, state, trouble, follows: vec![follow] }),
        }
    }
    all
}

fn message(news: &News) -> serde_json::Value {
    let named = news.follows.iter().take(NAMED).map(|follow| format!("{} ({})", source(follow), follow.id));
    let mut named = named.collect::<Vec<_>>().join(", ");
    if news.follows.len() > NAMED {
        named.push_str(&format!(" and {} more", news.follows.len() - NAMED));
    }
    let target = news.target;
    let person = news.person.map(|person| format!("<@{person}> ")).unwrap_or_default();
    let happened = match (news.state, &news.trouble) {
        (FollowState::Active, None) => {
            format!("receives again what is posted in {named}. What was posted meanwhile is not sent later.")
        }
        (FollowState::Active, Some(_)) => format!("still receives what is posted in {named}."),
        (FollowState::Paused | FollowState::Broken(_), _) => {
            format!("no longer receives what is posted in {named}.")
        }
    };
    let trouble = news.trouble.as_ref().map(|trouble| format!("\n> {trouble}")).unwrap_or_default();
    let list = match news.state {
        FollowState::Active => "",
        FollowState::Paused => "\n`/follows` shows it, and resumes it.",
        FollowState::Broken(_) => "\n`/follows` shows it, and tries again.",
    };
    let text = format!("{person}<#{target}> {happened}{trouble}{list}");
    json!({ "content": text, "allowed_mentions": { "users": news.person.as_slice() } })
}

/// The source, where its mention can be read.
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
        let (target, state) =
            (ChannelId::new(5).unwrap(), FollowState::Broken(BrokenReason::TargetForbidden));
        let mut news =
            News { person: UserId::new(9).ok(), target, state, trouble: None, follows: Vec::new() };
        let told = message(&news);
        assert!(told["content"].as_str().unwrap().starts_with("<@9> <#5> no longer"), "{told}");
        assert_eq!(told["allowed_mentions"], json!({ "users": ["9"] }));
        news.person = None;
        let told = message(&news);
        assert!(told["content"].as_str().unwrap().starts_with("<#5> no longer"), "{told}");
        assert_eq!(told["allowed_mentions"], json!({ "users": [] }));
    }
}
