//! All requests go to the base address itself, even if the environment names a proxy.

use tributary_sandbox::Options;

use crate::harness::{World, admin};

#[tokio::test]
async fn a_proxy_in_the_environment_is_not_used() {
    let mut world = World::new().await;
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        world.set(name, "http://127.0.0.1:1");
    }
    let harbour = world.sandbox.create_guild("Harbour");
    let (releases, news) = (harbour.text("releases"), harbour.text("news"));
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;

    let reply = alice.run(&news, "/follow", Options::new().set("channel", &releases)).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    assert!(bot.stop().await.0.success());
}
