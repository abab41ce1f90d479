//! A source with one follower, and the question whether the follower shows exactly what is in the source.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tributary_sandbox::{Channel, Exchange, Guild, Options, Person, SeenMessage, Tally};

use super::{Backend, Bot, SOON, World, admin};

/// `#target` follows `#source`; Alice posts.
pub struct Pair {
    pub world: World,
    pub guild: Guild,
    pub source: Channel,
    pub target: Channel,
    pub alice: Person,
    bot: Option<Bot>,
    asked: AtomicUsize,
}

impl Pair {
    /// On SQLite, with the usual settings.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// On SQLite, with these additional environment variables.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Backend::Sqlite, settings).await.expect("SQLite is always there")
    }

    /// The same on this kind of database, if there is one.
    pub async fn on(backend: Backend, settings: &[(&str, &str)]) -> Option<Self> {
        let world = World::on(backend).await?.with_settings(settings);
        let guild = world.sandbox.create_guild("Harbour");
        let (source, target) = (guild.text("source"), guild.text("target"));
        let alice = admin(&guild, "Alice");
        let bot = Some(world.start().await);
        let pair = Self { world, guild, source, target, alice, bot, asked: AtomicUsize::new(0) };
        pair.follow(&pair.source, &pair.target).await;
        Some(pair)
    }

    /// Another follow.
    pub async fn follow(&self, source: &Channel, target: &Channel) {
        let options = Options::new().set("channel", source).set("delivery", "relay");
        let reply = self.alice.run(target, "/follow", options).await.expect("an answer");
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }

    /// Alice posts this in the source.
    pub fn post(&self, text: impl AsRef<str>) -> SeenMessage {
        self.alice.post(&self.source, text.as_ref()).expect("she may")
    }

    /// She posts `N word` for each number.
    pub fn post_all(&self, numbers: std::ops::Range<u32>, word: &str) -> Vec<SeenMessage> {
        numbers.map(|number| self.post(format!("{number} {word}"))).collect()
    }

    /// She edits it.
    pub fn edit(&self, message: &SeenMessage, text: impl AsRef<str>) {
        self.alice.edit(&self.source, message.id, text.as_ref()).expect("she may");
    }

    /// She deletes it.
    pub fn delete(&self, message: &SeenMessage) {
        self.alice.delete(&self.source, message.id).expect("she may");
    }

    /// Waits until a query returns this: what happened is recorded.
    pub async fn recorded(&self, query: &str, value: &str) {
        self.world.database.eventually(query, value).await;
    }

    /// One of the bot's pages.
    pub async fn page(&mut self, path: &str) -> String {
        self.bot.as_mut().expect("it runs").page(path).await.1
    }

    /// The mirrors in the target.
    pub fn mirrors(&self) -> Vec<SeenMessage> {
        self.target.messages().into_iter().filter(|message| message.webhook.is_some()).collect()
    }

    /// The texts of the mirrors.
    pub fn texts(&self) -> Vec<String> {
        self.mirrors().into_iter().map(|message| message.content).collect()
    }

    /// The requests with this method through the target's webhook.
    pub fn requests(&self, method: &str) -> Vec<Exchange> {
        let path = format!("/webhooks/{}/", self.target.webhooks()[0].id);
        let all = self.world.sandbox.exchanges().into_iter();
        all.filter(|one| one.method == method && one.path.starts_with(&path)).collect()
    }

    /// Posts once more. When that arrives, everything that happened before it has arrived, too, because
    /// events are handled in order. Returns its text.
    pub async fn settled(&self) -> String {
        self.settled_within(SOON).await
    }

    /// The same, for something that may take longer.
    pub async fn settled_within(&self, patience: Duration) -> String {
        let last = format!("last-{} of all", self.asked.fetch_add(1, Ordering::Relaxed));
        self.post(&last);
        let arrived = self.target.wait_for_message(patience, |message| message.content == last).await;
        assert!(arrived.is_ok(), "it never arrived:\n{}", self.target.render_text());
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.world.database.text(open).await.as_deref() == Some("0");
        self.world.until("nothing is due any more", rest).await;
        last
    }

    /// The target shows exactly what is in the source, once everything has arrived.
    pub async fn in_step(&self) {
        self.in_step_within(SOON).await;
    }

    /// The same, for something that may take longer.
    pub async fn in_step_within(&self, patience: Duration) {
        self.settled_within(patience).await;
        let tally = Tally::of(&self.source, &self.target);
        assert!(tally.is_clean(), "{tally}\n{}", self.target.render_text());
    }

    /// Asks the bot to stop, and waits until it has.
    pub async fn stop(&mut self) {
        self.bot.take().expect("it runs").stop().await;
    }

    /// Ends it as SIGKILL does.
    pub async fn kill(&mut self) {
        self.bot.take().expect("it runs").kill().await;
    }

    /// Starts it again.
    pub async fn start(&mut self) {
        self.bot = Some(self.world.start().await);
    }

    /// Starts it again, and it resumes its session.
    pub async fn resume(&mut self) {
        self.bot = Some(self.world.resume().await);
    }

    /// The bot's process.
    pub fn bot(&mut self) -> &mut Bot {
        self.bot.as_mut().expect("it runs")
    }
}
