//! Tells the tests whether they have Discord's description to test with, so that those that need it are
//! ignored, and counted as ignored, if it is missing. The library itself is the same either way.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DISCORD_OPENAPI");
    println!("cargo::rustc-check-cfg=cfg(has_description)");
    if std::env::var_os("DISCORD_OPENAPI").is_some() {
        println!("cargo::rustc-cfg=has_description");
    }
}
