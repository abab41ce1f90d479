//! Tokens: the parts of a text that would look broken if they were torn. They are mentions, custom emoji,
//! timestamps, commands, links and escapes.

/// The length of the token at a place, in bytes, at most up to `end`. `None` where there is none.
pub(in crate::domain) fn token_length(text: &str, at: usize, end: usize) -> Option<usize> {
    let rest = &text[at..end];
    match rest.as_bytes().first()? {
        b'<' => angle_length(rest),
        b'[' => masked_link_length(rest),
        b'h' => link_length(rest),
        b'\\' => rest[1..].starts_with(|c: char| c.is_ascii_punctuation()).then_some(2),
        _ => None,
    }
}

/// A mention, custom emoji, timestamp, command, or link without preview.
fn angle_length(rest: &str) -> Option<usize> {
    let known = ["<@", "<#", "<:", "<a:", "<t:", "<id:", "</", "<http://", "<https://"];
    let start = known.into_iter().find(|start| rest.starts_with(start))?;
    let (longest, spaces) = if start.ends_with("//") { (2000, false) } else { (140, start == "</") };
    let end = rest
        .char_indices()
        .skip(1)
        .take(longest)
        .take_while(|(_, c)| *c != '<' && *c != '\n' && (spaces || !c.is_whitespace()))
        .find(|(_, c)| *c == '>')?;
    Some(end.0 + 1)
}

/// `[text](address)`.
fn masked_link_length(rest: &str) -> Option<usize> {
    let label = rest
        .char_indices()
        .skip(1)
        .take(300)
        .take_while(|(_, c)| *c != '[' && *c != '\n')
        .find(|(_, c)| *c == ']')?
        .0;
    let address = rest[label + 1..].strip_prefix('(')?;
    let open = address.char_indices().take(2000).take_while(|(_, c)| !c.is_whitespace() && *c != '[');
    let close = open.into_iter().find(|(_, c)| *c == ')')?.0;
    Some(label + 2 + close + 1)
}

fn link_length(rest: &str) -> Option<usize> {
    if !rest.starts_with("http://") && !rest.starts_with("https://") {
        return None;
    }
    Some(rest.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(rest.len()))
}
