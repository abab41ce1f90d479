//! The names of the metrics, and the recorder that `/metrics` reads.

use crate::domain::activity::DeliveryEnding;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Gauge: follows, by `state` (active, paused, broken).
pub const FOLLOWS: &str = "tributary_follows";
/// Counter: events of followed channels read from the gateway.
pub const EVENTS_READ: &str = "tributary_events_read_total";
/// Counter: events without a required field, and interactions that can't be read, by `event`.
pub const EVENTS_UNREADABLE: &str = "tributary_events_undecoded_total";
/// Counter: events of followed channels that were skipped because they can't be recorded, whatever the
/// database does.
pub const EVENTS_SET_ASIDE: &str = "tributary_events_set_aside_total";
/// Counter: events of followed channels that are not mirrored, by `reason`.
pub const EVENTS_LEFT_OUT: &str = "tributary_events_left_out_total";
/// The reason for [`EVENTS_LEFT_OUT`]: the message's author doesn't want it mirrored.
pub const LEFT_OUT_FOR_AUTHOR: &str = "author_opted_out";
/// Gauge, in seconds: the age of the oldest event of a followed channel that isn't recorded; 0 if all are.
pub const OLDEST_EVENT: &str = "tributary_oldest_unwritten_event_seconds";
/// Gauge: channels whose events wait until their history has been read.
pub const DEFERRED_SOURCES: &str = "tributary_sources_waiting_to_be_read";
/// Counter: finished steps of deliveries, by `outcome`.
pub const DELIVERIES: &str = "tributary_deliveries_total";
/// Counter: looks at panels, by `outcome`: it shows something new, or the same; its source failed; its
/// message could not be posted or edited.
pub const PANEL_LOOKS: &str = "tributary_panel_looks_total";
/// Counter: what came of signing in at the web pages, by `kind` and `outcome`.
pub const SIGN_INS: &str = "tributary_sign_ins_total";
/// Counter: requests to the web pages and the API, by `route` and `status`.
pub const HTTP_REQUESTS: &str = "tributary_http_requests_total";
/// Histogram, in seconds: how long these took.
pub const HTTP_SECONDS: &str = "tributary_http_request_seconds";
/// Gauge: deliveries that are not finished.
pub const OPEN_DELIVERIES: &str = "tributary_open_deliveries";
/// Gauge: targets with deliveries that are not finished.
pub const OPEN_LANES: &str = "tributary_open_lanes";
/// Gauge: how many unfinished deliveries the target with the most of them has.
pub const DEEPEST_LANE: &str = "tributary_deepest_lane";
/// Gauge: targets where something has failed for more than a minute.
pub const FAILING_LANES: &str = "tributary_failing_lanes";
/// Histogram, in seconds: from the message in the source to its mirror.
pub const DELIVERY_LAG: &str = "tributary_delivery_lag_seconds";
/// Counter: things that were forgotten because nobody needs them any more, by `what`.
pub const FORGOTTEN: &str = "tributary_forgotten_total";
/// Counter: times that the gateway came back after a loss.
pub const GATEWAY_RECONNECTS: &str = "tributary_gateway_reconnects_total";
/// Counter: lost connections to the gateway, and failed attempts to connect.
pub const GATEWAY_LOSSES: &str = "tributary_gateway_losses_total";
/// Gauge: 1 while the gateway is connected.
pub const GATEWAY_UP: &str = "tributary_gateway_up";

/// The outcomes of [`DELIVERIES`]: a message was shown, or edited or deleted; it is tried again, or the
/// result is unclear; it ended in one of four ways.
const OUTCOMES: &[&str] = &[
    "shown",
    "changed",
    "postponed",
    "unclear",
    DeliveryEnding::Withdrawn.as_str(),
    DeliveryEnding::Refused.as_str(),
    DeliveryEnding::FollowEnded.as_str(),
    DeliveryEnding::GaveUp.as_str(),
];
/// The outcomes of [`PANEL_LOOKS`].
const LOOK_OUTCOMES: &[&str] = &["changed", "same", "stale", "failed"];
/// What [`FORGOTTEN`] counts because of its age.
pub const FORGOTTEN_BY_AGE: [&str; 6] = ["contents", "messages", "channels", "lanes", "panels", "samples"];
/// What it counts besides: servers that the bot has left.
pub const FORGOTTEN_SERVERS: &str = "servers";
/// The lag's buckets, in seconds.
const LAG_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0];

