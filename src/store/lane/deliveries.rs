//! Parts that statements about deliveries share: when a delivery has begun, what making it due again means,
//! which lanes wake for it, and whether its follow still reaches the target.

use crate::domain::follow::BrokenReason;

/// Shown in the target, or possibly on its way there.
pub(in crate::store) const BEGUN: &str = "(EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id) \
    OR EXISTS (SELECT 1 FROM lanes l WHERE l.target_channel_id = deliveries.target_channel_id \
        AND l.in_flight_delivery_id = deliveries.id))";

/// Makes a delivery due again, as if nothing had failed yet.
pub(in crate::store) const SET_DUE: &str =
    "state = 'due', outcome = NULL, wait_until = NULL, attempts = 0, overtaken = FALSE";

/// Wakes the lanes of the targets in the set that follows, if they rest until some later time.
pub(in crate::store) const WAKE: &str =
    "UPDATE lanes SET wait_until = NULL WHERE wait_until IS NOT NULL AND target_channel_id IN ";

/// The same for targets with due deliveries that meet this condition.
pub(in crate::store) fn wake_for(condition: &str) -> String {
    format!("{WAKE}(SELECT target_channel_id FROM deliveries WHERE state = 'due' AND {condition})")
}

/// Whether a follow (`f`) can still change what it has shown: it isn't broken, or for a reason that leaves
/// its target and its webhook intact.
pub(in crate::store) fn reaches_target() -> String {
    unless(BrokenReason::is_of_target)
}

/// Whether deletions in the source of a follow (`f`) reach its target. What a deleted channel or thread
/// leaves behind stays.
pub(in crate::store) fn takes_deletions() -> String {
    unless(|reason| reason.is_of_target() || reason == BrokenReason::SourceDeleted)
}

fn unless(reason: impl Fn(BrokenReason) -> bool) -> String {
    let these = BrokenReason::ALL.iter().filter(|one| reason(**one));
    let these: Vec<String> = these.map(|reason| format!("'{}'", reason.as_str())).collect();
    format!("COALESCE(f.broken_reason, '') NOT IN ({})", these.join(", "))
}
