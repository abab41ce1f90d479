//! A poll: as it was asked, and its results once it has ended. People vote in the original: a webhook's own
//! poll would be another one.

use crate::domain::message::Poll;

use super::words;

/// Discord: "Poll Object": a question has at most 300 characters, and there are at most ten answers of 55.
const QUESTION: usize = 300;
const ANSWERS: usize = 20;
const ANSWER: usize = 100;

/// The question, the answers, and where to vote.
pub(super) fn lines(poll: &Poll, link: Option<&str>) -> String {
    let mut lines = Vec::new();
    let question = words::plain(&poll.question, QUESTION);
    if !question.is_empty() {
        lines.push(format!("**{question}**"));
    }
    let most = poll.votes.iter().flatten().max().copied().unwrap_or_default();
    for (place, answer) in poll.answers.iter().take(ANSWERS).enumerate() {
        let answer = words::plain(answer, ANSWER);
        let answer = if answer.is_empty() { "…" } else { &answer };
        lines.push(match poll.votes.as_ref().map(|votes| votes.get(place).copied().unwrap_or_default()) {
            Some(votes) if votes > 0 && votes == most => format!("- **{answer}** · {}", counted(votes)),
            Some(votes) => format!("- {answer} · {}", counted(votes)),
            None => format!("- {answer}"),
        });
    }
    if let Some(more @ 1..) = poll.answers.len().checked_sub(ANSWERS) {
        lines.push(format!("- … and {more} more"));
    }
    match &poll.votes {
        Some(votes) => {
            let all = votes.iter().fold(0, |all: u64, votes| all.saturating_add(*votes));
            lines.push(format!("-# Poll · ended with {}{}", counted(all), words::see_original(link)));
        }
        None => {
            let original = link.map_or_else(|| "original".to_owned(), |link| format!("[original](<{link}>)"));
            lines.push(format!("-# Poll · vote in the {original}"));
        }
    }
    lines.join("\n")
}

fn counted(votes: u64) -> String {
    format!("{votes} {}", if votes == 1 { "vote" } else { "votes" })
}
