//! How many requests are answered: counted in memory, by this process, before the database is asked.
//!
//! A session or token that the database has confirmed counts for itself. Everything else counts for the
//! address that it comes from: guests, and secrets that are wrong or haven't been looked up yet. So nobody
//! gets more requests by making up secrets, and nobody else has fewer because of it.

use std::sync::Mutex;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, TimeDelta, Utc};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::domain::allowance::{Allowance, AllowanceLeft};
use crate::domain::expiring::ExpiringMap;
use crate::domain::lock::lock;
use crate::domain::proxies::{AddressGroup, TrustedProxies};
use crate::domain::secret::SecretHash;
use crate::service::RetryTime;

use super::caller;
use super::problem::{AnswerForm, Problem, ProblemCode};
use super::web::WebState;

/// The span of [`RequestLimits`].
const SPAN: TimeDelta = TimeDelta::minutes(1);
/// How many sign-ins one address may begin or redeem in [`SIGN_IN_SPAN`].
const SIGN_INS: u32 = 10;
/// The span for sign-ins.
const SIGN_IN_SPAN: TimeDelta = TimeDelta::minutes(10);
/// The span of a feed's address, and how often it is read in it.
const FEED_SPAN: TimeDelta = TimeDelta::hours(1);
const FEED_READS: u32 = 60;
/// How many addresses, and how many sessions and tokens, are counted at the same time. Addresses can't push
/// out sessions and tokens.
const MOST: usize = 10_000;
/// How long a session or token is taken for a real one after it was last looked up.
const RECOGNISED: TimeDelta = TimeDelta::hours(1);

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Counts requests.
pub struct RequestLimits(Mutex<RequestCounts>);

struct RequestCounts {
    /// Sessions and tokens that exist.
    recognised: ExpiringMap<SecretHash, (), MOST>,
    credentials: Allowance<SecretHash, MOST>,
    addresses: Allowance<AddressGroup, MOST>,
    sign_ins: Allowance<AddressGroup, MOST>,
    feeds: Allowance<SecretHash, MOST>,
}

impl RequestLimits {
    /// So many requests a minute for a session or token, and half as many for an address; `None` for no
    /// limit.
    pub fn new(per_minute: Option<u32>) -> Self {
        Self(Mutex::new(RequestCounts {
            recognised: ExpiringMap::default(),
            credentials: Allowance::within(SPAN, per_minute),
            addresses: Allowance::within(SPAN, per_minute.map(|most| (most / 2).max(1))),
            sign_ins: Allowance::within(SIGN_IN_SPAN, Some(SIGN_INS)),
            feeds: Allowance::within(FEED_SPAN, Some(FEED_READS)),
        }))
    }

    /// Counts a request. Where there were too many, says when there is room again.
    fn count(
        &self,
        credential: Option<SecretHash>,
        from: AddressGroup,
        signs_in: bool,
        now: DateTime<Utc>,
    ) -> Result<(), DateTime<Utc>> {
        let mut counts = lock(&self.0);
        if let Some(known) = counts.recognised(credential, now) {
            counts.credentials.take(known, now)?;
        } else {
            counts.addresses.take(from, now)?;
        }
        if signs_in { counts.sign_ins.take(from, now) } else { Ok(()) }
    }

    /// Notes what the database says of a session or token. The first time, the request counts for it, and no
    /// longer for its address.
    pub(super) fn note(
        &self,
        credential: SecretHash,
        exists: bool,
        request: &Extensions,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let Some(from) = request.get::<AddressGroup>().copied() else { return Ok(()) };
        let mut counts = lock(&self.0);
        if !exists {
            counts.recognised.remove(&credential);
            return Ok(());
        }
        let was_known = counts.recognised(Some(credential), now).is_some();
        counts.recognised.put(credential, (), now + RECOGNISED, now);
        if was_known {
            return Ok(());
        }
        counts.addresses.give_back(from, now);
        counts.credentials.take(credential, now).map_err(too_many)
    }

    /// Notes a session that has just begun: it counts for itself from its first request on.
    pub(super) fn note_begun(&self, session: SecretHash, now: DateTime<Utc>) {
        lock(&self.0).recognised.put(session, (), now + RECOGNISED, now);
    }

    /// Counts that a feed is read at an address of its own, which exists: for that address, and not for where
    /// the request comes from.
    pub(super) fn count_feed(
        &self,
        feed: SecretHash,
        request: &Extensions,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let mut counts = lock(&self.0);
        counts.feeds.take(feed, now).map_err(too_many)?;
        if let Some(from) = request.get::<AddressGroup>() {
            counts.addresses.give_back(*from, now);
        }
        Ok(())
    }

    /// What is left to whoever sent a request; `None` if there is no limit.
    fn left(
        &self,
        credential: Option<SecretHash>,
        from: AddressGroup,
        now: DateTime<Utc>,
    ) -> Option<AllowanceLeft> {
        let counts = lock(&self.0);
        match counts.recognised(credential, now) {
            Some(known) => counts.credentials.left(&known, now),
            None => counts.addresses.left(&from, now),
        }
    }
}

