//! Where a text can be cut: how good each place is, and which formatting is open there.
//!
//! Discord has no published grammar. This knows what would look broken when cut. Mentions, custom emoji,
//! timestamps and links are *tokens*, which shouldn't be torn. Code blocks, spoilers and the pairs of
//! emphasis are *regions*, which are closed at the end of a part and opened again in the next. One pass,
//! linear time.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::tokens::token_length;

/// A place between two characters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// In bytes.
    pub(super) at: usize,
    /// The length of the text before it, in units (see [`units`](super::units)).
    pub(super) units: usize,
    /// The same without the white space right before it.
    pub(super) trimmed_units: usize,
    /// How good a place it is.
    pub(super) rank: Rank,
    /// The formatting that is open here: an index of [`Markup::formattings`].
    pub(super) formatting: usize,
}

/// How good a place for a cut is, from the worst to the best. A pair is a region other than a code block or a
/// quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Tears a grapheme.
    InGrapheme,
    /// Tears a token.
    InToken,
    /// In a pair, between any two graphemes. This rank and the better ones tear nothing.
    PairAnywhere,
    /// In a pair, after a word.
    PairWord,
    /// In a pair, after a sentence.
    PairSentence,
    /// In a pair, after a line.
    PairLine,
    /// In a pair, after a paragraph.
    PairParagraph,
    /// Between any two graphemes. This rank and the better ones are outside of pairs.
    Anywhere,
    /// In a code block, after a word.
    CodeWord,
    /// After a word.
    Word,
    /// After a sentence.
    Sentence,
    /// In a code block, after a line.
    CodeLine,
    /// After a line.
    Line,
    /// After a paragraph.
    Paragraph,
}

/// The formatting that is open at a place.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenFormatting {
    /// What opens it again in the next part.
    pub(super) open: String,
    /// What closes it at the end of a part.
    pub(super) close: &'static str,
    /// What closes the regions around it, inner ones first.
    pub(super) close_outer: String,
    /// It is a code block, in which white space at the start of a line counts.
    pub(super) code: bool,
    /// How long the outermost pair is that is open here, in bytes.
    pub(super) pair: Option<usize>,
}

/// A text's cuts, in order, from its start to its end.
#[derive(Debug)]
pub(super) struct Markup {
    pub(super) cuts: Vec<Cut>,
    pub(super) formattings: Vec<OpenFormatting>,
    /// Where code is, markers included. Nothing in it is formatted.
    pub(super) code: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegionKind {
    Quote,
    CodeBlock,
    Code,
    LongCode,
    Spoiler,
    Bold,
    Underline,
    Struck,
    Italic,
}

impl RegionKind {
    /// Longer markers first.
    const PAIRS: [Self; 7] =
        [Self::LongCode, Self::Code, Self::Spoiler, Self::Bold, Self::Underline, Self::Struck, Self::Italic];

    const fn marker(self) -> &'static str {
        match self {
            Self::Quote => ">>> ",
            Self::CodeBlock => "```",
            Self::LongCode => "``",
            Self::Code => "`",
            Self::Spoiler => "||",
            Self::Bold => "**",
            Self::Underline => "__",
            Self::Struck => "~~",
            Self::Italic => "*",
        }
    }

    /// Whether nothing in it is formatted.
    const fn is_verbatim(self) -> bool {
        matches!(self, Self::CodeBlock | Self::LongCode | Self::Code)
    }
}

/// An open region.
#[derive(Debug)]
struct Region {
    kind: RegionKind,
    /// What opens it: the marker, or the first line of a code block.
    opener: String,
    start: usize,
    /// Where its content ends.
    content_end: usize,
    end: usize,
}

/// Finds the places where a text can be cut.
pub(super) fn scan(text: &str) -> Markup {
    let mut scanner = Scanner {
        text,
        boundaries: text.grapheme_indices(true).map(|(at, _)| at).peekable(),
        units: 0,
        trimmed_units: 0,
        regions: Vec::new(),
        unclosed_up_to: [0; 9],
        markup: Markup {
            cuts: Vec::with_capacity(text.len() + 1),
            formattings: vec![OpenFormatting::default()],
            code: Vec::new(),
        },
    };
    scanner.run();
    scanner.markup
}

