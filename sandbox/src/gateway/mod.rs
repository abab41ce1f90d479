//! The gateway: sessions that bots identify and resume, and the events they receive.
//!
//! [`Hub`] lives in the world and decides, under its lock, which session gets which event with which number;
//! `socket` only carries frames between a hub session and a WebSocket.

mod hub;
mod intents;
mod socket;
mod start;

pub(crate) use hub::{Event, Hub};
pub use hub::{GatewayFault, GatewayOutage};
pub use intents::Intents;
pub(crate) use socket::upgrade;
