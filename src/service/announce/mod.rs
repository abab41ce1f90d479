//! Messages that the bot sends unasked: to those who set up follows, and to the moderators of followed channels.

pub mod follow_changes;
pub mod new_followers;
