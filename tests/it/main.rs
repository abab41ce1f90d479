//! The real bot against the sandbox: each test starts the program as an operator would, acts as people do, and looks at what they would see.

#![allow(unreachable_pub, dead_code, reason = "harness")]
mod harness;
mod thread;
