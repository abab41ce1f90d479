//! What the limiter learns from an answer, and how that is read from headers and body.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::super::code::ErrorCode;
use super::super::error::RateLimitScope;
use super::super::meaning::RefusalMeaning;

/// The longest wait that is believed, in seconds.
const LONGEST_WAIT: f64 = 86_400.0;
/// The wait after a 429 that doesn't say how long.
const UNSAID_WAIT: Duration = Duration::from_secs(5);

/// A bucket as an answer describes it, right after the bucket counted the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rest) struct Quota {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    pub(super) reset_after: Duration,
}

/// What the limiter learns from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rest) struct AnswerFacts {
    /// Discord's name for the bucket. Routes that share it share the limit.
    pub(super) bucket: Option<String>,
    pub(super) quota: Option<Quota>,
    /// 2xx, and not a page of something in front of Discord.
    pub(super) success: bool,
    pub(in crate::rest) kind: AnswerKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rest) enum AnswerKind {
    /// Discord has handled the request. Also a 429 about one message (30046).
    Handled,
    /// 401 or 403: Discord has handled the request, and counts it as invalid.
    Invalid,
    /// 401 or 403 that isn't Discord's own: something in front of it refuses. It counts as invalid all the
    /// same.
    RefusedByEdge,
    /// 5xx. It may come from something in front of Discord's limits.
    ServerError,
    /// 429.
    Limited { retry_after: Duration, scope: RateLimitScope },
}

/// The body of a 429.
#[derive(Deserialize)]
struct LimitedBody {
    retry_after: f64,
    #[serde(default)]
    global: bool,
}

impl AnswerFacts {
    /// Reads an answer. Only the body of a refusal is looked at.
    pub(in crate::rest) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let quota = quota(headers);
        let kind = match status {
            // A limit on one message's edits, not on requests. Other calls may go on.
            429 if code(body) == Some(ErrorCode::TOO_MANY_OLD_EDITS) => AnswerKind::Handled,
            429 => limited(headers, body, quota),
            // The bot's token isn't accepted.
            401 if code(body) == Some(ErrorCode::GENERAL) => AnswerKind::Invalid,
            401 | 403 if code(body).and_then(RefusalMeaning::of).is_some() => AnswerKind::Invalid,
            401 | 403 => AnswerKind::RefusedByEdge,
            500.. => AnswerKind::ServerError,
            _ => AnswerKind::Handled,
        };
        let bucket = text(headers, "x-ratelimit-bucket").filter(|name| name.len() <= 200).map(str::to_owned);
        let success = (200..300).contains(&status) && (body.is_empty() || is_json(body));
        Self { bucket, quota, success, kind }
    }

    /// Whether Discord itself has answered, as far as that can be told. A page that says "not found" may be
    /// anybody's.
    pub(super) const fn is_genuine(&self) -> bool {
        self.success || self.quota.is_some() || matches!(self.kind, AnswerKind::Invalid)
    }
}

/// Whether a body looks like one of Discord's, which are always JSON. Other bodies are pages that something
/// in front of Discord wrote.
pub(in crate::rest) fn is_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"' | b'n'))
}

/// The code of a body that is Discord's own.
fn code(body: &[u8]) -> Option<ErrorCode> {
    #[derive(Deserialize)]
    struct CodeBody {
        code: ErrorCode,
        #[serde(rename = "message")]
        _message: serde::de::IgnoredAny,
    }
    serde_json::from_slice(body).ok().map(|body: CodeBody| body.code)
}

fn limited(headers: &HeaderMap, body: &[u8], quota: Option<Quota>) -> AnswerKind {
    let body: Option<LimitedBody> = serde_json::from_slice(body).ok();
    let global =
        body.as_ref().is_some_and(|body| body.global) || text(headers, "x-ratelimit-global").is_some();
    let scope = match text(headers, "x-ratelimit-scope") {
        _ if global => RateLimitScope::Global,
        Some("global") => RateLimitScope::Global,
        Some("shared") => RateLimitScope::Shared,
        Some(_) => RateLimitScope::User,
        // Not written by Discord's API but by something in front of it, and about the whole address.
        None if body.is_none() => RateLimitScope::Global,
        None => RateLimitScope::User,
    };
    // The header rounds, and has been seen to be less than the body says. So the larger time counts. A spent
    // bucket of our own names a third one.
    let own = quota
        .filter(|quota| scope == RateLimitScope::User && quota.remaining == 0)
        .map(|quota| quota.reset_after);
    let said =
        [text(headers, "retry-after").and_then(seconds), body.and_then(|body| wait(body.retry_after)), own];
    let retry_after = said.into_iter().flatten().max().unwrap_or(UNSAID_WAIT);
    AnswerKind::Limited { retry_after, scope }
}

