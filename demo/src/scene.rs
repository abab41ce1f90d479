//! The scene: two servers, three people, and what happens between their channels.

use std::time::{Duration, Instant};

use tributary_sandbox::{Arg, Channel, Guild, Permissions, Person, Post, Reply, Sandbox, SeenMessage};

use crate::{Failure, SOON, show};

/// People don't do everything at once; at the pace of a program, they would soon meet Discord's limit of 50
/// requests a second.
const BREATH: Duration = Duration::from_millis(150);

/// The people, servers and channels of the scene.
pub(crate) struct Cast {
    pub(crate) harbour: Guild,
    pub(crate) lighthouse: Guild,
    announcements: Channel,
    /// A channel of Harbour that others follow.
    pub(crate) dev: Channel,
    /// One that follows it.
    pub(crate) news: Channel,
    /// A forum.
    requests: Channel,
    /// A channel that only some see.
    keepers: Channel,
    lobby: Channel,
    beacon: Channel,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
    pub(crate) carol: Person,
}

impl Cast {
    /// Builds the two servers. The bot is a member of both.
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        let harbour = sandbox.create_guild("Harbour");
        let lighthouse = sandbox.create_guild("Lighthouse");
        let admin = Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES;
        let carol = lighthouse.member("Carol", admin);
        harbour.join(&carol, Permissions::empty());
        Self {
            announcements: harbour.announcement("announcements"),
            dev: harbour.text("dev"),
            news: harbour.text("news"),
            requests: harbour.forum("requests"),
            keepers: harbour.text("keepers"),
            lobby: lighthouse.text("lobby"),
            beacon: lighthouse.text("beacon"),
            alice: harbour.member("Alice", admin | Permissions::MENTION_EVERYONE),
            bob: harbour.member("Bob", Permissions::empty()),
            carol,
            harbour,
            lighthouse,
        }
    }
}

/// Plays the whole scene.
pub(crate) async fn play(sandbox: &Sandbox, cast: &Cast) -> Result<(), Failure> {
    let scene = Scene { sandbox, cast };
    scene.opening();
    scene.relay().await?;
    scene.edit_and_answer().await?;
    scene.nobody_is_pinged().await?;
    scene.native().await?;
    scene.another_server().await?;
    scene.forum().await?;
    scene.deletion().await?;
    scene.lists().await?;
    scene.feed().await?;
    scene.ending();
    Ok(())
}

struct Scene<'a> {
    sandbox: &'a Sandbox,
    cast: &'a Cast,
}