impl RequestCounts {
    /// The session or token, if it is known to exist.
    fn recognised(&self, credential: Option<SecretHash>, now: DateTime<Utc>) -> Option<SecretHash> {
        credential.filter(|credential| self.recognised.get(credential, now).is_some())
    }
}

fn too_many(free: DateTime<Utc>) -> Problem {
    Problem::new(ProblemCode::TooManyRequests).retry_at(free)
}

/// Counts a request, and says in answers of the API what is left.
pub(super) async fn limit(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/assets/") {
        return next.run(request).await;
    }
    let from = AddressGroup::from(client(&request, &state.proxies));
    let credential = caller::credential(request.headers(), &state.url);
    let is_api = AnswerForm::of(request.uri().path()).is_api();
    let counted = state.limits.count(credential, from, signs_in(&request), state.clock.now());
    let mut answer = match counted {
        Ok(()) => {
            request.extensions_mut().insert(from);
            next.run(request).await
        }
        Err(free) => too_many(free).into_response(),
    };
    let now = state.clock.now();
    if is_api && let Some(left) = state.limits.left(credential, from, now) {
        add_headers(answer.headers_mut(), left, now);
    }
    answer
}

/// Where a request comes from.
fn client(request: &Request, proxies: &TrustedProxies) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
    let forwarded = request.headers().get_all(FORWARDED_FOR).iter();
    // What isn't a text isn't an address either.
    proxies.client(peer, forwarded.map(|line| line.to_str().unwrap_or("?")))
}

/// Whether a request begins a sign-in, or redeems a link.
fn signs_in(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match route {
        "/auth/login" => true,
        "/auth/link/{link}" => request.method() == Method::POST,
        _ => false,
    }
}

fn add_headers(headers: &mut HeaderMap, left: AllowanceLeft, now: DateTime<Utc>) {
    let reset = if left.more_at > now { RetryTime::At(left.more_at).seconds(now) } else { 0 };
    headers.insert(LIMIT, HeaderValue::from(left.most));
    headers.insert(REMAINING, HeaderValue::from(left.left));
    headers.insert(RESET, HeaderValue::from(reset));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn secret(number: u64) -> SecretHash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        SecretHash::from_bytes(bytes)
    }

    fn address(number: u32) -> AddressGroup {
        AddressGroup::from(IpAddr::from(Ipv4Addr::from_bits(number)))
    }

    fn from(group: AddressGroup) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(group);
        extensions
    }

    #[test]
    fn made_up_secrets_cost_their_own_address_only() {
        let limits = RequestLimits::new(Some(120));
        let (evil, honest) = (address(1), address(2));
        // It was used before, from the very address of the flood.
        limits.count(Some(secret(0)), evil, false, at(0)).unwrap();
        limits.note(secret(0), true, &from(evil), at(0)).unwrap();
        let asked =
            (1..=100_000).filter(|made_up| limits.count(Some(secret(*made_up)), evil, false, at(1)).is_ok());
        assert_eq!(asked.count(), 60, "the database is asked this often");
        assert_eq!(limits.count(Some(secret(0)), evil, false, at(1)), Ok(()));
        for _ in 0..60 {
            assert_eq!(limits.count(None, honest, false, at(1)), Ok(()));
        }
        assert_eq!(limits.count(None, honest, false, at(2)), Err(at(61)));
    }

    #[test]
    fn addresses_do_not_push_out_what_is_counted_for_tokens() {
        let limits = RequestLimits::new(Some(2));
        limits.count(Some(secret(0)), address(0), false, at(0)).unwrap();
        limits.note(secret(0), true, &from(address(0)), at(0)).unwrap();
        limits.count(Some(secret(0)), address(0), false, at(0)).unwrap();
        for other in 1..=100_000 {
            assert_eq!(limits.count(Some(secret(other.into())), address(other), false, at(1)), Ok(()));
        }
        assert_eq!(limits.count(Some(secret(0)), address(0), false, at(1)), Err(at(60)));
    }

    #[test]
    fn a_secret_that_works_no_longer_counts_for_its_address() {
        let limits = RequestLimits::new(Some(4));
        let (token, here) = (secret(1), address(1));
        limits.count(Some(token), here, false, at(0)).unwrap();
        limits.note(token, true, &from(here), at(0)).unwrap();
        let left = |credential| limits.left(credential, here, at(0)).unwrap().left;
        assert_eq!((left(Some(token)), left(None)), (3, 2), "the address has its two");
        limits.note(token, false, &from(here), at(0)).unwrap();
        limits.count(Some(token), here, false, at(0)).unwrap();
        assert_eq!(left(None), 1);
    }

    #[test]
    fn sign_ins_are_counted_for_longer() {
        let limits = RequestLimits::new(None);
        for second in 0..10 {
            assert_eq!(limits.count(None, address(1), true, at(second)), Ok(()));
        }
        assert_eq!(limits.count(None, address(1), true, at(100)), Err(at(600)));
        assert_eq!(limits.count(None, address(1), false, at(100)), Ok(()));
        assert_eq!(limits.count(None, address(2), true, at(100)), Ok(()));
    }
}
