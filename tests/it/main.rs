//! The real bot against the sandbox: each test starts the program as an operator would, acts as people do, and looks at what they would see.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a harness for many tests")]
mod confirm;
mod faults;
mod follow;
mod follow_changes;
mod followers;
mod follows;
mod gaps;
mod generated;
mod harness;
mod kills;
mod life;
mod limits;
mod migrate;
mod modes;
mod native;
mod operating;
mod page;
mod panel_faults;
mod panel_figures;
mod panel_kinds;
mod panels;
mod permissions;
mod privacy;
mod proxy;
mod relay;
mod restart;
mod rules;
mod secrets;
mod settings;
mod shapes;
mod slow;
mod snapshots;
mod thread;
mod upkeep;
