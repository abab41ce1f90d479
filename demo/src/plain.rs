//! Discord's Markdown as plain text, as far as the bot uses it. Tested in `tests/documents.rs`.

/// Links are reduced to their words; marks of emphasis, code and small text are removed.
pub(crate) fn without_markdown(text: &str) -> String {
    without_addresses(text).replace("-# ", "").replace("**", "").replace(['`', '\\'], "")
}

/// Replaces `[words](address)` and `[words](<address>)` by the words.
fn without_addresses(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("](") {
        let (words, address) = (before.rsplit_once('['), behind.split_once(')'));
        match (words, address) {
            (Some((before, words)), Some((address, after)))
                if address.trim_start_matches('<').starts_with("http") =>
            {
                shown.push_str(before);
                shown.push_str(words);
                rest = after;
            }
            _ => {
                shown.push_str(before);
                shown.push_str("](");
                rest = behind;
            }
        }
    }
    shown.push_str(rest);
    shown
}
