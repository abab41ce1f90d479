//! The whole life of a message: edits and deletions, also while nobody listens.

use tributary_sandbox::{Channel, Options, Person, Tally};

use crate::harness::{Bot, SOON, World, admin};

/// A source with a follower, and somebody who posts.
struct Scene {
    world: World,
    source: Channel,
    target: Channel,
    alice: Person,
    bot: Option<Bot>,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let guild = world.sandbox.create_guild("Harbour");
    let (source, target) = (guild.text("source"), guild.text("target"));
    let alice = admin(&guild, "Alice");
    let bot = world.start().await;
    alice.run(&target, "/follow", Options::new().set("channel", &source)).await.unwrap();
    Scene { world, source, target, alice, bot: Some(bot) }
}

impl Scene {
    /// Waits until the target shows exactly what stands in the source.
    async fn in_step(&self) {
        let clean = || Tally::of(&self.source, &self.target).is_clean().then_some(());
        if self.world.sandbox.wait_for("the target to show its source", SOON, clean).await.is_err() {
            panic!("{}\n{}", Tally::of(&self.source, &self.target), self.target.render_text());
        }
    }
}

#[tokio::test]
async fn edits_and_deletions_arrive() {
    let scene = scene().await;
    let first = scene.alice.post(&scene.source, "1 first").unwrap();
    let second = scene.alice.post(&scene.source, "2 second").unwrap();
    scene.in_step().await;
    scene.alice.edit(&scene.source, first.id, "1 changed").unwrap();
    scene.alice.delete(&scene.source, second.id).unwrap();
    scene.in_step().await;
    let shown = scene.target.wait_for_message(SOON, |message| message.content == "1 changed").await.unwrap();
    assert!(shown.edited_at.is_some());
}

#[tokio::test]
async fn what_was_missed_is_made_up_for() {
    let mut scene = scene().await;
    let edited = scene.alice.post(&scene.source, "1 first").unwrap();
    let deleted = scene.alice.post(&scene.source, "2 second").unwrap();
    scene.in_step().await;
    scene.bot.take().unwrap().stop().await;

    scene.alice.edit(&scene.source, edited.id, "1 changed while away").unwrap();
    scene.alice.delete(&scene.source, deleted.id).unwrap();
    for number in 3..250 {
        scene.alice.post(&scene.source, format!("{number} while away")).unwrap();
    }
    scene.bot = Some(scene.world.start().await);
    scene.alice.post(&scene.source, "250 live again").unwrap();
    scene.in_step().await;
}