struct Scanner<'a, Boundaries: Iterator<Item = usize>> {
    text: &'a str,
    boundaries: std::iter::Peekable<Boundaries>,
    units: usize,
    trimmed_units: usize,
    regions: Vec<Region>,
    /// Up to where no closing marker was found, by kind, so that no text is searched twice.
    unclosed_up_to: [usize; 9],
    markup: Markup,
}

impl<Boundaries: Iterator<Item = usize>> Scanner<'_, Boundaries> {
    fn run(&mut self) {
        let mut at = 0;
        // There is no cut between a marker and what it encloses.
        let mut glued = false;
        while at < self.text.len() {
            if self.regions.last().is_some_and(|region| region.content_end == at) {
                at = self.close();
                glued = false;
                continue;
            }
            let end = self.regions.last().map_or(self.text.len(), |region| region.content_end);
            if let Some(region) = self.region_at(at, end) {
                if !glued {
                    self.cut(at, false);
                }
                let content = at + region.opener.len();
                self.count_units(at, content);
                self.open(region);
                at = content;
                glued = true;
                continue;
            }
            let verbatim = self.regions.last().is_some_and(|region| region.kind.is_verbatim());
            let length = if verbatim { None } else { token_length(self.text, at, end) };
            let length = length.unwrap_or_else(|| self.text[at..].chars().next().map_or(1, char::len_utf8));
            for (offset, _) in self.text[at..at + length].char_indices() {
                if !std::mem::take(&mut glued) {
                    self.cut(at + offset, offset > 0);
                }
                self.count_units(
                    at + offset,
                    at + offset + self.text[at + offset..].chars().next().map_or(1, char::len_utf8),
                );
            }
            at += length;
        }
        while !self.regions.is_empty() {
            self.close();
        }
        self.cut(at, false);
    }

    /// Notes a cut in front of the character at `at`. `torn` where that is in the middle of a token.
    fn cut(&mut self, at: usize, torn: bool) {
        while self.boundaries.next_if(|boundary| *boundary < at).is_some() {}
        let whole = at == self.text.len() || self.boundaries.peek() == Some(&at);
        let formatting = if self.regions.is_empty() { 0 } else { self.markup.formattings.len() - 1 };
        let rank = match (whole, torn) {
            (false, _) => Rank::InGrapheme,
            (true, true) => Rank::InToken,
            (true, false) => rank_after(&self.text[..at], &self.markup.formattings[formatting]),
        };
        let (units, trimmed_units) = (self.units, self.trimmed_units);
        self.markup.cuts.push(Cut { at, units, trimmed_units, rank, formatting });
    }

    /// Counts the text between two places.
    fn count_units(&mut self, from: usize, to: usize) {
        for c in self.text[from..to].chars() {
            self.units += c.len_utf16();
            if !c.is_whitespace() {
                self.trimmed_units = self.units;
            }
        }
    }

    fn open(&mut self, region: Region) {
        if region.kind.is_verbatim() {
            self.markup.code.push(region.start..region.end);
        }
        self.regions.push(region);
        self.note_formatting();
    }

    /// Passes the closing marker of the innermost region.
    fn close(&mut self) -> usize {
        let Some(region) = self.regions.pop() else { return self.text.len() };
        self.count_units(region.content_end, region.end);
        self.note_formatting();
        region.end
    }

    fn note_formatting(&mut self) {
        if self.regions.is_empty() {
            return;
        }
        let code = self.regions.last().is_some_and(|region| region.kind == RegionKind::CodeBlock);
        let closing = self
            .regions
            .iter()
            .rev()
            .filter(|region| !matches!(region.kind, RegionKind::Quote | RegionKind::CodeBlock));
        let pair = self
            .regions
            .iter()
            .find(|region| !matches!(region.kind, RegionKind::Quote | RegionKind::CodeBlock));
        self.markup.formattings.push(OpenFormatting {
            open: self.regions.iter().map(|region| region.opener.as_str()).collect(),
            close: if code { "\n```" } else { "" },
            close_outer: closing.map(|region| region.kind.marker()).collect(),
            code,
            pair: pair.map(|region| region.end - region.start),
        });
    }

    /// The region that opens at a place and is closed before `end`.
    fn region_at(&mut self, at: usize, end: usize) -> Option<Region> {
        if self.regions.last().is_some_and(|region| region.kind.is_verbatim()) {
            return None;
        }
        let rest = &self.text[at..end];
        if rest.starts_with("```") {
            return self.code_block_at(at, end);
        }
        if self.regions.is_empty() && rest.starts_with(">>> ") && (at == 0 || self.text[..at].ends_with('\n'))
        {
            return Some(Region {
                kind: RegionKind::Quote,
                opener: ">>> ".to_owned(),
                start: at,
                content_end: end,
                end,
            });
        }
        let kind = RegionKind::PAIRS.into_iter().find(|kind| rest.starts_with(kind.marker()))?;
        let marker = kind.marker();
        let content = at + marker.len();
        let spaced = self.text[content..end].starts_with(char::is_whitespace);
        if (kind == RegionKind::Italic && spaced) || self.regions.iter().any(|region| region.kind == kind) {
            return None;
        }
        let close = self.find_close(kind, content, end)?;
        let is_empty = self.text[content..close].trim().is_empty();
        (!is_empty).then(|| Region {
            kind,
            opener: marker.to_owned(),
            start: at,
            content_end: close,
            end: close + marker.len(),
        })
    }

    fn code_block_at(&mut self, at: usize, end: usize) -> Option<Region> {
        let inside = at + 3;
        let close = self.find_close(RegionKind::CodeBlock, inside, end)?;
        let block = &self.text[inside..close];
        if block.trim().is_empty() {
            return None;
        }
        let is_language = |line: &str| {
            line.len() <= 40
                && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-.#".contains(&byte))
        };
        let opener = match block.split_once('\n') {
            Some((language, code)) if is_language(language) && !code.trim().is_empty() => {
                format!("```{language}\n")
            }
            _ => "```".to_owned(),
        };
        Some(Region { kind: RegionKind::CodeBlock, opener, start: at, content_end: close, end: close + 3 })
    }

    /// Where the next closing marker is, if there is one before `end`.
    fn find_close(&mut self, kind: RegionKind, from: usize, end: usize) -> Option<usize> {
        let unclosed_up_to = &mut self.unclosed_up_to[kind as usize];
        if end <= *unclosed_up_to {
            return None;
        }
        let before = |at: usize| self.text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        let mut next = from;
        let found = loop {
            match self.text[next..end].find(kind.marker()).map(|offset| next + offset) {
                // Escaped. What follows may be a marker again.
                Some(at) if !kind.is_verbatim() && before(at) % 2 == 1 => next = at + 1,
                found => break found,
            }
        };
        if found.is_none() {
            *unclosed_up_to = end;
        }
        found
    }
}