/// The same for requests to the web pages.
const HTTP_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0];

/// Starts recording. Once in a process.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let matcher = metrics_exporter_prometheus::Matcher::Full(DELIVERY_LAG.to_owned());
    let requests = metrics_exporter_prometheus::Matcher::Full(HTTP_SECONDS.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(matcher, LAG_BUCKETS)?
        .set_buckets_for_metric(requests, HTTP_BUCKETS)?
        .install_recorder()?;
    describe();
    crate::rest::metrics::describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_gauge!(FOLLOWS, "Follows, by state");
    metrics::describe_counter!(EVENTS_READ, "Events of followed channels read from the gateway");
    metrics::describe_counter!(EVENTS_UNREADABLE, "Events that can't be read, by name");
    metrics::describe_counter!(EVENTS_SET_ASIDE, "Events that can't be written down, and were passed over");
    metrics::describe_counter!(EVENTS_LEFT_OUT, "Events that were left out of what is mirrored, by reason");
    metrics::describe_gauge!(
        OLDEST_EVENT,
        metrics::Unit::Seconds,
        "The age of the oldest event that isn't written down"
    );
    metrics::describe_gauge!(
        DEFERRED_SOURCES,
        "Channels whose events wait until their history could be read"
    );
    metrics::describe_counter!(DELIVERIES, "Steps of deliveries, by outcome");
    metrics::describe_counter!(PANEL_LOOKS, "Looks at panels, by outcome");
    metrics::describe_counter!(SIGN_INS, "What came of signing in at the web pages");
    metrics::describe_counter!(HTTP_REQUESTS, "Requests to the web pages and the API");
    metrics::describe_histogram!(HTTP_SECONDS, metrics::Unit::Seconds, "How long these took");
    metrics::describe_gauge!(OPEN_DELIVERIES, "Deliveries that are not finished");
    metrics::describe_gauge!(OPEN_LANES, "Targets with deliveries that are not finished");
    metrics::describe_gauge!(DEEPEST_LANE, "Unfinished deliveries of the target that has most of them");
    metrics::describe_gauge!(FAILING_LANES, "Targets where something has failed for more than a minute");
    metrics::describe_histogram!(
        DELIVERY_LAG,
        metrics::Unit::Seconds,
        "From the message in the source to its mirror"
    );
    metrics::describe_counter!(FORGOTTEN, "Things that were forgotten because nobody needs them any more");
    metrics::describe_counter!(GATEWAY_RECONNECTS, "Times that the gateway came back after it was gone");
    metrics::describe_counter!(GATEWAY_LOSSES, "Connections to the gateway that were lost or failed");
    metrics::describe_gauge!(GATEWAY_UP, "1 while the gateway is connected");
    // Present from the start, so that a rate over them always has data.
    for outcome in OUTCOMES {
        metrics::counter!(DELIVERIES, "outcome" => *outcome).absolute(0);
    }
    for outcome in LOOK_OUTCOMES {
        metrics::counter!(PANEL_LOOKS, "outcome" => *outcome).absolute(0);
    }
    for what in FORGOTTEN_BY_AGE.into_iter().chain([FORGOTTEN_SERVERS]) {
        metrics::counter!(FORGOTTEN, "what" => what).absolute(0);
    }
    // Nothing is recorded, but the histogram is there.
    let _ = metrics::histogram!(DELIVERY_LAG);
    metrics::counter!(EVENTS_READ).absolute(0);
    metrics::counter!(EVENTS_SET_ASIDE).absolute(0);
    metrics::counter!(EVENTS_LEFT_OUT, "reason" => LEFT_OUT_FOR_AUTHOR).absolute(0);
    metrics::counter!(GATEWAY_RECONNECTS).absolute(0);
    metrics::counter!(GATEWAY_LOSSES).absolute(0);
}
