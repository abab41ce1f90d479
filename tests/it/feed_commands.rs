//! `/feed` and the menus that follow people, as a member sees them.

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Options, Permissions, Person, Post, Reply, WebhookId};

use crate::harness::{SOON, Scene, refusal};

/// Bob, who reads, and Carol, who writes.
pub struct Readers {
    pub scene: Scene,
    pub bob: Person,
    pub carol: Person,
}

impl Readers {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let scene = Scene::with(settings).await;
        let (bob, carol) = (newcomer(&scene, "Bob"), newcomer(&scene, "Carol"));
        Self { scene, bob, carol }
    }

    /// Runs a command in `#news`, where only that person sees the answer.
    pub async fn run(&self, person: &Person, command: &str, options: impl Into<Options>) -> Reply {
        let reply = person.run(&self.scene.news, command, options).await.expect("an answer");
        assert!(reply.is_ephemeral(), "everybody could read: {}", reply.text());
        reply
    }

    /// Runs a command that the bot refuses.
    pub async fn refused(&self, person: &Person, command: &str, options: impl Into<Options>) -> String {
        refusal(&self.run(person, command, options).await)
    }

    /// Bob follows Carol, short messages included.
    pub async fn follow_carol(&self) -> Reply {
        let options = Options::new().set("member", &self.carol).set("what", "everything");
        self.run(&self.bob, "/feed follow", options).await
    }

    /// Carol posts these, and they come into somebody's feed.
    pub async fn carol_posts(&self, posts: impl IntoIterator<Item = Post>) {
        let mut expected = self.scene.count("feed_items").await;
        for post in posts {
            self.carol.post(&self.scene.releases, post).unwrap();
            expected += 1;
        }
        let there = async || self.scene.count("feed_items").await == expected;
        self.scene.world.until("the posts are in the feed", there).await;
    }

    pub async fn read(&self) -> Reply {
        self.run(&self.bob, "/feed read", ()).await
    }
}

pub fn newcomer(scene: &Scene, name: &str) -> Person {
    scene.harbour.member(name, Permissions::empty())
}

/// What the posts on a page say, without the line of the bot above each.
pub fn said(reply: &Reply) -> Vec<String> {
    let descriptions = reply.embeds();
    let descriptions = descriptions.iter().filter(|embed| embed["author"]["name"].is_string());
    let text = |embed: &Value| embed["description"].as_str().unwrap().split_once('\n').unwrap().1.to_owned();
    descriptions.map(text).collect()
}

/// Whether a button with this label can be pressed; `None` if there is none.
fn enabled(reply: &Reply, label: &str) -> Option<bool> {
    let rows = reply.components();
    let buttons = rows.iter().flat_map(|row| row["components"].as_array().unwrap());
    let mut named = buttons.filter(|button| button["label"] == label);
    named.next().map(|button| button["disabled"] != true)
}

