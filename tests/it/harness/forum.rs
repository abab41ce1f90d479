//! A forum and a text channel, and a text channel that follows both.

use std::time::Duration;

use tributary_sandbox::{Channel, Options, Person, SeenMessage, TagId};

use super::{Backend, Bot, SOON, World, admin};

/// The forum `#ideas` and the text channel `#talk`, and `#news` that follows them.
pub struct Forum {
    pub world: World,
    pub bot: Option<Bot>,
    pub ideas: Channel,
    pub talk: Channel,
    pub news: Channel,
    pub alice: Person,
    pub bug: TagId,
    pub wish: TagId,
}

impl Forum {
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
        let (ideas, talk, news) = (guild.forum("ideas"), guild.text("talk"), guild.text("news"));
        let tags = ideas.set_tags(&["bug", "wish"]).unwrap();
        let alice = admin(&guild, "Alice");
        let bot = Some(world.start().await);
        Some(Self { world, bot, ideas, talk, news, alice, bug: tags[0], wish: tags[1] })
    }

    /// `#news` follows a source with these additional options.
    pub async fn follow(&self, source: &Channel, options: &[(&str, &str)]) {
        let options =
            options.iter().fold(Options::new().set("link", source.link().as_str()), |all, (name, value)| {
                all.set(name, *value)
            });
        let reply = self.alice.run(&self.news, "/follow", options).await.expect("an answer");
        let made = reply.text().contains("now follows") || reply.text().contains("is changed");
        assert!(made, "{}", reply.text());
    }

    /// Alice starts a post in the forum.
    pub fn start(&self, title: &str, tags: &[TagId], text: &str) -> Channel {
        self.alice.start_post(&self.ideas, title, tags, text).expect("she may").0
    }

    /// She writes.
    pub fn say(&self, channel: &Channel, text: &str) -> SeenMessage {
        self.alice.post(channel, text).expect("she may")
    }

    /// The full texts of the mirrors.
    pub fn shown(&self) -> Vec<String> {
        let mirrors = self.news.messages().into_iter().filter(|message| message.webhook.is_some());
        mirrors.map(|message| message.text()).collect()
    }

    /// Whether a mirror shows this.
    pub fn shows(&self, text: &str) -> bool {
        self.shown().iter().any(|shown| shown.contains(text))
    }

    /// Waits until exactly these appear, in this order, each identified by a part of it, and nothing else
    /// follows.
    pub async fn comes_to(&self, wanted: &[&str]) {
        let fits = || {
            let shown = self.shown();
            let each = shown.iter().zip(wanted).all(|(shown, wanted)| shown.contains(wanted));
            (shown.len() == wanted.len() && each).then_some(())
        };
        let came = self.world.sandbox.wait_for("the mirrors", SOON, fits).await;
        assert!(came.is_ok(), "wanted {wanted:?}, but there is {:?}", self.shown());
        self.settled().await;
        assert!(fits().is_some(), "wanted {wanted:?}, but there is {:?}", self.shown());
    }

    /// Waits until nothing is due any more and nothing is in progress.
    pub async fn settled(&self) {
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.world.database.text(open).await.as_deref() == Some("0");
        self.world.until("nothing is due any more", rest).await;
        self.world.sandbox.wait_quiet(Duration::from_millis(200)).await;
    }

    /// Stops the bot while something happens, and starts it again.
    pub async fn absent(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.bot.take().expect("it runs").stop().await;
        meanwhile(self);
        self.bot = Some(self.world.start().await);
    }

    /// Kills the bot while something happens, and starts it again.
    pub async fn killed(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.bot.take().expect("it runs").kill().await;
        meanwhile(self);
        self.bot = Some(self.world.start().await);
    }

    /// How many requests have a path that this accepts.
    pub fn requests(&self, fits: impl Fn(&str) -> bool) -> usize {
        self.world.sandbox.exchanges().iter().filter(|one| fits(&one.path)).count()
    }
}
