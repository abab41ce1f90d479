//! Tributary
#![allow(missing_docs, reason = "scaffold")]
pub mod cli;
pub mod config;
pub mod domain;
pub mod logging;
pub mod rest;
pub mod store;
