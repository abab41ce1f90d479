//! Processes that can't serve: they say so, and whoever asks comes back.

use super::{Visitor, address};
use crate::harness::{Crew, World};

#[tokio::test]
async fn before_the_bot_is_built_everything_waits() {
    let world = World::new().await.with_settings(&[("WEB_ADDR", "127.0.0.1:0")]);
    world.sandbox.fault(
        tributary_sandbox::Fault::on("GET", "/users/@me", tributary_sandbox::Effect::DropRequest).forever(),
    );
    let mut bot = world.spawn();
    let browser = Visitor::new(&format!("http://{}", address(&mut bot).await));
    for path in ["/", "/docs", "/api/v1/openapi.json"] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{path}");
    }
    assert_eq!(browser.get("/api/v1/me").await.problem(), (503, "standby".to_owned()));
    world.sandbox.clear_faults();
    world.until("it serves", async || browser.get("/").await.status == 200).await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_worker_and_a_standby_send_people_away_until_it_is_their_turn() {
    let Some(mut crew) = Crew::start(1, 0).await else { return };
    crew.world.set("WEB_ADDR", "127.0.0.1:0");
    let mut standby = crew.spawn_gateway(0, 1);
    let mut worker = crew.spawn_worker();
    let visitors = [&mut standby, &mut worker];
    let mut browsers = Vec::new();
    for bot in visitors {
        browsers.push(Visitor::new(&format!("http://{}", address(bot).await)));
    }
    standby.logged("standing by").await;
    crew.world.ready(&mut worker).await;
    for browser in &browsers {
        let answer = browser.get("/api/v1/me").await;
        assert_eq!((answer.problem(), answer.header("retry-after")), ((503, "standby".to_owned()), "5"));
    }
    crew.gateways.remove(0).stop().await;
    let [standby, worker] = &browsers[..] else { unreachable!("there are two") };
    crew.world.until("the standby serves", async || standby.get("/").await.status == 200).await;
    assert_eq!(worker.get("/").await.status, 503);
}
