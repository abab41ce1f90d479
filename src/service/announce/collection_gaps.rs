//! Tells whoever let a channel follow a collection, once, which channels of it aren't followed: in the target
//! if the bot may write there, otherwise by direct message.

use crate::domain::clock::Clock;
use crate::domain::collection_follow::FollowGap;
use crate::domain::text;
use crate::rest::Client;
use crate::store::{Store, StoreError, UntoldGaps};

use super::follow_changes::{message, send_directly};
use super::{Announcer, NAMED, announce_all};

/// Tells people which channels of collections aren't followed.
pub struct CollectionGapAnnouncer {
    store: Store,
    rest: Client,
    clock: Clock,
}

impl CollectionGapAnnouncer {
    /// One over these parts.
    pub fn new(store: Store, rest: Client, clock: Clock) -> Self {
        Self { store, rest, clock }
    }

    /// Announces until it is stopped.
    pub async fn run(self) {
        announce_all(self).await;
    }

    async fn announce(&self, untold: &UntoldGaps) {
        let text = paragraph(untold);
        let rest = self.rest.of_server(untold.guild);
        if rest.create_message(untold.target, &message(untold.person, &text)).await.is_ok() {
            return;
        }
        let Some(person) = untold.person else { return };
        if let Err(error) = send_directly(&self.rest, person, &message(None, &text)).await {
            let target = untold.target;
            tracing::info!(%target, %error, "nobody could be told which channels of a collection aren't followed");
        }
    }
}

impl Announcer for CollectionGapAnnouncer {
    const SUBJECT: &'static str = "collections that aren't followed as a whole";

    async fn announce_some(&mut self) -> Result<bool, StoreError> {
        let all = self.store.take_untold_gaps(self.clock.now()).await?;
        for untold in &all {
            self.announce(untold).await;
        }
        Ok(!all.is_empty())
    }
}

/// What is said about a collection's channels that aren't followed.
fn paragraph(untold: &UntoldGaps) -> String {
    let UntoldGaps { target, collection, gaps, .. } = untold;
    let line = |(gap, own): &(FollowGap, bool)| {
        // By its mention where people can read that.
        let of_here = || format!("<#{}>", gap.channel);
        let channel = if *own { of_here() } else { "A channel of another server".to_owned() };
        format!("\n> {channel}: {}", gap.reason.explanation())
    };
    let mut lines: Vec<String> = gaps.iter().take(NAMED).map(line).collect();
    if gaps.len() > NAMED {
        lines.push(format!("\n> and {} more: `/follows` shows them.", gaps.len() - NAMED));
    }
    let collection = text::escape(collection);
    format!(
        "<#{target}> follows the collection **{collection}**, but not all of its channels:{}",
        lines.concat()
    )
}
