//! Tributary
fn main() {}
