//! Digests of one's feed by direct message.

use tributary_sandbox::{Effect, Fault, Hold, Options, Permissions, Person, Post, Reply, SeenMessage};

use crate::harness::{Scene, refusal};

/// Bob, who reads, and Carol, who writes.
struct Readers {
    scene: Scene,
    bob: Person,
    carol: Person,
}

impl Readers {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let newcomer = |name| scene.harbour.member(name, Permissions::empty());
        let (bob, carol) = (newcomer("Bob"), newcomer("Carol"));
        let all = Self { bob, carol, scene };
        let options = Options::new().set("member", &all.carol).set("what", "everything");
        all.run("/feed follow", options).await;
        all
    }

    async fn run(&self, command: &str, options: impl Into<Options>) -> Reply {
        let reply = self.bob.run(&self.scene.news, command, options).await.expect("an answer");
        assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
        reply
    }

    /// Bob sets his digest up.
    async fn set_up(&self) -> Reply {
        let options = Options::new().set("every", "day").set("hour", 8_i64).set("timezone", "Europe/Berlin");
        self.run("/feed digest", options).await
    }

    /// Carol posts this, and it comes into Bob's feed.
    async fn carol_posts(&self, text: &str) {
        let before = self.scene.count("feed_items").await;
        self.carol.post(&self.scene.releases, Post::text(text)).unwrap();
        let there = async || self.scene.count("feed_items").await > before;
        self.scene.world.until("the post is in the feed", there).await;
    }

    /// What the bot sent to Bob.
    fn sent(&self) -> Vec<SeenMessage> {
        self.scene.world.sandbox.direct_messages(&self.bob).unwrap().messages()
    }

    fn said(message: &SeenMessage) -> String {
        let embeds = message.embeds.iter().map(ToString::to_string);
        std::iter::once(message.content.clone()).chain(embeds).collect::<Vec<_>>().join("\n")
    }

    /// The time has come, an hour ago.
    async fn make_due(&self) {
        let due = "UPDATE digests SET next_at = '2026-01-01T00:00:00+00:00'";
        self.scene.world.database.execute(due).await;
    }

    /// Waits until no digest is due.
    async fn until_looked_at(&self) {
        let due = "digests WHERE next_at <= '2026-01-01T00:00:00+00:00'";
        let none = async || self.scene.count(due).await == 0;
        self.scene.world.until("the digest was looked at", none).await;
    }

    async fn until_sent(&self, messages: usize) {
        let there = async || self.sent().len() == messages;
        self.scene.world.until("the digest arrives", there).await;
    }
}

#[tokio::test]
async fn setting_it_up_sends_one_at_once_and_then_one_when_it_is_due() {
    let all = Readers::new().await;
    let none = all.run("/feed digest", ()).await.text();
    assert!(none.contains("You get no digests"), "{none}");
    all.carol_posts("# first ||secret|| <@1>").await;
    let set = all.set_up().await.text();
    assert!(set.contains("every day at 8:00 (Europe/Berlin)"), "{set}");
    let trial = Readers::said(&all.sent()[0]);
    assert!(trial.contains("Your digest is set up") && trial.contains("1 new post in your feed"), "{trial}");
    assert!(trial.contains("**Carol** in #releases (Harbour)") && trial.contains("[Open](http"), "{trial}");

    for number in 0..12 {
        all.carol_posts(&format!("post {number}")).await;
    }
    all.make_due().await;
    all.until_sent(2).await;
    let digest = Readers::said(&all.sent()[1]);
    assert!(digest.contains("12 new posts") && digest.contains("And 2 more"), "{digest}");
    assert!(
        digest.contains("post 11") && digest.contains("post 2") && !digest.contains("post 1 "),
        "{digest}"
    );
    assert!(!digest.contains("first"), "that was in the one before");
    all.make_due().await;
    all.until_looked_at().await;
    assert_eq!(all.sent().len(), 2, "nothing is new");

    all.carol_posts("read before it is sent").await;
    let page = all.run("/feed read", ()).await;
    page.press("Mark as read").await.unwrap();
    all.make_due().await;
    all.until_looked_at().await;
    assert_eq!(all.sent().len(), 2, "nothing is unread");
    let ended = all.run("/feed digest", Options::new().set("every", "off")).await.text();
    assert!(ended.contains("no more digests"), "{ended}");
    assert_eq!(all.scene.count("digests").await, 0);
}

