//! A source that is followed by a forum, and what the forum's posts show.

use std::time::Duration;

use tributary_sandbox::{Channel, Guild, Options, Person, SeenMessage};

use super::{Backend, Bot, SOON, World, admin};

/// The forum `ideas` follows `#source`; Alice posts.
pub struct ForumTarget {
    pub world: World,
    pub guild: Guild,
    pub source: Channel,
    pub forum: Channel,
    pub alice: Person,
    bot: Option<Bot>,
}

/// A post as people see it: its title, its tags, and what its messages say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPost {
    pub title: String,
    pub tags: Vec<String>,
    pub texts: Vec<String>,
}

/// A post without tags, of one message.
pub fn post(title: &str, text: &str) -> SeenPost {
    tagged(title, &[], text)
}

/// The same with tags.
pub fn tagged(title: &str, tags: &[&str], text: &str) -> SeenPost {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    SeenPost { title: title.to_owned(), tags, texts: vec![text.to_owned()] }
}

/// The posts of a forum, oldest first.
pub fn posts(forum: &Channel) -> Vec<SeenPost> {
    let seen = |post: Channel| SeenPost {
        title: post.name(),
        tags: post.applied_tags(),
        texts: post.messages().into_iter().map(|message| message.content).collect(),
    };
    forum.threads().into_iter().map(seen).collect()
}

impl ForumTarget {
    /// On SQLite.
    pub async fn new() -> Self {
        Self::on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// On this kind of database, if there is one.
    pub async fn on(backend: Backend) -> Option<Self> {
        let world = World::on(backend).await?;
        let guild = world.sandbox.create_guild("Harbour");
        let (source, forum) = (guild.text("source"), guild.forum("ideas"));
        let alice = admin(&guild, "Alice");
        let bot = Some(world.start().await);
        let scene = Self { world, guild, source, forum, alice, bot };
        scene.follow(&scene.source, &scene.forum).await;
        Some(scene)
    }

    /// Another follow, by relay.
    pub async fn follow(&self, source: &Channel, target: &Channel) {
        follow_into(&self.alice, source, target).await;
    }

    /// Alice posts this in the source.
    pub fn post(&self, text: impl AsRef<str>) -> SeenMessage {
        self.alice.post(&self.source, text.as_ref()).expect("she may")
    }

    /// She edits it.
    pub fn edit(&self, message: &SeenMessage, text: &str) {
        self.alice.edit(&self.source, message.id, text).expect("she may");
    }

    /// She deletes it.
    pub fn delete(&self, message: &SeenMessage) {
        self.alice.delete(&self.source, message.id).expect("she may");
    }

    /// Waits until the forum shows exactly this.
    pub async fn shows(&self, wanted: &[SeenPost]) {
        self.shows_within(SOON, wanted).await;
    }

    /// The same, for something that may take longer.
    pub async fn shows_within(&self, patience: Duration, wanted: &[SeenPost]) {
        let shown = || (posts(&self.forum) == wanted).then_some(());
        let shown = self.world.sandbox.wait_for("the forum to show it", patience, shown).await;
        assert!(shown.is_ok(), "{:#?}\ninstead of {wanted:#?}", posts(&self.forum));
        self.settled().await;
    }

    /// Waits until nothing is due any more.
    pub async fn settled(&self) {
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.world.database.text(open).await.as_deref() == Some("0");
        self.world.until("nothing is due any more", rest).await;
    }

    /// Everything that the bot has logged.
    pub fn log(&self) -> String {
        self.bot.as_ref().map(Bot::log).unwrap_or_default()
    }

    /// Ends the bot as SIGKILL does.
    pub async fn kill(&mut self) {
        self.bot.take().expect("it runs").kill().await;
    }

    /// Starts it again.
    pub async fn start(&mut self) {
        self.bot = Some(self.world.start().await);
    }
}

/// A follow by relay. The command is run in the source, because a forum doesn't take commands.
pub async fn follow_into(person: &Person, source: &Channel, target: &Channel) {
    let options = Options::new().set("channel", source).set("into", target).set("delivery", "relay");
    let reply = person.run(source, "/follow", options).await.expect("an answer");
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}
