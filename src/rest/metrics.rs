//! What the client counts. The names and labels of all its metrics are here.
//!
//! | name | kind | labels | counts |
//! |---|---|---|---|
//! | `discord_requests_total` | counter | `route`, `status` | requests that left |
//! | `discord_rate_limited_total` | counter | `scope` | answers 429, by whose limit it was |
//! | `discord_invalid_requests_total` | counter | | answers that Discord bans for |
//! | `discord_fuse_open` | gauge | | 1 while requests are refused here, before Discord bans the address |
//! | `discord_fuse_pauses_total` | counter | `of` | pauses of one `server` or `person` |
//!
//! `status` is the answer's status, or `timeout`, `broken`, `unreachable`. Discord bans for answers 401, 403,
//! and 429 that aren't shared. The requests of a server or a person pause when too many that it caused were
//! invalid.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use super::call::Route;
use super::error::RateLimitScope;

/// Requests that left, by route and status.
pub const REQUESTS: &str = "discord_requests_total";
/// Answers 429, by scope.
pub const RATE_LIMITED: &str = "discord_rate_limited_total";
/// Answers that count towards Discord's ban.
pub const INVALID_REQUESTS: &str = "discord_invalid_requests_total";
/// 1 while the fuse is open.
pub const FUSE_OPEN: &str = "discord_fuse_open";

/// Pauses of one server's or one person's requests.
pub const FUSE_PAUSES: &str = "discord_fuse_pauses_total";

/// Describes the metrics to the recorder. Call it once one is installed.
pub fn describe() {
    describe_counter!(REQUESTS, Unit::Count, "Requests to Discord, by route and status");
    describe_counter!(RATE_LIMITED, Unit::Count, "Requests that Discord answered with 429, by scope");
    describe_counter!(
        INVALID_REQUESTS,
        Unit::Count,
        "Requests that count towards Discord's ban of an address"
    );
    describe_gauge!(FUSE_OPEN, "1 while requests are refused because too many were invalid");
    gauge!(FUSE_OPEN).set(0.0);
    describe_counter!(
        FUSE_PAUSES,
        Unit::Count,
        "Pauses of one server's or person's requests because too many were invalid"
    );
    for of in ["server", "person"] {
        counter!(FUSE_PAUSES, "of" => of).absolute(0);
    }
    for scope in [RateLimitScope::User, RateLimitScope::Shared, RateLimitScope::Global] {
        counter!(RATE_LIMITED, "scope" => scope.as_str()).absolute(0);
    }
    counter!(INVALID_REQUESTS).absolute(0);
}

pub(super) fn request(route: Route, status: String) {
    counter!(REQUESTS, "route" => route.to_string(), "status" => status).increment(1);
}

pub(super) fn rate_limited(scope: RateLimitScope) {
    counter!(RATE_LIMITED, "scope" => scope.as_str()).increment(1);
}

pub(super) fn invalid_request() {
    counter!(INVALID_REQUESTS).increment(1);
}

pub(super) fn fuse(open: bool) {
    gauge!(FUSE_OPEN).set(if open { 1.0 } else { 0.0 });
}

pub(super) fn paused(of: &'static str) {
    counter!(FUSE_PAUSES, "of" => of).increment(1);
}
