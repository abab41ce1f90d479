//! Gateway addresses. They come from Discord, and go to a library that panics when it can't read one.

/// A gateway's address as twilight can use it: nothing in it is ambiguous, and twilight adds the query.
pub(super) fn address(text: &str) -> Option<String> {
    let mut url = reqwest::Url::parse(text).ok()?;
    url.host_str().filter(|host| !host.is_empty())?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_made_usable_or_refused() {
        for (text, expected) in [
            ("wss://gateway.discord.gg", Some("wss://gateway.discord.gg")),
            ("wss://gateway.discord.gg/?v=9#x", Some("wss://gateway.discord.gg")),
            ("ws://127.0.0.1:80/gateway/", Some("ws://127.0.0.1/gateway")),
            ("ws://a b/", None),
            ("https://gateway.discord.gg", None),
            ("wss://", None),
            ("", None),
        ] {
            assert_eq!(address(text).as_deref(), expected, "{text}");
        }
    }
}
