//! The cookie that carries a session's secret.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::COOKIE;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use crate::domain::account::SESSION_LIFETIME;
use crate::domain::public_url::PublicUrl;
use crate::domain::secret::WebSecret;

/// With encryption, the prefix makes browsers refuse it from anywhere but this very host.
const fn name(url: &PublicUrl) -> &'static str {
    if url.is_https() { "__Host-tributary" } else { "tributary" }
}

/// Whether a request carries our cookie, whatever is in it.
pub(super) fn is_given(headers: &HeaderMap, url: &PublicUrl) -> bool {
    values(headers, url).next().is_some()
}

/// The secret that a request carries.
pub(super) fn read(headers: &HeaderMap, url: &PublicUrl) -> Option<WebSecret> {
    values(headers, url).find_map(|value| WebSecret::parse(&value))
}

fn values<'a>(headers: &'a HeaderMap, url: &PublicUrl) -> impl Iterator<Item = String> + use<'a> {
    let name = name(url);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| Cookie::split_parse(line).filter_map(Result::ok));
    cookies.filter(move |cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// Gives a browser this session.
pub(super) fn given(url: &PublicUrl, session: &WebSecret) -> HeaderValue {
    set(url, session.text(), Duration::seconds(SESSION_LIFETIME.num_seconds()))
}

/// Takes its session from a browser.
pub(super) fn removed(url: &PublicUrl) -> HeaderValue {
    set(url, String::new(), Duration::ZERO)
}

fn set(url: &PublicUrl, value: String, lifetime: Duration) -> HeaderValue {
    let cookie = Cookie::build((name(url), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(url.is_https())
        .max_age(lifetime)
        .build();
    HeaderValue::from_str(&cookie.to_string()).expect("base64url and fixed words are header characters")
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
