//! Tells the tests what they have to test with, so that those that lack something are ignored and counted as
//! such. The program itself is the same with and without.

use std::path::Path;

/// Debian's places; the same as in `tests/it/harness/browser.rs`.
const BROWSER: [&str; 2] = ["/usr/bin/chromedriver", "/usr/bin/chromium"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    set("has_postgres", in_environment("TEST_POSTGRES_URL"));
    set("has_description", in_environment("DISCORD_OPENAPI"));
    set("has_browser", BROWSER.iter().all(|program| Path::new(program).exists()));
    // A folder changes when a file in it comes or goes. A file that isn't there would count as changed at
    // each build.
    println!("cargo::rerun-if-changed=/usr/bin");
}

fn in_environment(name: &str) -> bool {
    println!("cargo::rerun-if-env-changed={name}");
    std::env::var_os(name).is_some()
}

fn set(name: &str, is_so: bool) {
    println!("cargo::rustc-check-cfg=cfg({name})");
    if is_so {
        println!("cargo::rustc-cfg={name}");
    }
}
