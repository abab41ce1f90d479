//! The words and rules of Tributary as plain types and pure functions: no I/O, no clock, no library of
//! Discord's. Every other module may use this one; it uses none of them.

pub mod activity;
pub mod allowance;
pub mod catch_up;
pub mod channel;
pub mod circle;
pub mod clock;
pub mod doors;
pub mod follow;
pub mod gateway_session;
pub mod hashtags;
pub mod ids;
pub mod limits;
pub mod lock;
pub mod message;
pub mod next_step;
pub mod opt_out;
pub mod paging;
pub mod panel;
pub mod permissions;
pub mod place;
pub mod preview;
pub mod rendering;
pub mod report;
pub mod request_pace;
pub mod retention;
pub mod retry;
pub mod servers;
pub mod session_budget;
pub mod shards;
pub mod steady;
pub mod tag_list;
pub mod tags;
pub mod text;
pub mod webhook;
