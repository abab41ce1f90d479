//! The real bot against the sandbox: each test starts the program as an operator would, acts as people do, and looks at what they would see.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a harness for many tests")]
mod harness;
mod limits;
mod migrate;
mod operating;
mod relay;
mod restart;
mod secrets;
mod settings;
mod thread;
mod upkeep;
