//! Where people reach the web pages, and which paths on them can be returned to. All addresses that are given
//! out come from here, never from what a request says.

use std::fmt;
use std::net::SocketAddr;

/// The longest path that is returned to after signing in.
const LONGEST_PATH: usize = 200;

/// The address of the web pages: scheme and host only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    /// The host, and the port if it isn't the scheme's own. In small letters.
    authority: String,
}

impl PublicUrl {
    /// An address with this host, and this port if it isn't the scheme's own.
    pub fn new(https: bool, host: &str, port: Option<u16>) -> Self {
        let port = port.filter(|port| *port != Self::default_port(https));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Self { https, authority: format!("{}{port}", host.to_ascii_lowercase()) }
    }

    /// The address of a listener on this machine.
    pub fn of_listener(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        Self::new(false, &host, Some(address.port()))
    }

    const fn default_port(https: bool) -> u16 {
        if https { 443 } else { 80 }
    }

    /// Whether it is encrypted, so that cookies can be kept to encrypted connections.
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Its origin, as browsers write it: `https://bot.example.org`.
    pub fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Whether a request's `Host` names it. The scheme's own port may be written out.
    pub fn is_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let port = format!(":{}", Self::default_port(self.https));
        host == self.authority || host.strip_suffix(&port) == Some(&self.authority)
    }

    /// The whole address of a path.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

/// A path on the web pages to return to. No browser can understand it as another site's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Reads a path that came from outside; `None` if it might lead elsewhere.
    pub fn parse(path: &str) -> Option<Self> {
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let is_local = path.starts_with('/') && !path.starts_with("//");
        (is_local && is_plain && path.len() <= LONGEST_PATH).then(|| Self(path.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LocalPath {
    /// The start page.
    fn default() -> Self {
        Self("/".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    #[test]
    fn hosts_are_recognised() {
        let https = PublicUrl::new(true, "Bot.Example.org", Some(443));
        assert_eq!(https.origin(), "https://bot.example.org");
        let local = PublicUrl::of_listener("127.0.0.1:8081".parse().unwrap());
        assert_eq!(local.join("/x"), "http://127.0.0.1:8081/x");
        let six = PublicUrl::of_listener("[::1]:8081".parse().unwrap());
        for (url, host, is) in [
            (&https, "bot.example.org", true),
            (&https, "BOT.example.org:443", true),
            (&https, "bot.example.org:80", false),
            (&https, "bot.example.org.evil.example", false),
            (&https, "evil.example", false),
            (&https, "", false),
            (&local, "127.0.0.1:8081", true),
            (&local, "localhost:8081", false),
            (&local, "127.0.0.1", false),
            (&six, "[::1]:8081", true),
        ] {
            assert_eq!(url.is_host(host), is, "{url} {host}");
        }
    }

    #[test]
    fn evil_paths_are_refused() {
        let long = format!("/{}", "a".repeat(LONGEST_PATH));
        for path in [
            "",
            "settings",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: b=c",
            "/\t/evil.example",
            " /settings",
            "/ä",
            long.as_str(),
        ] {
            assert_eq!(LocalPath::parse(path), None, "{path:?}");
        }
        for path in ["/", "/settings/tokens", "/s/1?page=2#x", "/a//b", "/%2F/evil"] {
            assert_eq!(LocalPath::parse(path).as_ref().map(LocalPath::as_str), Some(path));
        }
    }

    proptest! {
        /// Whatever is let through, a browser stays on the site.
        #[test]
        fn no_path_leads_away(path in "[/\\\\:.@a-z\t\n %?#-]{0,12}") {
            if let Some(path) = LocalPath::parse(&path) {
                let base = Url::parse("https://bot.example.org/auth/login").unwrap();
                let target = base.join(path.as_str()).unwrap();
                prop_assert_eq!(target.origin(), base.origin());
            }
        }
    }
}