#[tokio::test]
async fn what_one_may_not_see_is_not_in_it() {
    let all = Readers::new().await;
    all.set_up().await;
    all.carol_posts("between us").await;
    all.scene.releases.deny(&all.bob, Permissions::VIEW_CHANNEL);
    all.make_due().await;
    all.until_looked_at().await;
    assert_eq!(all.sent().len(), 1, "only the first");
    assert!(!Readers::said(&all.sent()[0]).contains("between us"));
}

/// Discord refuses: that is said, nothing is set up; later, it pauses after three.
#[tokio::test]
async fn closed_direct_messages_are_said_and_pause_it() {
    let all = Readers::new().await;
    let close = |closed| all.scene.world.sandbox.close_direct_messages(&all.bob, closed);
    close(true);
    let refused = refusal(&all.set_up().await);
    assert!(refused.contains("doesn't let me send you direct messages"), "{refused}");
    assert_eq!(all.scene.count("digests").await, 0);
    close(false);
    all.set_up().await;
    close(true);
    for refusals in 1..=3 {
        all.carol_posts(&format!("post {refusals}")).await;
        all.make_due().await;
        let counted = format!("digests WHERE refusals = {refusals}");
        let there = async || all.scene.count(&counted).await == 1;
        all.scene.world.until("the refusal is counted", there).await;
    }
    assert_eq!(all.scene.count("digests WHERE next_at IS NULL").await, 1);
    let shown = all.run("/feed digest", ()).await.text();
    assert!(shown.contains("paused") && shown.contains("refused 3 in a row"), "{shown}");
    close(false);
    all.set_up().await;
    let trial = Readers::said(all.sent().last().unwrap());
    assert!(trial.contains("3 new posts"), "what was refused is in the next one: {trial}");
    let unknown = Options::new().set("every", "week").set("timezone", "Atlantis/Centre");
    let unknown = refusal(&all.run("/feed digest", unknown).await);
    assert!(unknown.contains("time zone"), "{unknown}");
    for _ in 0..2 {
        all.set_up().await;
    }
    let often = refusal(&all.set_up().await);
    assert!(often.contains("changed your digest a lot"), "{often}");
}

/// The process is killed while it sends: Discord has the message, and nobody knows. It isn't sent again.
#[tokio::test]
async fn nobody_gets_two_in_a_period() {
    let all = Readers::new().await;
    all.set_up().await;
    all.carol_posts("once").await;
    let hold = Hold::new();
    let fault = Fault::on("POST", "/channels/*/messages", Effect::HoldAnswer(hold.clone()));
    all.scene.world.sandbox.fault(fault);
    all.make_due().await;
    all.until_sent(2).await;
    let Readers { scene, bob, carol } = all;
    let Scene { world, bot, harbour, releases, news, alice } = scene;
    bot.kill().await;
    hold.release();
    let bot = world.start().await;
    let all = Readers { scene: Scene { world, bot, harbour, releases, news, alice }, bob, carol };
    assert_eq!(all.scene.count("digests WHERE sent_position IS NOT NULL").await, 0, "nobody knows");
    // Somebody else's arrives, so Bob's was looked at, too.
    let (alice, news) = (&all.scene.alice, &all.scene.news);
    let options = Options::new().set("member", &all.carol).set("what", "everything");
    alice.run(news, "/feed follow", options).await.unwrap();
    alice.run(news, "/feed digest", Options::new().set("every", "day")).await.unwrap();
    all.carol_posts("for Alice").await;
    let due =
        format!("UPDATE digests SET next_at = '2026-01-01T00:00:00+00:00' WHERE user_id = {}", alice.id());
    all.scene.world.database.execute(&due).await;
    let alices = || all.scene.world.sandbox.direct_messages(alice).unwrap().messages().len();
    all.scene.world.until("Alice's arrives", async || alices() == 2).await;
    assert_eq!(all.sent().len(), 2, "it was claimed before it was sent");
    // What was in it comes again in the next period, as nobody knows whether it was seen.
    all.make_due().await;
    all.until_sent(3).await;
    assert!(Readers::said(&all.sent()[2]).contains("once"));
}
