//! Tributary
