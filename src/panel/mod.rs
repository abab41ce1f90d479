//! Panels: live messages of the bot.

pub mod chart;
pub mod sources;
