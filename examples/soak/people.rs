//! People who post, edit and delete, and what the targets lack afterwards. Shared with the tests, which kill
//! less often.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tributary_sandbox::{Channel, Person, SeenMessage, Tally};

/// Posts this many numbered messages a second, edits some and deletes some, until it is stopped.
pub(crate) async fn post(person: Person, source: Channel, seed: u64, rate: u32) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut standing = Vec::new();
    for number in 0_u64.. {
        let Ok(message) = person.post(&source, format!("{number} first")) else { return };
        standing.push((number, message.id));
        if random.random_bool(0.15) {
            let (number, message) =
                standing[random.random_range(standing.len().saturating_sub(20)..standing.len())];
            let _ = person.edit(&source, message, format!("{number} edited at {}", standing.len()));
        }
        if random.random_bool(0.05) {
            let index = random.random_range(standing.len().saturating_sub(20)..standing.len());
            let (_, message) = standing.remove(index);
            let _ = person.delete(&source, message);
        }
        tokio::time::sleep(Duration::from_secs(1) / rate).await;
    }
}

/// What all these targets together lack of the numbered messages in the source, as [`post`] posts them;
/// nothing else is counted.
pub(crate) fn count(source: &Channel, targets: &[Channel]) -> Tally {
    let numbered = |message: &SeenMessage| message.content.starts_with(|first: char| first.is_ascii_digit());
    let tallies = targets.iter().map(|target| Tally::among(source, target, numbered));
    tallies.fold(Tally::default(), std::ops::Add::add)
}
