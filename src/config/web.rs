//! The web pages: where they listen, and how people reach them.

use std::net::SocketAddr;

use reqwest::Url;
use secrecy::SecretString;

use crate::domain::ids::UserId;
use crate::domain::proxies::TrustedProxies;
use crate::domain::public_url::PublicUrl;

use super::{ConfigError, Env, base};

/// Where the web pages are, and how people sign in there.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// Where they listen.
    pub addr: SocketAddr,
    /// How people reach them; `None`: at that address, on this machine.
    pub public_url: Option<PublicUrl>,
    /// The proxies that say where a request comes from.
    pub proxies: TrustedProxies,
    /// How many requests a session or token has in a minute; `None` for no limit.
    pub requests_per_minute: Option<u32>,
    /// Signing in with Discord; `None` if it is off.
    pub discord: Option<DiscordSignInConfig>,
}

/// What signing in with Discord needs.
#[derive(Debug, Clone)]
pub struct DiscordSignInConfig {
    /// The application's client secret.
    pub secret: SecretString,
    /// Where Discord's pages are, and its API for people: scheme, host and port.
    pub base: Url,
}

impl Env<'_> {
    /// The web pages' settings; `None` if they are off.
    pub(super) fn web(&self, http_addr: SocketAddr) -> Result<Option<WebConfig>, ConfigError> {
        const ADDRESS: &str = "WEB_ADDR";
        let (public_url, discord) = (self.public_url()?, self.discord_sign_in()?);
        let proxies = self.get("TRUSTED_PROXIES").unwrap_or_default().parse().map_err(|_| {
            let remedy = "Give networks or addresses separated by commas, such as 127.0.0.1,10.0.0.0/8.";
            ConfigError::new("TRUSTED_PROXIES", "has something that isn't a network", remedy)
        })?;
        let requests_per_minute = self.limit("API_REQUESTS_PER_MINUTE", "Use 120, or 0 for no limit.")?;
        let Some(text) = self.get(ADDRESS) else { return Ok(None) };
        let remedy =
            "Give an IP address and a port, such as 127.0.0.1:8081, or leave it out for no web pages.";
        let addr: SocketAddr =
            text.parse().map_err(|_| ConfigError::new(ADDRESS, "is not an address to listen on", remedy))?;
        if addr == http_addr && addr.port() != 0 {
            let problem = "is the same as HTTP_ADDR, whose metrics nobody else should read";
            return Err(ConfigError::new(ADDRESS, problem, "Choose another port, such as 127.0.0.1:8081."));
        }
        if public_url.is_none() && !addr.ip().is_loopback() {
            let remedy = "Set it to the address at which people reach the web pages, such as https://bot.example.org. It is needed because WEB_ADDR isn't on loopback.";
            return Err(ConfigError::new("PUBLIC_URL", "is not set", remedy));
        }
        Ok(Some(WebConfig { addr, public_url, proxies, requests_per_minute, discord }))
    }

    fn discord_sign_in(&self) -> Result<Option<DiscordSignInConfig>, ConfigError> {
        const NAME: &str = "DISCORD_CLIENT_SECRET";
        let base = match self.get("DISCORD_OAUTH_BASE") {
            Some(text) => base("DISCORD_OAUTH_BASE", &text)?,
            None => self.api_base()?,
        };
        let Some(secret) = self.get(NAME) else { return Ok(None) };
        if secret.chars().any(|c| !c.is_ascii_graphic()) {
            let remedy = "In the developer portal, open your application, then OAuth2, and copy the Client Secret. Leave it out if nobody should sign in with Discord.";
            return Err(ConfigError::new(NAME, "has characters that a client secret can't have", remedy));
        }
        Ok(Some(DiscordSignInConfig { secret: SecretString::from(secret), base }))
    }

    /// The people who operate the bot; `None` if they aren't named.
    pub(super) fn operators(&self) -> Result<Option<Vec<UserId>>, ConfigError> {
        const NAME: &str = "OPERATORS";
        let remedy = "Give people's ids separated by commas, such as 80351110224678912. To find one in Discord, switch on Settings, Advanced, Developer Mode, then right-click the person, Copy User ID.";
        let Some(text) = self.get(NAME) else { return Ok(None) };
        let wrong = || ConfigError::new(NAME, "has something that isn't a person's id", remedy);
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        ids.map(|id| id.parse().map_err(|_| wrong())).collect::<Result<_, _>>().map(Some)
    }

    fn public_url(&self) -> Result<Option<PublicUrl>, ConfigError> {
        const NAME: &str = "PUBLIC_URL";
        let Some(text) = self.get(NAME) else { return Ok(None) };
        let wrong = |problem: &str| {
            let remedy = "Give scheme and host, and a port if it needs one, such as https://bot.example.org.";
            ConfigError::new(NAME, problem, remedy)
        };
        let url = Url::parse(&text).map_err(|_| wrong("is not an address"))?;
        let host = url.host_str().ok_or_else(|| wrong("has no host"))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has more than scheme, host and port"));
        }
        match url.scheme() {
            "https" => Ok(Some(PublicUrl::new(true, host, url.port()))),
            "http" if is_loopback(host) => Ok(Some(PublicUrl::new(false, host, url.port()))),
            "http" => Err(wrong("is not encrypted; http is for 127.0.0.1 and localhost only")),
            _ => Err(wrong("is not an https address")),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
