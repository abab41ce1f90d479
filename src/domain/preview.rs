//! Which embeds are Discord's own: the previews of links in the text.

use super::text::markup::pieces;

/// Hosts that serve the same pages under another name. The preview has one of them, the text may have the
/// other.
const SAME: [(&str, &str); 3] =
    [("twitter.com", "x.com"), ("mobile.twitter.com", "x.com"), ("mobile.x.com", "x.com")];

/// Whether an embed that leads to this address is the preview of a link in the text. Discord shows no
/// previews of links in `<>` and in code.
pub fn is_previewed(address: &str, text: &str) -> bool {
    let Some(wanted) = Page::of(address) else { return false };
    let open = pieces(text).into_iter().filter(|(code, _)| !code).map(|(_, piece)| piece);
    open.flat_map(links).filter_map(Page::of).any(|page| page.is(&wanted))
}

/// The links of a text that aren't in `<>`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("http").filter_map(|(at, _)| {
        let rest = &text[at..];
        let is_link = rest.starts_with("http://") || rest.starts_with("https://");
        let link = &rest
            [..rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '|')).unwrap_or(rest.len())];
        let link = link.trim_end_matches(['.', ',', ':', ';', '"', '\'', ']', '*', '_', '~']);
        let link = if link.contains('(') { link } else { link.split(')').next().unwrap_or(link) };
        (is_link && !text[..at].ends_with('<')).then_some(link)
    })
}

/// An address as far as it names a page.
#[derive(Debug, PartialEq, Eq)]
struct Page<'a> {
    host: String,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Page<'a> {
    fn of(address: &'a str) -> Option<Self> {
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = host.to_ascii_lowercase();
        let host = host.strip_prefix("www.").unwrap_or(&host);
        let host = SAME.iter().find(|(other, _)| *other == host).map_or(host, |(_, host)| host);
        Some(Self { host: host.to_owned(), path: path.trim_end_matches('/'), query })
    }

    /// Whether this link leads to that page, whose address may have lost its tracking parameters.
    fn is(&self, page: &Self) -> bool {
        self.host == page.host && self.path == page.path && (page.query.is_none() || self.query == page.query)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://x.com/a/status/1", "see https://x.com/a/status/1?s=20.", true)]
    #[case("https://twitter.com/a/status/1", "https://x.com/a/status/1", true)]
    #[case("https://example.com/", "**https://www.example.com**", true)]
    #[case("https://example.com/a_(b)", "(https://example.com/a_(b)", true)]
    #[case("https://example.com/a", "[page](https://example.com/a) there", true)]
    #[case("https://example.com/a", "||https://example.com/a||", true)]
    #[case("https://example.com/a", "<https://example.com/a>", false)]
    #[case("https://example.com/a", "`https://example.com/a`", false)]
    #[case("https://example.com/a", "https://example.com/ab", false)]
    #[case("https://example.com/?a=1", "https://example.com/?a=2", false)]
    #[case("https://example.com/a", "", false)]
    #[case("nothing", "nothing", false)]
    fn previews(#[case] address: &str, #[case] text: &str, #[case] previewed: bool) {
        assert_eq!(is_previewed(address, text), previewed);
    }
}
