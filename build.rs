//! Tells the tests which tools this machine has, so that tests that lack one are ignored and counted as
//! ignored. The program itself is the same either way.

use std::path::Path;

/// Where Debian installs them; the same as in `tests/it/harness/browser.rs`.
const BROWSER: [&str; 2] = ["/usr/bin/chromedriver", "/usr/bin/chromium"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    set("has_postgres", in_environment("TEST_POSTGRES_URL"));
    set("has_description", in_environment("DISCORD_OPENAPI"));
    set("has_browser", BROWSER.iter().all(|program| Path::new(program).exists()));
    // A folder changes when a file is added or removed. A missing file would count as changed in every build.
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
