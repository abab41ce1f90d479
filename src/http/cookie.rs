//! The cookies: one carries a session's secret, the other one ties a sign-in with Discord to the browser in
//! which it was begun.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::COOKIE;
use chrono::TimeDelta;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use crate::domain::account::{PENDING_LIFETIME, SESSION_LIFETIME};
use crate::domain::public_url::PublicUrl;
use crate::domain::secret::WebSecret;

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CookieKind {
    /// Somebody is signed in.
    Session,
    /// Somebody is at Discord's page to sign in.
    PendingSignIn,
}

impl CookieKind {
    /// With encryption, the prefix makes browsers refuse it from anywhere but this very host.
    const fn name(self, url: &PublicUrl) -> &'static str {
        match (self, url.is_https()) {
            (Self::Session, true) => "__Host-tributary",
            (Self::Session, false) => "tributary",
            (Self::PendingSignIn, true) => "__Host-tributary-sign-in",
            (Self::PendingSignIn, false) => "tributary-sign-in",
        }
    }

    const fn lifetime(self) -> TimeDelta {
        match self {
            Self::Session => SESSION_LIFETIME,
            Self::PendingSignIn => PENDING_LIFETIME,
        }
    }

    /// The secret that a request carries in it.
    pub(super) fn read(self, headers: &HeaderMap, url: &PublicUrl) -> Option<WebSecret> {
        self.values(headers, url).find_map(|value| WebSecret::parse(&value))
    }

    /// Gives a browser this secret.
    pub(super) fn given(self, url: &PublicUrl, secret: &WebSecret) -> HeaderValue {
        self.set(url, secret.text(), Duration::seconds(self.lifetime().num_seconds()))
    }

    /// Takes it from a browser.
    pub(super) fn removed(self, url: &PublicUrl) -> HeaderValue {
        self.set(url, String::new(), Duration::ZERO)
    }

    fn values<'a>(self, headers: &'a HeaderMap, url: &PublicUrl) -> impl Iterator<Item = String> + use<'a> {
        let name = self.name(url);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let cookies = lines.flat_map(|line| Cookie::split_parse(line).filter_map(Result::ok));
        cookies.filter(move |cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }

    /// `Lax`: browsers send it when another site leads to one of our pages, as Discord does.
    fn set(self, url: &PublicUrl, value: String, lifetime: Duration) -> HeaderValue {
        let cookie = Cookie::build((self.name(url), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(url.is_https())
            .max_age(lifetime)
            .build();
        HeaderValue::from_str(&cookie.to_string()).expect("base64url and fixed words are header characters")
    }
}

/// Whether a request carries a session's cookie, whatever is in it.
pub(super) fn is_given(headers: &HeaderMap, url: &PublicUrl) -> bool {
    CookieKind::Session.values(headers, url).next().is_some()
}

/// The secret of the session that a request carries.
pub(super) fn read(headers: &HeaderMap, url: &PublicUrl) -> Option<WebSecret> {
    CookieKind::Session.read(headers, url)
}

/// Gives a browser this session.
pub(super) fn given(url: &PublicUrl, session: &WebSecret) -> HeaderValue {
    CookieKind::Session.given(url, session)
}

/// Takes its session from a browser.
pub(super) fn removed(url: &PublicUrl) -> HeaderValue {
    CookieKind::Session.removed(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_host_has_a_cookie_of_its_own() {
        let secret = WebSecret::new([7; 32]);
        let https = PublicUrl::new(true, "bot.example.org", None);
        let given = given(&https, &secret);
        let given = given.to_str().unwrap();
        let (cookie, attributes) = given.split_once("; ").unwrap();
        assert_eq!(cookie, format!("__Host-tributary={}", secret.text()));
        let mut attributes: Vec<&str> = attributes.split("; ").collect();
        attributes.sort_unstable();
        assert_eq!(attributes, ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax", "Secure"]);
        let http = PublicUrl::new(false, "127.0.0.1", Some(8081));
        let removed = removed(&http);
        let removed = removed.to_str().unwrap();
        assert!(removed.starts_with("tributary=; ") && removed.contains("Max-Age=0"), "{removed}");
        assert!(!removed.contains("Secure"), "{removed}");
    }

    #[test]
    fn a_sign_in_has_another_cookie_for_ten_minutes() {
        let (secret, https) = (WebSecret::new([7; 32]), PublicUrl::new(true, "bot.example.org", None));
        let given = CookieKind::PendingSignIn.given(&https, &secret);
        let given = given.to_str().unwrap();
        assert!(given.starts_with(&format!("__Host-tributary-sign-in={}; ", secret.text())), "{given}");
        for attribute in ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax", "Secure"] {
            assert!(given.split("; ").any(|part| part == attribute), "{attribute}: {given}");
        }
        let sent = format!("__Host-tributary-sign-in={}", secret.text());
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&sent).unwrap())]);
        assert_eq!((read(&headers, &https), is_given(&headers, &https)), (None, false));
        assert_eq!(CookieKind::PendingSignIn.read(&headers, &https), Some(secret));
    }

    #[test]
    fn only_ours_is_read() {
        let (url, secret) = (PublicUrl::new(true, "bot.example.org", None), WebSecret::new([7; 32]));
        let sent = format!("tributary=x; __Host-tributary={}; theme=dark", secret.text());
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&sent).unwrap())]);
        assert_eq!(read(&headers, &url), Some(secret));
        let http = PublicUrl::new(false, "127.0.0.1", Some(8081));
        assert_eq!((read(&headers, &http), is_given(&headers, &http)), (None, true));
        assert!(!is_given(&HeaderMap::new(), &url));
    }
}
