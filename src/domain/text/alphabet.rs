//! The texts with which every property of rendering is tested. Random characters practically never join, mark
//! or format one another, so these texts are put together from what does.

use proptest::prelude::*;

/// Characters that join what is around them, or are joined, so that graphemes and characters begin at
/// different places. And the characters of formatting, links and mentions.
const KNOTS: &[char] = &[
    // What joins the character after it (Unicode: `Grapheme_Cluster_Break=Prepend`).
    '\u{600}',
    '\u{601}',
    '\u{602}',
    '\u{603}',
    '\u{604}',
    '\u{605}',
    '\u{6DD}',
    '\u{70F}',
    '\u{8E2}',
    '\u{D4E}',
    '\u{110BD}',
    '\u{110CD}',
    '\u{111C2}',
    // What joins the character before it.
    '\u{301}',
    '\u{309}',
    '\u{327}',
    '\u{5B0}',
    '\u{93F}',
    '\u{E33}',
    '\u{20E3}',
    '\u{FE0E}',
    '\u{FE0F}',
    '\u{200C}',
    '\u{200D}',
    '\u{1F3FD}',
    '\u{E0067}',
    '\u{E007F}',
    // Pairs and syllables.
    '\u{1F1E9}',
    '\u{1F1EA}',
    '\u{1100}',
    '\u{1161}',
    '\u{11A8}',
    '\u{1F468}',
    '\u{2764}',
    // What directs text, or can't be seen.
    '\u{202A}',
    '\u{202E}',
    '\u{2066}',
    '\u{2069}',
    '\u{200F}',
    '\u{61C}',
    '\u{5E9}',
    '\u{644}',
    '\u{200B}',
    '\u{FEFF}',
    '\u{AD}',
    // Several units, several bytes, several letters in another case or form.
    '\u{1F980}',
    '\u{FDFA}',
    '\u{130}',
    '\u{DF}',
    '\u{FF03}',
    '\u{BD}',
    '\u{3002}',
    ':',
    ':',
    '|',
    '*',
    '_',
    '~',
    '`',
    '<',
    '>',
    '[',
    ']',
    '(',
    ')',
    '\\',
    '/',
    '#',
    '@',
    '-',
    '.',
    ' ',
    '\n',
    '\r',
    '\t',
    '\0',
    'a',
    'h',
    '1',
];

/// Pieces that make texts difficult.
const PIECES: &[&str] = &[
    "```",
    "```rust\n",
    "\n```\n",
    "`",
    "``",
    "||",
    "**",
    "*",
    "__",
    "_",
    "~~",
    ">>> ",
    "> ",
    "-# ",
    "# ",
    "\\",
    "\n",
    "\n\n",
    "\r\n",
    " ",
    ":",
    "://",
    "<@123456789012345678>",
    "<@&1>",
    "<#2>",
    "<:name:123>",
    "<a:name:123>",
    "<t:1700000000:R>",
    "</a b:1>",
    "@everyone",
    "@here",
    "https://example.com/a_b__c**d",
    "<https://example.com>",
    "[text](https://example.com)",
    "[text](",
    "<",
    "[",
    "👨‍👩‍👧‍👦",
    "🇩🇪",
    "❤\u{FE0F}",
    "e\u{301}",
    "\u{202E}שלום",
    "العربية",
    "日本語。",
    "\u{200B}",
    "\u{200D}",
    "\u{FEFF}",
    "\0",
    "\u{7}",
    "\u{1F}",
    "\u{2800}",
    "clyde",
    "discord",
    "#tag",
    "Sentence. ",
    "word ",
    "http://",
    "https://",
];

/// Some of [`KNOTS`] in a row.
fn knot() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(KNOTS), 1..12).prop_map(String::from_iter)
}

fn piece() -> impl Strategy<Value = String> {
    let fixed = || prop::sample::select(PIECES).prop_map(str::to_owned);
    prop_oneof![
        6 => fixed(),
        4 => knot(),
        2 => "\\PC{0,20}",
        1 => any::<String>(),
        1 => ("[a-z ]{1,5}", 1..800usize).prop_map(|(text, times)| text.repeat(times)),
        1 => (fixed(), 1..700usize).prop_map(|(text, times)| text.repeat(times)),
        1 => (knot(), 1..200usize).prop_map(|(text, times)| text.repeat(times)),
        1 => (1..3000usize).prop_map(|marks| format!("z{}", "\u{309}".repeat(marks))),
    ]
}

/// A text of fewer than so many pieces.
pub(crate) fn any_text(pieces: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..pieces).prop_map(|pieces| pieces.concat())
}

/// A short text: a name, a title, a line.
pub(crate) fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        knot(),
        (knot(), prop::sample::select(PIECES), knot()).prop_map(|(one, piece, other)| one + piece + &other),
        "\\PC{0,40}",
    ]
}
