//! Where a text can be cut: how good each place is, and which formatting stands open there.
//!
//! Discord has no published grammar. This knows what would look broken when cut: mentions, custom emoji, timestamps and links are *units*; code blocks,
//! spoilers and the pairs of emphasis are *regions*, which are closed at the end of a part and opened again in the next. One pass, linear time.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// A place between two characters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// In bytes.
    pub(super) at: usize,
    /// The length of the text before it, in units.
    pub(super) units: usize,
    /// The same without white space before it.
    pub(super) solid: usize,
    /// How good a place it is: the larger, the better.
    pub(super) rank: u8,
    /// What is open here: an index of [`Markup::contexts`].
    pub(super) context: usize,
}

/// Ranks from here on are outside of units and of all regions but code blocks and quotes.
pub(super) const CLEAN: u8 = 20;
/// Ranks from here on don't tear a unit or a grapheme.
pub(super) const WHOLE: u8 = 10;

/// The formatting that is open at a place.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// What opens it again in the next part.
    pub(super) open: String,
    /// What closes it at the end of a part.
    pub(super) close: &'static str,
    /// What closes the regions around it, inner ones first.
    pub(super) close_outer: String,
    /// In a code block: white space at the start of a line counts.
    pub(super) code: bool,
    /// How long the outermost pair is that is open here, in bytes; none for code blocks and quotes.
    pub(super) pair: Option<usize>,
}

/// A text's cuts, in order, from its start to its end.
#[derive(Debug)]
pub(super) struct Markup {
    pub(super) cuts: Vec<Cut>,
    pub(super) contexts: Vec<Context>,
    /// Where code stands, markers included: nothing in it is formatted.
    pub(super) code: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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

impl Kind {
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

    /// Nothing in it is formatted.
    const fn is_verbatim(self) -> bool {
        matches!(self, Self::CodeBlock | Self::LongCode | Self::Code)
    }
}

/// An open region.
#[derive(Debug)]
struct Region {
    kind: Kind,
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
        solid: 0,
        regions: Vec::new(),
        hopeless: [0; 9],
        markup: Markup {
            cuts: Vec::with_capacity(text.len() + 1),
            contexts: vec![Context::default()],
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
    solid: usize,
    regions: Vec<Region>,
    /// Up to where the search for a closing marker was in vain, by kind: so that none is searched twice.
    hopeless: [usize; 9],
    markup: Markup,
}

impl<Boundaries: Iterator<Item = usize>> Scanner<'_, Boundaries> {
    fn run(&mut self) {
        let mut at = 0;
        // Between a marker and what it encloses there is no cut.
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
                self.pass(at, content);
                self.open(region);
                at = content;
                glued = true;
                continue;
            }
            let verbatim = self.regions.last().is_some_and(|region| region.kind.is_verbatim());
            let length = if verbatim { None } else { unit_length(self.text, at, end) };
            let length = length.unwrap_or_else(|| self.text[at..].chars().next().map_or(1, char::len_utf8));
            for (offset, _) in self.text[at..at + length].char_indices() {
                if !std::mem::take(&mut glued) {
                    self.cut(at + offset, offset > 0);
                }
                self.pass(
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

    /// Notes a cut in front of the character at `at`.
    fn cut(&mut self, at: usize, torn: bool) {
        while self.boundaries.next_if(|boundary| *boundary < at).is_some() {}
        let whole = at == self.text.len() || self.boundaries.peek() == Some(&at);
        let context = self.markup.contexts.len() - 1;
        let context = if self.regions.is_empty() { 0 } else { context };
        let rank = match (whole, torn) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => rank(&self.text[..at], &self.markup.contexts[context]),
        };
        self.markup.cuts.push(Cut { at, units: self.units, solid: self.solid, rank, context });
    }

    /// Counts what stands between two places.
    fn pass(&mut self, from: usize, to: usize) {
        for c in self.text[from..to].chars() {
            self.units += c.len_utf16();
            if !c.is_whitespace() {
                self.solid = self.units;
            }
        }
    }

    fn open(&mut self, region: Region) {
        if region.kind.is_verbatim() {
            self.markup.code.push(region.start..region.end);
        }
        self.regions.push(region);
        self.enter_context();
    }

    /// Passes the closing marker of the innermost region.
    fn close(&mut self) -> usize {
        let Some(region) = self.regions.pop() else { return self.text.len() };
        self.pass(region.content_end, region.end);
        self.enter_context();
        region.end
    }

    fn enter_context(&mut self) {
        if self.regions.is_empty() {
            return;
        }
        let code = self.regions.last().is_some_and(|region| region.kind == Kind::CodeBlock);
        let closing =
            self.regions.iter().rev().filter(|region| !matches!(region.kind, Kind::Quote | Kind::CodeBlock));
        let pair = self.regions.iter().find(|region| !matches!(region.kind, Kind::Quote | Kind::CodeBlock));
        self.markup.contexts.push(Context {
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
                kind: Kind::Quote,
                opener: ">>> ".to_owned(),
                start: at,
                content_end: end,
                end,
            });
        }
        let kind = Kind::PAIRS.into_iter().find(|kind| rest.starts_with(kind.marker()))?;
        let marker = kind.marker();
        let content = at + marker.len();
        let spaced = self.text[content..end].starts_with(char::is_whitespace);
        if (kind == Kind::Italic && spaced) || self.regions.iter().any(|region| region.kind == kind) {
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
        let close = self.find_close(Kind::CodeBlock, inside, end)?;
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
        Some(Region { kind: Kind::CodeBlock, opener, start: at, content_end: close, end: close + 3 })
    }

    /// Where the next closing marker is, if there is one before `end`.
    fn find_close(&mut self, kind: Kind, from: usize, end: usize) -> Option<usize> {
        let hopeless = &mut self.hopeless[kind as usize];
        if end <= *hopeless {
            return None;
        }
        let before = |at: usize| self.text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        let mut next = from;
        let found = loop {
            match self.text[next..end].find(kind.marker()).map(|offset| next + offset) {
                // Escaped; what follows may be a marker whole.
                Some(at) if !kind.is_verbatim() && before(at) % 2 == 1 => next = at + 1,
                found => break found,
            }
        };
        if found.is_none() {
            *hopeless = end;
        }
        found
    }
}

/// A text as pieces, and of each whether it is code.
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

/// How good a cut is after this text.
fn rank(before: &str, context: &Context) -> u8 {
    let mut back = before.chars().rev();
    let last = back.next();
    let previous =
        back.take(4).find(|c| !matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '*' | '_' | '|'));
    let ends = |c: Option<char>| matches!(c, Some('.' | '!' | '?' | '…' | ':' | ';'));
    // For each kind of place: its rank outside of pairs, in them, and in a code block.
    let (outside, in_pair, in_code) = match last {
        Some('\n') if previous == Some('\n') => (90, 19, 70),
        Some('\n') => (80, 18, 70),
        Some('。' | '！' | '？') => (60, 16, CLEAN),
        Some(c) if c.is_whitespace() && ends(previous) => (60, 16, 30),
        Some(c) if c.is_whitespace() => (50, 14, 30),
        Some('、' | '，') => (50, 14, CLEAN),
        _ => (CLEAN, WHOLE, CLEAN),
    };
    match context {
        Context { pair: Some(_), .. } => in_pair,
        Context { code: true, .. } => in_code,
        _ => outside,
    }
}

/// The length of the unit at a place that shouldn't be cut, in bytes; at most to `end`.
pub(in crate::domain) fn unit_length(text: &str, at: usize, end: usize) -> Option<usize> {
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
