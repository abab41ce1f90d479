//! The real bot against the sandbox: each test starts the program as an operator would, acts as people do, and looks at what they would see.

#![expect(dead_code, unreachable_pub, reason = "a harness for many tests")]
mod harness;
mod operating;
mod proxy;
mod settings;
mod thread;
