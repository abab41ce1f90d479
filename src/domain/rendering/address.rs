//! Addresses that Discord accepts. Because of one that it doesn't, it refuses the whole message ("Not a well
//! formed URL"), so such addresses are left out.

use percent_encoding::percent_encode_byte;

use crate::domain::limits;

/// An http or https address with a public-looking host, as Discord requires it in embeds: a name with a dot
/// (discord-api-docs and others: `localhost` and `_` in the host are refused) or an IPv4 address. Characters
/// that don't belong into an address are percent-encoded.
pub(crate) fn public(raw: &str) -> Option<String> {
    let (address, host) = web(raw)?;
    is_public(&host).then_some(address)
}

/// Like [`public`], or an attachment of the same message, which pictures may be.
pub(super) fn picture(raw: &str) -> Option<String> {
    match raw.strip_prefix("attachment://") {
        Some(file) => (!file.is_empty()
            && raw.len() <= limits::ADDRESS
            && file.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
        .then(|| raw.to_owned()),
        None => public(raw),
    }
}

/// An http or https address of any host, for addresses that came from Discord itself or a stand-in for it.
pub(super) fn any(raw: &str) -> Option<String> {
    web(raw).map(|(address, _)| address)
}

fn web(raw: &str) -> Option<(String, String)> {
    let raw = raw.trim();
    let (scheme, rest) = raw.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_host = !host.is_empty()
        && host.len() <= 253
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if !is_host || port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return None;
    }
    let address = format!("{scheme}://{authority}{}", encoded(path));
    (address.len() <= limits::ADDRESS).then(|| (address, host.to_owned()))
}

fn is_public(host: &str) -> bool {
    if host.parse::<std::net::Ipv4Addr>().is_ok() {
        return true;
    }
    let labels: Vec<_> = host.split('.').collect();
    let proper = |label: &&str| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    let top =
        labels.last().is_some_and(|top| top.len() >= 2 && top.starts_with(|c: char| c.is_ascii_alphabetic()));
    labels.len() >= 2 && top && labels.iter().all(proper)
}

/// The path, query and fragment with every character encoded that RFC 3986 doesn't have there.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    let mut fragment = false;
    for (at, byte) in path.bytes().enumerate() {
        let hex = |offset: usize| path.as_bytes().get(at + offset).is_some_and(u8::is_ascii_hexdigit);
        let allowed = match byte {
            b'%' => hex(1) && hex(2),
            b'#' => !std::mem::replace(&mut fragment, true),
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=".contains(&byte),
        };
        if allowed {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(percent_encode_byte(byte));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://example.com", Some("https://example.com"))]
    #[case(" HTTP://example.com:8080/a?b=c#d ", Some("http://example.com:8080/a?b=c#d"))]
    #[case("https://example.com/ü b>[x]%", Some("https://example.com/%C3%BC%20b%3E%5Bx%5D%25"))]
    #[case("https://example.com/%20#a#b", Some("https://example.com/%20#a%23b"))]
    #[case("http://127.0.0.1:80/a", Some("http://127.0.0.1:80/a"))]
    #[case("http://localhost/a", None)]
    #[case("https://under_score.example.com", None)]
    #[case("https://user@example.com", None)]
    #[case("https://example.com:99999", None)]
    #[case("https://exa mple.com", None)]
    #[case("https://", None)]
    #[case("https://a..b", None)]
    #[case("ftp://example.com", None)]
    #[case("javascript:alert(1)", None)]
    #[case("", None)]
    fn of_embeds(#[case] raw: &str, #[case] kept: Option<&str>) {
        assert_eq!(public(raw).as_deref(), kept);
    }

    #[test]
    fn of_pictures_and_of_discord() {
        assert_eq!(picture("attachment://cat.png").as_deref(), Some("attachment://cat.png"));
        assert_eq!(picture("attachment://../cat png"), None);
        assert_eq!(any("http://localhost:4000/a.png").as_deref(), Some("http://localhost:4000/a.png"));
        assert_eq!(any(&format!("https://example.com/{}", "a".repeat(2048))), None);
    }
}
