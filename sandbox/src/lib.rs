//! placeholder

#[cfg(feature = "openapi")]
pub mod openapi;
