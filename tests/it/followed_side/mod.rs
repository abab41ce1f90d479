//! What the followed side can do about its followers from other servers: who waits, who is told, who is
//! removed and blocked.

mod approval;
mod audience;
mod dismissal;
mod news;

use tributary_sandbox::{Channel, Guild, Options, Person, Reply, SeenMessage};

use crate::harness::{SOON, Scene, follow, texts};

/// The menus of `/followers`.
const REQUESTS: &str = "Approve or decline a request …";
const FOLLOWERS: &str = "Remove or block a follower …";
const BLOCKED: &str = "Unblock a server …";
const FOLLOWS: &str = "Look into, pause, resume or remove a follow …";

/// A follow of Harbour's `#releases`, which Lakeside's keeper asks for.
struct Sides {
    scene: Scene,
    mods: Channel,
    lakeside: Guild,
    keeper: Person,
    board: Channel,
}

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

impl Sides {
    /// `#releases` is open to other servers, with these additional options.
    async fn new(options: impl FnOnce(Options, &Channel) -> Options) -> Self {
        Self::in_scene(Scene::new().await, options).await
    }

    async fn in_scene(scene: Scene, options: impl FnOnce(Options, &Channel) -> Options) -> Self {
        let mods = scene.harbour.text("mods");
        let publish = channel(&scene.releases).set("audience", "servers");
        scene.run("/publish", options(publish, &mods)).await;
        let (lakeside, keeper) = scene.elsewhere("Lake*side");
        let board = lakeside.text("board");
        Self { scene, mods, lakeside, keeper, board }
    }

    /// The keeper makes a channel follow `#releases`.
    async fn follow_into(&self, target: &Channel) -> Reply {
        self.keeper
            .run(target, "/follow", Options::new().set("link", self.scene.releases.link()))
            .await
            .unwrap()
    }

    async fn follow(&self) -> Reply {
        self.follow_into(&self.board).await
    }

    /// The message in `#mods` that says this, once it is posted.
    async fn told(&self, what: &str) -> SeenMessage {
        self.mods.wait_for_message(SOON, |message| message.content.contains(what)).await.unwrap()
    }

    async fn followers(&self) -> Reply {
        self.scene.run("/followers", channel(&self.scene.releases)).await
    }

    async fn follows(&self) -> String {
        self.keeper.run(&self.board, "/follows", ()).await.unwrap().text()
    }

    /// What is posted arrives in `#board`.
    async fn arrives(&self, text: &str) {
        self.scene.alice.post(&self.scene.releases, text).unwrap();
        self.board.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }

    /// What is posted doesn't arrive in `#board`. It waits for something that is posted later in one of its
    /// own sources.
    async fn stays_out(&self, text: &str) {
        self.scene.alice.post(&self.scene.releases, text).unwrap();
        let own = self.lakeside.text(&format!("own-{}", text.len()));
        follow(&self.keeper, &own, &self.board).await;
        let end = format!("the end of {text}");
        self.keeper.post(&own, end.as_str()).unwrap();
        self.board.wait_for_message(SOON, |message| message.content == end).await.unwrap();
        assert!(!texts(&self.board).contains(&text.to_owned()), "{:?}", texts(&self.board));
    }

    async fn state(&self) -> Option<String> {
        self.scene.newest("broken_reason").await
    }
}

fn asking(options: Options, mods: &Channel) -> Options {
    options.set("approval", "ask").set("notify", mods)
}