fn quota(headers: &HeaderMap) -> Option<Quota> {
    let number = |name| text(headers, name).and_then(|text| text.parse().ok());
    let (limit, remaining) = (number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?);
    let reset_after = text(headers, "x-ratelimit-reset-after").and_then(seconds)?;
    Some(Quota { limit, remaining, reset_after })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds(text: &str) -> Option<Duration> {
    wait(text.parse().ok()?)
}

fn wait(seconds: f64) -> Option<Duration> {
    (!seconds.is_nan()).then(|| Duration::try_from_secs_f64(seconds.min(LONGEST_WAIT)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(header).collect()
    }

    fn limit(pairs: &[(&'static str, &'static str)], body: &str) -> (f64, RateLimitScope) {
        match AnswerFacts::read(429, &headers(pairs), body.as_bytes()).kind {
            AnswerKind::Limited { retry_after, scope } => (retry_after.as_secs_f64(), scope),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_larger_of_both_times_counts() {
        let shared = ("x-ratelimit-scope", "shared");
        assert_eq!(
            limit(&[("retry-after", "1"), shared], r#"{"retry_after": 1.4}"#),
            (1.4, RateLimitScope::Shared)
        );
        assert_eq!(
            limit(&[("retry-after", "2"), shared], r#"{"retry_after": 1.4}"#),
            (2.0, RateLimitScope::Shared)
        );
        assert_eq!(limit(&[shared], "{}"), (5.0, RateLimitScope::Shared));
    }

    #[test]
    fn knows_whose_limit_it_is() {
        let body = r#"{"retry_after": 3, "global": true}"#;
        assert_eq!(limit(&[], body), (3.0, RateLimitScope::Global));
        assert_eq!(
            limit(&[("x-ratelimit-scope", "global")], r#"{"retry_after": 3}"#),
            (3.0, RateLimitScope::Global)
        );
        assert_eq!(
            limit(&[("x-ratelimit-scope", "user")], r#"{"retry_after": 3}"#),
            (3.0, RateLimitScope::User)
        );
        assert_eq!(
            limit(&[("retry-after", "600")], "<html>error 1015</html>"),
            (600.0, RateLimitScope::Global)
        );
    }

    #[test]
    fn a_limit_on_one_message_holds_up_nothing_else() {
        let body =
            r#"{"message": "Maximum number of edits to messages older than 1 hour reached.", "code": 30046}"#;
        assert_eq!(AnswerFacts::read(429, &headers(&[]), body.as_bytes()).kind, AnswerKind::Handled);
    }

    #[test]
    fn what_stands_in_front_of_discord_refuses() {
        let kind = |status, body: &str| AnswerFacts::read(status, &headers(&[]), body.as_bytes()).kind;
        for (status, body) in [(403, "<html>"), (401, ""), (403, r#"{"code": 40333, "message": "no"}"#)] {
            assert_eq!(kind(status, body), AnswerKind::RefusedByEdge, "{status} {body}");
        }
        assert_eq!(kind(403, r#"{"code": 50001, "message": "Missing Access"}"#), AnswerKind::Invalid);
        assert_eq!(kind(401, r#"{"code": 0, "message": "401: Unauthorized"}"#), AnswerKind::Invalid);
    }

    #[test]
    fn odd_headers_are_no_headers() {
        let good = [
            ("x-ratelimit-limit", "5"),
            ("x-ratelimit-remaining", "4"),
            ("x-ratelimit-reset-after", "1.5"),
            ("x-ratelimit-bucket", "abc"),
        ];
        let answer = AnswerFacts::read(200, &headers(&good), b"");
        assert_eq!(answer.quota.unwrap().reset_after, Duration::from_millis(1500));
        assert_eq!(answer.bucket.as_deref(), Some("abc"));
        for odd in ["-1", "NaN", "inf-", ""] {
            let bad = [good[0], good[1], ("x-ratelimit-reset-after", odd)];
            assert_eq!(AnswerFacts::read(200, &headers(&bad), b"").quota, None, "{odd}");
        }
    }
}
