//! What statements about deliveries have in common: when one has begun, what owing it again means, and the lanes that wake for it.

/// Shown in the target, or maybe on its way there.
pub(in crate::store) const BEGUN: &str = "(EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id) \
    OR EXISTS (SELECT 1 FROM lanes l WHERE l.target_channel_id = deliveries.target_channel_id \
        AND l.in_flight_delivery_id = deliveries.id))";

/// Sets a delivery to owed again, as if nothing had failed yet.
pub(in crate::store) const DUE: &str =
    "state = 'due', outcome = NULL, wait_until = NULL, attempts = 0, overtaken = FALSE";

/// Lanes that rest until some later time have a reason to look now: those of the targets that follow this.
pub(in crate::store) const WAKE: &str =
    "UPDATE lanes SET wait_until = NULL WHERE wait_until IS NOT NULL AND target_channel_id IN ";

/// The same for the targets that are owed the deliveries on which this condition is true.
pub(in crate::store) fn wake_for(condition: &str) -> String {
    format!("{WAKE}(SELECT target_channel_id FROM deliveries WHERE state = 'due' AND {condition})")
}
