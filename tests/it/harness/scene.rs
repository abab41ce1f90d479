//! One server with a source, a target and an admin, a running bot, and ways to say "refused, and nothing
//! changed".

use tributary_sandbox::{ActError, Channel, Effect, Fault, Guild, Options, Person, Reply};

use super::{Bot, SOON, World, admin};

/// The setting for most tests: `#news` of Harbour may follow `#releases`, and Alice manages both.
pub struct Scene {
    pub world: World,
    pub bot: Bot,
    pub harbour: Guild,
    pub releases: Channel,
    pub news: Channel,
    pub alice: Person,
}

impl Scene {
    /// With the usual settings.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these additional environment variables.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let world = World::new().await.with_settings(settings);
        let harbour = world.sandbox.create_guild("Harbour");
        let (releases, news) = (harbour.text("releases"), harbour.text("news"));
        let alice = admin(&harbour, "Alice");
        let bot = world.start().await;
        Self { world, bot, harbour, releases, news, alice }
    }

    /// A moderator deletes the webhook in `#news` while Discord lets nobody create another, so the next post
    /// breaks the follow. Afterwards, Discord allows it again.
    pub async fn lose_webhook(&self) {
        let full =
            Effect::Refuse { status: 400, code: 30007, message: "Maximum number of webhooks".to_owned() };
        let full = self.world.sandbox.fault(Fault::on("POST", "/channels/*/webhooks", full).forever());
        self.news.delete_webhook(self.news.webhooks()[0].id).expect("it exists");
        let sources =
            self.world.database.text("SELECT CAST(source_channel_id AS TEXT) FROM channel_follows").await;
        let source =
            self.harbour.channels().into_iter().find(|channel| Some(channel.id().to_string()) == sources);
        self.alice.post(&source.expect("a source of this server"), "lost").expect("a post");
        self.world.database.wait_for("broken_reason", "too_many_webhooks").await;
        self.world.sandbox.clear_fault(full);
    }

    /// Another server with the bot, and somebody who manages it.
    pub fn elsewhere(&self, name: &str) -> (Guild, Person) {
        let guild = self.world.sandbox.create_guild(name);
        let keeper = admin(&guild, &format!("{name}'s keeper"));
        (guild, keeper)
    }

    /// Ends the bot and starts it again on the same database.
    pub async fn restart(mut self) -> Self {
        self.bot.stop().await;
        self.world.sandbox.wait_until_disconnected(SOON).await.expect("it leaves");
        self.bot = self.world.spawn();
        self.world.sandbox.wait_until_connected(SOON).await.expect("it comes back");
        self
    }

    /// Alice runs a command in `#news`, if Discord's client lets her.
    pub async fn run(&self, command: &str, options: impl Into<Options>) -> Reply {
        let reply = self.alice.run(&self.news, command, options).await.expect("an answer");
        assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
        reply
    }

    /// Alice runs a command in `#news` that opens a form.
    pub async fn run_form(&self, command: &str, options: impl Into<Options>) -> Reply {
        let reply = self.alice.run(&self.news, command, options).await.expect("a form");
        assert!(reply.modal().is_some(), "no form: {}", reply.text());
        reply
    }

    /// Alice lets `#news` follow a channel.
    pub async fn follow(&self, source: &Channel) -> Reply {
        let reply = self.run("/follow", [("channel", source)]).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        reply
    }

    /// Alice's command is refused. Checks that nothing changed, and returns the reply's text.
    pub async fn refused(&self, command: &str, options: impl Into<Options>) -> String {
        self.refused_for(&self.alice, &self.news, command, options).await
    }

    /// The same for anybody, anywhere, even if Discord's client wouldn't let them.
    pub async fn refused_for(
        &self,
        person: &Person,
        channel: &Channel,
        command: &str,
        options: impl Into<Options>,
    ) -> String {
        let before = self.everything().await;
        let reply = person.run_unchecked(channel, command, options).await.expect("an answer");
        assert_eq!(self.everything().await, before, "a refusal changed something: {}", reply.text());
        assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
        refusal(&reply)
    }

    /// All follows and what belongs to them, all webhooks, and all messages that everyone sees.
    pub async fn everything(&self) -> String {
        const QUERY: &str = "SELECT (SELECT COALESCE(group_concat(id || ' ' || source_channel_id || ' ' || \
            target_channel_id || ' ' || delivery || ' ' || mode || ' ' || panels || ' ' || is_active || ' ' || \
            COALESCE(webhook_id, '-') || ' ' || COALESCE(follower_webhook_id, '-') || ' ' || \
            COALESCE(broken_reason, '-')), '') FROM channel_follows) \
            || '; tags ' || (SELECT COALESCE(group_concat(follow_id || tag), '') FROM channel_follow_tags) \
            || '; published ' || (SELECT COALESCE(group_concat(channel_id || audience), '') FROM channels \
                WHERE audience <> 'nobody') \
            || '; deliveries ' || (SELECT count(*) FROM deliveries)";
        let mut all = self.world.database.text(QUERY).await.expect("one row");
        for guild in self.world.sandbox.guilds() {
            let webhooks: Vec<String> =
                guild.webhooks().iter().map(|hook| format!("{}@{}", hook.id, hook.channel)).collect();
            let messages: Vec<usize> = guild.channels().iter().map(Channel::message_count).collect();
            all.push_str(&format!("; {}: {webhooks:?} {messages:?}", guild.name()));
        }
        all
    }

    /// How many rows a table has, or a part of it: `channel_follows WHERE …`.
    pub async fn count(&self, what: &str) -> u64 {
        let count = format!("SELECT CAST(count(*) AS TEXT) FROM {what}");
        self.world.database.text(&count).await.expect("one row").parse().expect("one row")
    }

    /// One column of the newest follow.
    pub async fn newest(&self, column: &str) -> Option<String> {
        let query = format!("SELECT CAST({column} AS TEXT) FROM channel_follows ORDER BY id DESC LIMIT 1");
        self.world.database.text(&query).await
    }
}

/// The text of an answer that refuses something: amber, like all of them.
pub fn refusal(reply: &Reply) -> String {
    let colour = reply.embeds().first().and_then(|embed| embed["color"].as_u64());
    assert_eq!(colour, Some(0xd9_8e_04), "not a refusal: {}", reply.text());
    reply.text()
}

/// Whether Discord's client hides the command from this person.
pub fn hidden<T: std::fmt::Debug>(result: Result<T, ActError>) -> bool {
    matches!(result, Err(ActError::Hidden { .. }))
}
