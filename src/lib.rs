//! Tributary, a Discord bot that lets channels follow channels.
//!
//! ```text
//! slash command ─┐
//! HTTP request ──┼─► service ─► store: follow/activity + deliveries, one transaction ─► delivery: lane ─► webhook
//! gateway event ─┘                                                                        └─► record the mirror's id
//! ```
//! It goes in one direction: [`delivery`] never calls a service; [`discord`] and [`http`] never see what is
//! sent.
//!
//! Who may use whom: [`domain`] uses nobody; [`store`] and [`rest`] use the domain; [`panel`] uses these
//! three, as do [`service`] (with panels) and [`delivery`]; [`discord`] and [`http`] use services and the
//! domain; [`app`] puts everything together.

pub mod app;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod discord;
pub mod domain;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod panel;
pub mod rest;
pub mod service;
pub mod store;
pub mod supervisor;