impl Scene<'_> {
    fn opening(&self) {
        println!(
            "A Discord is running on this machine, for this demo only, and Tributary is connected to it."
        );
        println!("In it are two servers:\n");
        println!(
            "   Harbour      #announcements #dev #news #requests (a forum) #keepers   Alice (admin), Bob, Carol"
        );
        println!("   Lighthouse   #lobby #beacon                                           Carol (admin)");
    }

    async fn relay(&self) -> Result<(), Failure> {
        let Cast { alice, bob, dev, news, .. } = self.cast;
        show::heading(1, "Any channel can follow any other: the bot relays.");
        self.run(alice, news, "/follow", &[("channel", dev.into())]).await?;
        self.say(bob, dev, "The new lamp turns at last!", &[news]).await?;
        self.run(alice, news, "/follow", &[("channel", dev.into())]).await
    }

    async fn edit_and_answer(&self) -> Result<(), Failure> {
        let Cast { alice, bob, dev, news, .. } = self.cast;
        show::heading(2, "Edits arrive, too, and a reply links to the mirror of what it answers.");
        let original = dev.wait_for_message(SOON, |message| message.content.contains("lamp")).await?;
        let text = "The new lamp turns at last, and it's bright!";
        self.act(bob, dev, &format!("(edits that) {text}")).await;
        let began = Instant::now();
        bob.edit(dev, original.id, text)?;
        let mirror = news.wait_for_message(SOON, |message| message.content == text).await?;
        show::note(&format!("changed in {} after {}", show::name(news), since(began)));
        let text = "Well done!";
        self.act(alice, dev, &format!("(answers Bob) {text}")).await;
        let began = Instant::now();
        alice.post(dev, Post::text(text).reply_to(original.id))?;
        let answer = news.wait_for_message(SOON, |message| message.content.ends_with(text)).await?;
        let linked = answer.content.contains(&format!("/{}/{}>", news.id(), mirror.id));
        check(linked, "the answer's mirror doesn't lead to Bob's")?;
        show::note(&format!(
            "in {} after {}, with a link to Bob's message there",
            show::name(news),
            since(began)
        ));
        Ok(())
    }

    async fn nobody_is_pinged(&self) -> Result<(), Failure> {
        let Cast { alice, dev, news, .. } = self.cast;
        show::heading(3, "A mirror pings nobody.");
        let text = "@everyone please test it tonight.";
        let (original, mirrors) = self.say(alice, dev, text, &[news]).await?;
        let who = |message: &SeenMessage| if message.pinged.everyone { "everyone" } else { "nobody" };
        let quiet = mirrors.iter().all(|mirror| mirror.pinged.is_empty());
        check(original.pinged.everyone && quiet, "a mirror pinged somebody")?;
        for mirror in &mirrors {
            show::note(&format!("#dev notified {}, the mirror notified {}", who(&original), who(mirror)));
        }
        Ok(())
    }

    async fn native(&self) -> Result<(), Failure> {
        let Cast { alice, carol, announcements, beacon, .. } = self.cast;
        show::heading(
            4,
            "For announcement channels, Discord's own following does the work, even across servers.",
        );
        self.run(carol, beacon, "/follow", &[("link", announcements.link().into())]).await?;
        let text = "The Harbour opens on Monday.";
        self.act(alice, announcements, text).await;
        let posted = alice.post(announcements, text)?;
        check(!beacon.messages().iter().any(|one| one.content == text), "an unpublished post appeared")?;
        show::note("not in #beacon yet: Discord copies only what is published");
        self.act(alice, announcements, "(presses Publish)").await;
        let began = Instant::now();
        alice.publish(announcements, posted.id)?;
        self.appears(beacon, text, began).await?;
        Ok(())
    }

    async fn another_server(&self) -> Result<(), Failure> {
        let Cast { alice, bob, carol, dev, news, lobby, .. } = self.cast;
        show::heading(5, "Any other channel can be followed from another server once its admins publish it.");
        let link = [("link", dev.link().into())];
        self.run(carol, lobby, "/follow", &link).await?;
        let audience = ("audience", "servers".into());
        self.run(alice, dev, "/publish", &[("channel", dev.into()), audience]).await?;
        self.run(carol, lobby, "/follow", &link).await?;
        self.say(bob, dev, "Oops, wrong channel. Lunch, anyone?", &[news, lobby]).await?;
        Ok(())
    }

    async fn forum(&self) -> Result<(), Failure> {
        let Cast { alice, bob, news, requests, .. } = self.cast;
        show::heading(
            6,
            "From a forum, only the posts with one tag. And an answer to \"why isn't it here?\".",
        );
        let tags = requests.set_tags(&["bug", "wish"])?;
        let only = [("channel", requests.into()), ("mode", "only".into()), ("tags", "bug".into())];
        self.run(alice, news, "/follow", &only).await?;
        let (wish, bug) =
            (("Paint it red", "White is dull."), ("It flickers", "Only when the wind is from the west."));
        self.act(bob, requests, &format!("(starts a post, tag wish) {}", wish.0)).await;
        let (thread, first) = bob.start_post(requests, wish.0, &tags[1..], wish.1)?;
        self.act(bob, requests, &format!("(starts a post, tag bug) {}", bug.0)).await;
        let began = Instant::now();
        bob.start_post(requests, bug.0, &tags[..1], bug.1)?;
        let mirror = news.wait_for_message(SOON, |message| message.content.ends_with(bug.1)).await?;
        check(mirror.content.contains(bug.0), "the post's title is missing")?;
        show::note(&format!("\"{}\" in {} after {}", bug.0, show::name(news), since(began)));
        let there = news.messages().iter().any(|message| message.content.contains(wish.0));
        check(!there, "a post without the tag appeared")?;
        self.act(alice, requests, &format!("(right-clicks \"{}\", Apps, Delivery report)", wish.0)).await;
        let report = alice.run_on(&thread, first.id, "Delivery report").await?;
        check(report.text().contains("left out"), "the report doesn't say why")?;
        show::answer(self.sandbox, &report);
        Ok(())
    }

    async fn deletion(&self) -> Result<(), Failure> {
        let Cast { bob, dev, news, lobby, .. } = self.cast;
        show::heading(7, "What is deleted in the source disappears everywhere.");
        let slip = dev.wait_for_message(SOON, |message| message.content.contains("Lunch")).await?;
        self.act(bob, dev, "(deletes that message)").await;
        let began = Instant::now();
        bob.delete(dev, slip.id)?;
        for channel in [news, lobby] {
            channel.wait_for_messages(SOON, |all| all.iter().all(|one| one.content != slip.content)).await?;
            show::note(&format!("gone from {} after {}", show::name(channel), since(began)));
        }
        Ok(())
    }

    async fn lists(&self) -> Result<(), Failure> {
        let Cast { alice, carol, dev, lobby, news, .. } = self.cast;
        show::heading(8, "Everybody concerned can see who follows what.");
        self.run(carol, lobby, "/follows", &[]).await?;
        self.run(alice, news, "/followers", &[("channel", dev.into())]).await
    }

    async fn feed(&self) -> Result<(), Failure> {
        let Cast { alice, bob, carol, announcements, keepers, news, lobby, .. } = self.cast;
        show::heading(9, "Members follow people and channels, and read one feed: of what they may see, now.");
        let everything = ("what", "everything".into());
        self.run(bob, news, "/feed follow", &[("member", alice.into()), everything.clone()]).await?;
        self.act(bob, news, "(right-clicks Carol, Apps, Follow)").await;
        let followed = bob.run_on_person(news, carol, "Follow").await?;
        show::answer(self.sandbox, &followed);
        self.run(bob, news, "/feed follow", &[("channel", announcements.into()), everything]).await?;
        for (person, channel, text) in [
            (carol, lobby, "Bob isn't in this server, so this is not for him."),
            (alice, keepers, "The spare key is under the third stone."),
            (alice, announcements, "The Harbour closes at ten tonight."),
        ] {
            self.act(person, channel, text).await;
            person.post(channel, text)?;
        }
        self.act(bob, news, "/feed read").await;
        let feed = self.feed_of(bob, |text| text.contains("third stone") && text.contains("at ten")).await?;
        check(!feed.text().contains("not for him"), "a feed shows what its reader can't see")?;
        show::answer(self.sandbox, &feed);
        self.act(alice, keepers, "(closes the channel to all but admins)").await;
        keepers.deny_everyone(Permissions::VIEW_CHANNEL);
        self.act(bob, news, "/feed read").await;
        let feed = self.feed_of(bob, |text| !text.contains("third stone")).await?;
        check(feed.text().contains("at ten"), "a feed lost what its reader may see")?;
        show::answer(self.sandbox, &feed);
        Ok(())
    }

    /// What somebody's feed shows, once it is as it should be.
    async fn feed_of(&self, person: &Person, fits: impl Fn(&str) -> bool) -> Result<Reply, Failure> {
        let began = Instant::now();
        loop {
            let reply = person.run(&self.cast.news, "/feed read", ()).await?;
            if fits(&reply.text()) {
                return Ok(reply);
            }
            check(began.elapsed() < SOON, "a feed didn't become as it should be")?;
            tokio::time::sleep(BREATH).await;
        }
    }

    fn ending(&self) {
        println!("\nWhat each channel shows now:");
        show::server(self.sandbox, &self.cast.harbour);
        show::server(self.sandbox, &self.cast.lighthouse);
    }

    /// Shows what somebody is about to do.
    async fn act(&self, person: &Person, channel: &Channel, text: &str) {
        tokio::time::sleep(BREATH).await;
        show::act(person, channel, text);
    }

    /// Runs a command and shows the answer.
    async fn run(
        &self,
        person: &Person,
        channel: &Channel,
        command: &str,
        options: &[(&str, Arg)],
    ) -> Result<(), Failure> {
        self.act(person, channel, &show::command(self.sandbox, command, options)).await;
        let filled = options
            .iter()
            .fold(tributary_sandbox::Options::new(), |filled, (name, value)| filled.set(name, value.clone()));
        let reply = person.run(channel, command, filled).await?;
        check(reply.is_ephemeral(), "an answer was shown to everybody")?;
        show::answer(self.sandbox, &reply);
        Ok(())
    }

    /// Posts a message and waits for its mirrors.
    async fn say(
        &self,
        person: &Person,
        channel: &Channel,
        text: &str,
        targets: &[&Channel],
    ) -> Result<(SeenMessage, Vec<SeenMessage>), Failure> {
        self.act(person, channel, text).await;
        let began = Instant::now();
        let posted = person.post(channel, text)?;
        let mut mirrors = Vec::new();
        for target in targets {
            mirrors.push(self.appears(target, text, began).await?);
        }
        Ok((posted, mirrors))
    }

    /// Waits until a channel shows this text.
    async fn appears(&self, channel: &Channel, text: &str, began: Instant) -> Result<SeenMessage, Failure> {
        let message = channel.wait_for_message(SOON, |message| message.content == text).await?;
        let (channel, author) = (show::name(channel), &message.author);
        show::note(&format!("in {channel} after {}, as {author} [APP]", since(began)));
        Ok(message)
    }
}

fn since(began: Instant) -> String {
    format!("{} ms", began.elapsed().as_millis())
}

/// Ends the demo if something isn't as it says.
fn check(holds: bool, otherwise: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