fn footer(reply: &Reply) -> String {
    let embeds = reply.embeds();
    embeds.last().unwrap()["footer"]["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_feed_of_seven_posts_is_read_over_two_pages() {
    let all = Readers::new().await;
    let empty = all.read().await.text();
    assert!(empty.contains("You don't follow anybody yet"), "{empty}");
    all.follow_carol().await;
    let quiet = all.read().await.text();
    assert!(quiet.contains("New posts from the people and channels you follow appear here"), "{quiet}");
    all.carol_posts((0..7).map(|number| Post::text(&format!("post {number}")))).await;

    let first = all.read().await;
    assert_eq!(said(&first), ["post 6", "post 5", "post 4", "post 3", "post 2"]);
    assert_eq!(footer(&first), "1–5 of 7, newest first");
    let newest = &first.embeds()[0];
    let head = newest["description"].as_str().unwrap().lines().next().unwrap().to_owned();
    assert_eq!(newest["author"]["name"], "Carol");
    let releases = &all.scene.releases;
    let posted = releases.messages().pop().unwrap();
    for part in [releases.mention(), "Harbour".to_owned(), ":R>".to_owned(), "🔵".to_owned()] {
        assert!(head.contains(&part), "{head}");
    }
    let link = format!("[Open]({}/{})", releases.link(), posted.id);
    assert!(head.ends_with(&link), "{head} should end with {link}");
    assert_eq!((enabled(&first, "◀ Newer"), enabled(&first, "Older ▶")), (Some(false), Some(true)));

    let second = first.press("Older ▶").await.unwrap();
    assert_eq!(said(&second), ["post 1", "post 0"]);
    assert_eq!(footer(&second), "6–7 of 7, newest first");
    assert_eq!((enabled(&second, "◀ Newer"), enabled(&second, "Older ▶")), (Some(true), Some(false)));
    all.carol_posts([Post::text("post 7")]).await;
    let back = second.press("◀ Newer").await.unwrap();
    assert_eq!(said(&back), ["post 6", "post 5", "post 4", "post 3", "post 2"], "it keeps its place");
    let newest = back.press("◀ Newer").await.unwrap();
    assert_eq!(said(&newest)[0], "post 7");
}

#[tokio::test]
async fn what_was_read_is_marked() {
    let all = Readers::new().await;
    all.follow_carol().await;
    all.carol_posts(["one", "two"].map(Post::text)).await;
    let page = all.read().await;
    assert_eq!(page.text().matches("🔵").count(), 2);
    let marked = page.press("Mark as read").await.unwrap();
    assert!(marked.text().contains("is marked as read"), "{}", marked.text());
    assert_eq!(said(&marked), ["two", "one"]);
    assert!(!marked.text().contains("🔵"), "{}", marked.text());
    assert_eq!(enabled(&marked, "Mark as read"), Some(false));

    let unread = || Options::new().set("unread", true);
    let none = all.run(&all.bob, "/feed read", unread()).await;
    assert!(none.text().contains("You have read everything"), "{}", none.text());
    all.carol_posts([Post::text("three")]).await;
    let new = all.run(&all.bob, "/feed read", unread()).await;
    assert_eq!(said(&new), ["three"]);
    let last = new.press("Mark as read").await.unwrap();
    assert!(last.text().contains("You have read everything"), "{}", last.text());
    assert!(last.components().is_empty());
}

#[tokio::test]
async fn a_feed_is_filtered_by_person_and_channel_on_every_page() {
    let all = Readers::new().await;
    all.follow_carol().await;
    let dave = newcomer(&all.scene, "Dave");
    all.run(&all.bob, "/feed follow", Options::new().set("member", &dave).set("what", "everything")).await;
    all.carol_posts((0..6).map(|number| Post::text(&format!("carol {number}")))).await;
    dave.post(&all.scene.news, "dave").unwrap();
    let there = async || all.scene.count("feed_items").await == 7;
    all.scene.world.until("Dave's post is there", there).await;

    let of_carol = all.run(&all.bob, "/feed read", [("from", &all.carol)]).await;
    assert_eq!(footer(&of_carol), "1–5 of 6, newest first");
    let older = of_carol.press("Older ▶").await.unwrap();
    assert_eq!(said(&older), ["carol 0"]);
    let here = all.run(&all.bob, "/feed read", [("channel", &all.scene.news)]).await;
    assert_eq!(said(&here), ["dave"]);
    let nothing = all.run(&all.bob, "/feed read", [("from", &all.scene.alice)]).await;
    assert!(nothing.text().contains("nothing like that"), "{}", nothing.text());
}

#[tokio::test]
async fn a_post_shows_its_first_picture_unless_it_is_hidden() {
    let all = Readers::new().await;
    all.run(&all.bob, "/feed follow", [("member", &all.carol)]).await;
    let picture = || Post::text("look").file("cat.png", "image/png", *b"\x89PNG");
    all.carol_posts([picture(), picture().spoiler()]).await;
    let embeds = all.read().await.embeds();
    let shown = embeds[1]["image"]["url"].as_str().unwrap();
    assert!(shown.contains("cat.png"), "{shown}");
    assert!(embeds[0]["image"].is_null(), "{}", embeds[0]);
}

/// Nothing in a post pings, hides the bot's own lines or grows beyond its place.
#[tokio::test]
async fn a_hostile_post_stays_within_its_place() {
    let all = Readers::new().await;
    all.follow_carol().await;
    let mention = all.bob.mention();
    let hostile = [
        format!("@everyone @here {mention} <@&1> wake up"),
        "```\nnever closed".to_owned(),
        format!("||{}", "secret ".repeat(300)),
        format!("||{}||", "secret ".repeat(300)),
        format!("```rs\n{}```", "*_~`|".repeat(795)),
    ];
    all.carol_posts(hostile.iter().map(|text| Post::text(text))).await;
    let page = all.read().await;
    let message = page.message().unwrap();
    assert!(message.pinged.is_empty(), "{:?}", message.pinged);
    assert_eq!(message.content, "", "only embeds: what is in one doesn't reach the next");
    let texts = said(&page);
    assert_eq!(texts.len(), 5);
    for (embed, text) in page.embeds().iter().zip(&texts) {
        let head = embed["description"].as_str().unwrap().lines().next().unwrap().to_owned();
        assert!(head.contains("Harbour") && head.contains("[Open](https://"), "{head}");
        assert!(text.encode_utf16().count() <= 300, "{text}");
    }
    assert!(texts[0].matches("```").count().is_multiple_of(2), "{}", texts[0]);
    assert!(texts[1].matches("||").count().is_multiple_of(2), "{}", texts[1]);
    assert!(texts[4].contains("@Bob") && !texts[4].contains(&mention), "{}", texts[4]);
    page.press("Mark as read").await.unwrap();
}

#[tokio::test]
async fn following_twice_changes_the_follow() {
    let all = Readers::new().await;
    let new = all.run(&all.bob, "/feed follow", [("member", &all.carol)]).await.text();
    let carol = all.carol.mention();
    for part in [
        format!("You follow {carol} now."),
        "messages that are long, have a link".to_owned(),
        format!("{carol} isn't told, but can look up who follows them"),
        "everybody can see whom you follow; you can change that with `/feed privacy`".to_owned(),
    ] {
        assert!(new.contains(&part), "{new}");
    }
    let options =
        || Options::new().set("member", &all.carol).set("mode", "except").set("tags", "#games, art");
    let changed = all.run(&all.bob, "/feed follow", options()).await.text();
    assert!(changed.contains("differently now: all → except \\#art, \\#games."), "{changed}");
    assert!(changed.contains("except those with \\#art, \\#games"), "{changed}");
    let again = all.run(&all.bob, "/feed follow", options()).await.text();
    assert!(again.contains("just like that already"), "{again}");
    let everything = Options::new().set("member", &all.carol).set("what", "everything");
    let everything = all.run(&all.bob, "/feed follow", everything).await.text();
    assert!(everything.contains("posts → everything"), "{everything}");
    assert_eq!(all.scene.count("personal_follows").await, 1);
    all.carol_posts(["plain", "a #game", "about #games"].map(Post::text)).await;
    assert_eq!(said(&all.read().await), ["a #game", "plain"]);

    let dave = newcomer(&all.scene, "Dave");
    let second = all.run(&all.bob, "/feed follow", [("member", &dave)]).await.text();
    assert!(!second.contains("/feed privacy"), "it is said once: {second}");

    let unfollowed = all.run(&all.bob, "/feed unfollow", [("member", &all.carol)]).await.text();
    assert!(unfollowed.contains(&format!("You no longer follow {carol}")), "{unfollowed}");
    let again = all.refused(&all.bob, "/feed unfollow", [("member", &all.carol)]).await;
    assert_eq!(again, "You aren't following that.");
}

#[tokio::test]
async fn a_channel_is_followed_by_its_own_tags() {
    let all = Readers::new().await;
    let ideas = all.scene.harbour.forum("ideas");
    let tags = ideas.set_tags(&["bug", "idea"]).unwrap();
    let wish = |tags: &str| Options::new().set("channel", &ideas).set("mode", "only").set("tags", tags);
    let unknown = all.refused(&all.bob, "/feed follow", wish("wish")).await;
    assert!(unknown.contains("wish") && unknown.contains("bug"), "{unknown}");
    let new = all.run(&all.bob, "/feed follow", wish("bug")).await.text();
    assert!(new.contains(&format!("You follow {} now. New posts with bug", ideas.mention())), "{new}");
    assert!(new.contains("nobody else can see which channels you follow"), "{new}");
    for (title, tag) in [("an idea", tags[1]), ("a bug", tags[0])] {
        all.carol.start_post(&ideas, title, &[tag], "the text").unwrap();
    }
    let shown = async || all.read().await.text().contains("**a bug**");
    all.scene.world.until("the post with the tag is shown", shown).await;
    assert_eq!(said(&all.read().await), ["**a bug**\nthe text"]);
    all.run(&all.bob, "/feed unfollow", [("channel", &ideas)]).await;
    assert!(all.read().await.text().contains("You don't follow anybody yet"));
}

#[tokio::test]
async fn what_is_muted_comes_back() {
    let all = Readers::new().await;
    all.follow_carol().await;
    all.carol_posts([Post::text("one")]).await;
    let mute = |span: &str| Options::new().set("for", span).set("member", &all.carol);
    let muted = all.run(&all.bob, "/feed mute", mute("1d")).await.text();
    assert!(muted.contains(&format!("{} is muted until <t:", all.carol.mention())), "{muted}");
    assert_eq!(said(&all.read().await), Vec::<String>::new());
    let list = all.run(&all.bob, "/feed following", ()).await.text();
    assert!(list.contains("muted until"), "{list}");
    let back = all.run(&all.bob, "/feed mute", mute("off")).await.text();
    assert!(back.contains("Your feed shows these posts again"), "{back}");
    assert_eq!(said(&all.read().await), ["one"]);
    let nobody =
        all.refused(&all.carol, "/feed mute", Options::new().set("for", "1h").set("member", &all.bob));
    assert_eq!(nobody.await, "You aren't following that.");
}

#[tokio::test]
async fn what_one_follows_is_listed_ten_on_a_page_and_unfollowed_there() {
    let all = Readers::new().await;
    let nothing = all.run(&all.bob, "/feed following", ()).await.text();
    assert!(nothing.contains("You follow nothing yet"), "{nothing}");
    all.run(&all.bob, "/feed follow", [("channel", &all.scene.releases)]).await;
    let people: Vec<Person> =
        (0..11).map(|number| newcomer(&all.scene, &format!("Member *{number}*"))).collect();
    for person in &people {
        all.run(&all.bob, "/feed follow", [("member", person)]).await;
    }
    let first = all.run(&all.bob, "/feed following", ()).await;
    assert!(first.text().contains("Your 12 follows"), "{}", first.text());
    assert!(first.text().contains("**1.** **Member \\*10\\***"), "names are escaped: {}", first.text());
    assert!(!first.text().contains("Member \\*0\\*"));
    let second = first.press("Older ▶").await.unwrap();
    assert!(second.text().contains("**1.** **Member \\*0\\***"), "{}", second.text());
    assert!(second.text().contains(&format!("**2.** {}", all.scene.releases.mention())), "{}", second.text());
    let value = format!("user-{}", people[0].id());
    let left = second.select("Unfollow …", &[&value]).await.unwrap();
    assert!(
        left.text().contains(&format!("You no longer follow {}", people[0].mention())),
        "{}",
        left.text()
    );
    assert!(left.text().contains("Your 11 follows"), "{}", left.text());
    let value = format!("channel-{}", all.scene.releases.id());
    let gone = left.select("Unfollow …", &[&value]).await.unwrap();
    assert!(gone.text().contains("What was here is gone"), "{}", gone.text());
    let newer = gone.press("◀ Newer").await.unwrap();
    assert!(newer.text().contains("Your 10 follows"), "{}", newer.text());
    assert_eq!(enabled(&newer, "Older ▶"), None, "one page is left");
}

#[tokio::test]
async fn followers_are_removed_and_blocked() {
    let all = Readers::new().await;
    let nobody = all.run(&all.carol, "/feed followers", ()).await.text();
    assert!(nobody.contains("Nobody follows you yet"), "{nobody}");
    let dave = newcomer(&all.scene, "Dave");
    for person in [&all.bob, &dave] {
        all.run(person, "/feed follow", [("member", &all.carol)]).await;
    }
    all.run(&all.carol, "/feed follow", [("member", &all.bob)]).await;
    let list = all.run(&all.carol, "/feed followers", ()).await;
    assert!(list.text().contains("Your 2 followers"), "{}", list.text());
    let bobs = list.text().lines().find(|line| line.contains("Bob")).unwrap().to_owned();
    assert!(bobs.contains("you follow them, too"), "{bobs}");

    let removed = list.select("Remove a follower …", &[&all.bob.id().to_string()]).await.unwrap();
    assert!(removed.text().contains("no longer follows you"), "{}", removed.text());
    assert!(removed.text().contains("Your 1 follower"), "{}", removed.text());
    all.run(&all.bob, "/feed follow", [("member", &all.carol)]).await;

    let list = all.run(&all.carol, "/feed followers", ()).await;
    let blocked = list.select("Remove and block a follower …", &[&dave.id().to_string()]).await.unwrap();
    assert!(blocked.text().contains("can't follow you again"), "{}", blocked.text());
    let refused = all.refused(&dave, "/feed follow", [("member", &all.carol)]).await;
    assert_eq!(refused, "This person can't be followed.");
    let unblocked = blocked.press("Unblock").await.unwrap();
    assert!(unblocked.text().contains("can follow you again"), "{}", unblocked.text());
    assert!(unblocked.components().is_empty());
    let again = all.run(&dave, "/feed follow", [("member", &all.carol)]).await.text();
    assert!(again.contains("You follow"), "{again}");
}

#[tokio::test]
async fn people_choose_who_may_follow_them_and_who_sees_it() {
    let all = Readers::new().await;
    all.follow_carol().await;
    let shown = all.run(&all.carol, "/feed privacy", ()).await.text();
    assert!(shown.contains("**Who may follow you:** everyone, except those you block"), "{shown}");
    assert!(shown.contains("who follows you:** everybody (what my operator chose"), "{shown}");
    let hide = || Options::new().set("lists", "hidden").set("counts", false);
    let hidden = all.run(&all.carol, "/feed privacy", hide()).await.text();
    assert!(
        hidden.contains("who follows you:** only you") && hidden.contains("Who sees the numbers:** only you")
    );
    assert!(!hidden.contains("doesn't any more"), "nobody was sent away: {hidden}");
    let nobody = || Options::new().set("followable", "nobody");
    let closed = all.run(&all.carol, "/feed privacy", nobody()).await.text();
    assert!(closed.contains("**Who may follow you:** nobody\n"), "{closed}");
    assert!(closed.contains("1 person who followed you doesn't any more."), "{closed}");
    assert!(closed.contains("who follows you:** only you"), "the rest stays: {closed}");
    assert_eq!(all.scene.count("personal_follows").await, 0);
    let refused = all.refused(&all.bob, "/feed follow", [("member", &all.carol)]).await;
    assert_eq!(refused, "This person can't be followed.");
    let shown = all.run(&all.carol, "/feed privacy", ()).await.text();
    assert!(shown.contains("**Who may follow you:** nobody\n"), "{shown}");
}

#[rstest]
#[case("shared", "people who follow you, or whom you follow, can see whom you follow")]
#[case("hidden", "nobody else can see whom you follow")]
#[tokio::test]
async fn the_first_follow_says_what_the_operator_chose(#[case] lists: &str, #[case] says: &str) {
    let all = Readers::with(&[("FOLLOW_LISTS", lists)]).await;
    let new = all.follow_carol().await.text();
    assert!(new.contains(says), "{new}");
}

#[tokio::test]
async fn the_menus_follow_and_offer_to_unfollow() {
    let all = Readers::new().await;
    let news = &all.scene.news;
    let posted = all.carol.post(news, "hello").unwrap();
    let followed = all.bob.run_on_person(news, &all.carol, "Follow").await.unwrap();
    assert!(followed.is_ephemeral());
    assert!(
        followed.text().contains(&format!("You follow {} now", all.carol.mention())),
        "{}",
        followed.text()
    );
    assert!(followed.components().is_empty());
    let again = all.bob.run_on(news, posted.id, "Follow author").await.unwrap();
    assert!(again.text().contains("already, since"), "{}", again.text());
    let ended = again.press("Unfollow").await.unwrap();
    assert!(ended.text().contains("You no longer follow"), "{}", ended.text());
    assert!(ended.components().is_empty());
    assert_eq!(all.scene.count("personal_follows").await, 0);
    let again = all.bob.run_on(news, posted.id, "Follow author").await.unwrap();
    assert!(again.text().contains("You follow"), "{}", again.text());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let all = Readers::new().await;
    let (bob, news) = (&all.bob, &all.scene.news);
    let follow = |options: Options| all.refused(bob, "/feed follow", options);
    assert_eq!(follow(Options::new().set("member", bob)).await, "You can't follow yourself.");
    let robot = all.scene.harbour.other_bot("Robot", Permissions::empty());
    assert_eq!(follow(Options::new().set("member", &robot)).await, "I can't find that person.");
    let itself = all.scene.world.sandbox.bot_id();
    assert_eq!(follow(Options::new().set("member", itself)).await, "I can't find that person.");
    let one = "Choose a `member` or a `channel`.";
    assert_eq!(follow(Options::new()).await, one);
    assert_eq!(follow(Options::new().set("member", &all.carol).set("channel", news)).await, one);
    let tags = follow(Options::new().set("member", &all.carol).set("tags", "#art")).await;
    assert!(tags.contains("only with the mode"), "{tags}");
    let none = follow(Options::new().set("member", &all.carol).set("mode", "only")).await;
    assert!(none.contains("only"), "{none}");
    let hidden = all.scene.harbour.private_text("hidden");
    let unseen = bob.run_unchecked(news, "/feed follow", [("channel", &hidden)]).await.unwrap();
    assert!(refusal(&unseen).contains("can't"), "{}", unseen.text());
    // A webhook is nobody.
    let webhook = posted_by_webhook(&all.scene.news);
    let nobody = bob.run_on(news, webhook, "Follow author").await.unwrap();
    assert_eq!(refusal(&nobody), "I can't find that person.");
    assert_eq!(all.scene.count("personal_follows").await, 0);
}

fn posted_by_webhook(channel: &Channel) -> tributary_sandbox::MessageId {
    let webhooks: Vec<WebhookId> = channel.add_webhooks(1).unwrap();
    channel.post_through(webhooks[0], "Carol", "not of Carol").unwrap().id
}

#[tokio::test]
async fn only_whoever_ran_the_command_presses_below_it() {
    let all = Readers::new().await;
    all.follow_carol().await;
    all.carol_posts((0..6).map(|number| Post::text(&format!("post {number}")))).await;
    let dave = newcomer(&all.scene, "Dave");
    let bobs = all.read().await;
    assert!(bobs.press_as(&dave, "Older ▶").await.is_err(), "Discord shows it to nobody else");
    let rows = bobs.components();
    let ids: Vec<&str> = rows
        .iter()
        .flat_map(|row| row["components"].as_array().unwrap())
        .map(|button| button["custom_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    let daves = all.run(&dave, "/feed read", ()).await;
    for id in ids {
        let forged = daves.press_forged(id, None).await.unwrap();
        let text = forged.text();
        assert!(text.contains("This belongs to somebody else"), "{id}: {text}");
        assert!(!text.contains("post"), "{text}");
    }
    let carols = format!("feed:unfollow:{}:user-{}", all.bob.id(), all.carol.id());
    daves.press_forged(&carols, None).await.unwrap();
    assert_eq!(all.scene.count("personal_follows").await, 1);
    assert_eq!(all.scene.count("feed_marks").await, 0);
}

#[tokio::test]
async fn a_reader_is_forgotten_after_a_question() {
    let all = Readers::new().await;
    all.follow_carol().await;
    all.run(&all.carol, "/feed follow", [("member", &all.bob)]).await;
    all.carol_posts([Post::text("one")]).await;
    all.read().await.press("Mark as read").await.unwrap();
    let bob = all.bob.id();
    let asked = all.run(&all.bob, "/feed forget", ()).await;
    assert!(asked.text().contains("This can't be undone"), "{}", asked.text());
    let cancelled = asked.press("Cancel").await.unwrap();
    assert!(cancelled.text().contains("Nothing was forgotten"), "{}", cancelled.text());
    assert_eq!(all.scene.count("personal_follows").await, 2);

    let asked = all.run(&all.bob, "/feed forget", ()).await;
    let gone = asked.press("Forget me as a reader").await.unwrap();
    assert!(gone.text().contains("You are forgotten as a reader"), "{}", gone.text());
    assert!(gone.components().is_empty());
    for table in [
        "personal_follows".to_owned(),
        "feed_items".to_owned(),
        "feed_marks".to_owned(),
        format!("profiles WHERE user_id = {bob}"),
    ] {
        assert_eq!(all.scene.count(&table).await, 0, "{table}");
    }
    assert!(all.read().await.text().contains("You don't follow anybody yet"));
}

/// `/privacy` says what is kept of a reader, and that it goes with everything else.
#[tokio::test]
async fn a_reader_sees_what_is_kept_and_what_forgetting_ends() {
    let all = Readers::new().await;
    all.follow_carol().await;
    all.run(&all.carol, "/feed follow", [("member", &all.bob)]).await;
    all.carol_posts([Post::text("one")]).await;
    let shown = all.run(&all.bob, "/privacy show", ()).await.text();
    for words in [
        "- Your name and picture, as Discord shows them to everybody",
        "- That you follow 1 person, channel or collection.",
        "- That 1 person follows you.",
        "- Your feed: which 1 message it may show you. It goes back 14 days.",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("That you blocked") && !shown.contains("At my web pages"), "{shown}");

    let asked = all.run(&all.bob, "/privacy forget", ()).await;
    let question = asked.text();
    for words in
        ["nobody follows you", "Your feed", "your blocks", "signed out", "API tokens stop", "can't be undone"]
    {
        assert!(question.contains(words), "{words}: {question}");
    }
    asked.press("Forget me").await.unwrap();
    let bob = all.bob.id();
    let gone = async || all.scene.count(&format!("profiles WHERE user_id = {bob}")).await == 0;
    all.scene.world.until("Bob is forgotten", gone).await;
    let shown = all.run(&all.bob, "/privacy show", ()).await.text();
    assert!(!shown.contains("- Your name") && !shown.contains("- That "), "{shown}");
}

/// Where there are web pages, the feed can be read there, too.
#[tokio::test]
async fn a_feed_leads_to_its_page_where_there_is_one() {
    let all = Readers::with(&[("WEB_ADDR", "127.0.0.1:0"), ("PUBLIC_URL", "https://bot.example")]).await;
    all.follow_carol().await;
    all.carol_posts([Post::text("one")]).await;
    let rows = all.read().await.components();
    let open = rows[0]["components"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&open["label"], &open["url"]),
        (&json!("Open in browser"), &json!("https://bot.example/feed"))
    );
}

/// In a direct message with the bot, everything works but choosing a channel.
#[tokio::test]
async fn a_feed_is_read_in_direct_messages() {
    let all = Readers::new().await;
    all.follow_carol().await;
    all.carol_posts([Post::text("one")]).await;
    let private = all.scene.world.sandbox.direct_messages(&all.bob).unwrap();
    let page = all.bob.run(&private, "/feed read", ()).await.unwrap();
    assert_eq!(said(&page), ["one"]);
    let marked = page.press("Mark as read").await.unwrap();
    marked.wait_for(SOON, |reply| reply.text().contains("is marked as read")).await.unwrap();
    all.bob.run(&private, "/feed unfollow", [("member", &all.carol)]).await.unwrap();
    assert_eq!(all.scene.count("personal_follows").await, 0);
}
