//! The words and rules of Tributary as plain types and pure functions: no I/O, no clock, no library of Discord's.
//! Every other module may use this one; it uses none of them.

pub mod activity;
pub mod channel;
pub mod follow;
pub mod ids;
pub mod message;
pub mod next_step;
pub mod permissions;
pub mod tags;
pub mod webhook;
