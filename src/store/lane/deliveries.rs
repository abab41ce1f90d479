//! Parts that statements about deliveries share: when a delivery has begun, what making it due again means,
//! and which lanes wake for it.

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
