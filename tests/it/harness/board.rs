//! A channel with panels, `#board`, and `#news`, which follows it by relay.

use std::time::Duration;

use tributary_sandbox::{Channel, Guild, Options, Person, Reply, SeenMessage};

use super::{Backend, Bot, SOON, World, admin};

/// Alice manages both channels of Harbour.
pub struct Board {
    pub world: World,
    pub harbour: Guild,
    pub board: Channel,
    pub news: Channel,
    pub alice: Person,
    bot: Option<Bot>,
}

impl Board {
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
        Some(Self::in_world(World::on(backend).await?, settings).await)
    }

    /// In this world.
    pub async fn in_world(world: World, settings: &[(&str, &str)]) -> Self {
        let world = world.with_settings(settings);
        let harbour = world.sandbox.create_guild("Harbour");
        let (board, news) = (harbour.text("board"), harbour.text("news"));
        let alice = admin(&harbour, "Alice");
        let bot = Some(world.start().await);
        let scene = Self { world, harbour, board, news, alice, bot };
        scene.follow(&scene.board, &scene.news, "relay").await;
        scene
    }

    /// Lets one channel follow another.
    pub async fn follow(&self, source: &Channel, target: &Channel, delivery: &str) {
        let options = Options::new().set("channel", source).set("delivery", delivery);
        let reply = self.alice.run(target, "/follow", options).await.expect("an answer");
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }

    /// Alice runs a command in `#board`.
    pub async fn run(&self, command: &str, options: impl Into<Options>) -> Reply {
        self.alice.run(&self.board, command, options).await.expect("an answer")
    }

    /// She makes a `custom` panel that says this.
    pub async fn notice(&self, title: &str, text: &str) -> SeenMessage {
        let form = self.run("/panel create", Options::new().set("kind", "custom").set("title", title)).await;
        let made = form.submit(&[("text", text)]).await.expect("an answer");
        assert!(made.is_ephemeral() && made.text().contains("is posted in"), "{}", made.text());
        self.shows(&self.board, text).await
    }

    /// She changes what it says.
    pub async fn change(&self, title: &str, text: &str) {
        let form = self.run("/panel edit", Options::new().set("panel", title)).await;
        let changed = form.submit(&[("text", text)]).await.expect("an answer");
        assert!(changed.text().contains("is changed"), "{}", changed.text());
    }

    /// Waits until a channel has exactly one message that says this.
    pub async fn shows(&self, channel: &Channel, text: &str) -> SeenMessage {
        self.shows_within(SOON, channel, text).await
    }

    /// The same, for something that may take longer.
    pub async fn shows_within(&self, patience: Duration, channel: &Channel, text: &str) -> SeenMessage {
        let found = channel.wait_for_message(patience, |message| message.text().contains(text)).await;
        let found = found.unwrap_or_else(|error| panic!("{error}: {text}\n{}", channel.render_text()));
        let alike = channel.messages().into_iter().filter(|message| message.text().contains(text));
        assert_eq!(alike.count(), 1, "{}", channel.render_text());
        found
    }

    /// Waits until a channel shows no panels any more.
    pub async fn is_empty(&self, channel: &Channel) {
        let empty =
            channel.wait_for_messages(SOON, |all| all.iter().all(|message| message.embeds.is_empty())).await;
        empty.unwrap_or_else(|error| panic!("{error}\n{}", channel.render_text()));
    }

    /// The answer to `/panel list`.
    pub async fn list(&self) -> String {
        self.run("/panel list", Options::new()).await.text()
    }

    /// Ends the bot as SIGKILL does.
    pub async fn kill(&mut self) {
        self.bot.take().expect("it runs").kill().await;
    }

    /// Asks the bot to stop, and waits until it has.
    pub async fn stop(&mut self) {
        self.bot.take().expect("it runs").stop().await;
    }

    /// Starts it again.
    pub async fn start(&mut self) {
        self.bot = Some(self.world.start().await);
    }

    /// How many lines of its log contain this.
    pub fn logged(&self, text: &str) -> usize {
        self.bot.as_ref().expect("it runs").log().lines().filter(|line| line.contains(text)).count()
    }

    /// Waits until nothing is due any more.
    pub async fn settled(&self) {
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.world.database.text(open).await.as_deref() == Some("0");
        self.world.until("nothing is due any more", rest).await;
    }
}
