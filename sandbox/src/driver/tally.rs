//! Counts what a bot that copies one channel into another has lost, duplicated, reordered, or left out of
//! date.

use std::collections::HashMap;
use std::fmt;

use super::{Channel, SeenMessage};

/// How a target compares with its source. Only all zeros is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Messages in the source, as it is now.
    pub expected: usize,
    /// How many of them the target doesn't show anywhere.
    pub lost: usize,
    /// Copies beyond the first.
    pub doubled: usize,
    /// Copies that come before a copy of an earlier message.
    pub reordered: usize,
    /// Copies that show something that has since been edited or deleted.
    pub outdated: usize,
}

impl Tally {
    /// Compares the texts of what people posted in the source with what webhooks posted in the target.
    ///
    /// Each text begins with a unique word (such as a number). Edits keep it, and it identifies the message
    /// that a copy belongs to.
    pub fn of(source: &Channel, target: &Channel) -> Self {
        Self::among(source, target, |_| true)
    }

    /// The same for only those messages that `counts` accepts, in either channel: for targets that show other
    /// sources, too.
    pub fn among(source: &Channel, target: &Channel, counts: impl Fn(&SeenMessage) -> bool) -> Self {
        let counted = |channel: &Channel, by_webhook: bool| -> Vec<SeenMessage> {
            let messages = channel.messages().into_iter().filter(|message| message.kind == 0 || by_webhook);
            messages.filter(|message| message.webhook.is_some() == by_webhook && counts(message)).collect()
        };
        let (posted, copies) = (counted(source, false), counted(target, true));
        let places: HashMap<&str, (usize, &str)> = posted
            .iter()
            .enumerate()
            .map(|(place, message)| (key(&message.content), (place, message.content.as_str())))
            .collect();
        let mut tally = Self { expected: posted.len(), ..Self::default() };
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut furthest = None;
        for copy in &copies {
            let key = key(&copy.content);
            let Some((place, text)) = places.get(key) else {
                tally.outdated += 1;
                continue;
            };
            *seen.entry(key).or_default() += 1;
            tally.outdated += usize::from(copy.content != *text);
            tally.reordered += usize::from(furthest.is_some_and(|furthest| *place < furthest));
            furthest = furthest.max(Some(*place));
        }
        tally.lost = posted.len() - seen.len();
        tally.doubled = seen.values().map(|count| count - 1).sum();
        tally
    }

    /// Whether nothing is wrong.
    pub const fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.reordered + self.outdated == 0
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            expected: self.expected + other.expected,
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            reordered: self.reordered + other.reordered,
            outdated: self.outdated + other.outdated,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, lost, doubled, reordered, outdated } = self;
        write!(
            f,
            "{expected} expected, {lost} lost, {doubled} doubled, {reordered} reordered, {outdated} outdated"
        )
    }
}

fn key(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}