/// A text in pieces, with whether each of them is code.
pub(crate) fn pieces(text: &str) -> Vec<(bool, &str)> {
    if !text.contains('`') {
        return vec![(false, text)];
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    for code in scan(text).code {
        pieces.extend([(false, &text[from..code.start]), (true, &text[code.clone()])]);
        from = code.end;
    }
    pieces.push((false, &text[from..]));
    pieces
}

/// How good a cut is after this text, which is whole up to there.
fn rank_after(before: &str, formatting: &OpenFormatting) -> Rank {
    let mut back = before.chars().rev();
    let last = back.next();
    let previous =
        back.take(4).find(|c| !matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '*' | '_' | '|'));
    let ends = |c: Option<char>| matches!(c, Some('.' | '!' | '?' | '…' | ':' | ';'));
    // For each kind of place: its rank outside of pairs, in a pair, and in a code block.
    let (outside, in_pair, in_code) = match last {
        Some('\n') if previous == Some('\n') => (Rank::Paragraph, Rank::PairParagraph, Rank::CodeLine),
        Some('\n') => (Rank::Line, Rank::PairLine, Rank::CodeLine),
        Some('。' | '！' | '？') => (Rank::Sentence, Rank::PairSentence, Rank::Anywhere),
        Some(c) if c.is_whitespace() && ends(previous) => {
            (Rank::Sentence, Rank::PairSentence, Rank::CodeWord)
        }
        Some(c) if c.is_whitespace() => (Rank::Word, Rank::PairWord, Rank::CodeWord),
        Some('、' | '，') => (Rank::Word, Rank::PairWord, Rank::Anywhere),
        _ => (Rank::Anywhere, Rank::PairAnywhere, Rank::Anywhere),
    };
    match formatting {
        OpenFormatting { pair: Some(_), .. } => in_pair,
        OpenFormatting { code: true, .. } => in_code,
        _ => outside,
    }
}
