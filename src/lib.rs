//! Tributary
#![allow(missing_docs, reason = "scaffold")]
pub mod domain;
pub mod store;
