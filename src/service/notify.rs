//! Tells whoever set up a follow that it broke, once: in the target, if the bot may write there, else by direct message.

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

/// Tells people of follows that broke.
pub struct Notifier {
    store: Store,
    rest: Rest,
}

/// What one person is told in one message: follows into one channel that broke for one reason.
struct News {
    /// Nobody in particular, where that person was forgotten.
    person: Option<UserId>,
    target: ChannelId,
    reason: BrokenReason,
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
        let broken = self.store.take_untold_breaks(AT_ONCE).await?;
        for news in gather(broken) {
            if let Err(error) = self.tell(&news).await {
                let follow = news.follows.first().map(|follow| follow.id.0);
                tracing::warn!(follow, %error, "nobody could be told that a follow broke");
            }
        }
        Ok(())
    }

    async fn tell(&self, news: &News) -> Result<(), RestError> {
        let reachable = !matches!(news.reason, BrokenReason::TargetDeleted | BrokenReason::TargetServerLeft);
        if reachable && self.rest.create_message(news.target, &message(news)).await.is_ok() {
            return Ok(());
        }
        let Some(person) = news.person else {
            let follow = news.follows.first().map(|follow| follow.id.0);
            tracing::warn!(follow, "nobody could be told that a follow broke: who made it is forgotten");
            return Ok(());
        };
        let direct = self.rest.open_direct_messages(person).await?;
        self.rest.create_message(direct.id, &message(news)).await.map(|_| ())
    }
}

fn gather(broken: Vec<Follow>) -> Vec<News> {
    let mut all: Vec<News> = Vec::new();
    for follow in broken {
        let FollowState::Broken(reason) = follow.state else { continue };
        let (person, target) = (follow.created_by, follow.pair.target);
        let same = |news: &&mut News| (news.person, news.target, news.reason) == (person, target, reason);
        match all.iter_mut().find(same) {
            Some(news) => news.follows.push(follow),
            None => all.push(News { person, target, reason, follows: vec![follow] }),
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
    let text = format!(
        "{person}<#{target}> no longer receives what is posted in {named}.\n> {}\n`/follows` shows it, and tries again.",
        news.reason.explanation()
    );
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
        let (target, reason) = (ChannelId::new(5).unwrap(), BrokenReason::TargetForbidden);
        let mut news = News { person: UserId::new(9).ok(), target, reason, follows: Vec::new() };
        let told = message(&news);
        assert!(told["content"].as_str().unwrap().starts_with("<@9> <#5> no longer"), "{told}");
        assert_eq!(told["allowed_mentions"], json!({ "users": ["9"] }));
        news.person = None;
        let told = message(&news);
        assert!(told["content"].as_str().unwrap().starts_with("<#5> no longer"), "{told}");
        assert_eq!(told["allowed_mentions"], json!({ "users": [] }));
    }
}
