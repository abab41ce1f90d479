//! A poll, as it was asked. A vote is given in the original: a webhook's own poll would be another one.

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
    for answer in poll.answers.iter().take(ANSWERS) {
        let answer = words::plain(answer, ANSWER);
        lines.push(format!("- {}", if answer.is_empty() { "…" } else { &answer }));
    }
    if let Some(more @ 1..) = poll.answers.len().checked_sub(ANSWERS) {
        lines.push(format!("- … and {more} more"));
    }
    let original = link.map_or_else(|| "original".to_owned(), |link| format!("[original](<{link}>)"));
    lines.push(format!("-# Poll · vote in the {original}"));
    lines.join("\n")
}
