//! A forum follows another, with replies: each post exists in both, and what is said in one is repeated under
//! the same post in the other.

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Options, Person, TagId};

use crate::harness::{Backend, SOON, SeenPost, World, admin, posts, tagged};

/// `ideas` follows `wishes`, including replies; both have the tags `bug` and `idea`, with different ids.
struct Both {
    world: World,
    wishes: Channel,
    ideas: Channel,
    alice: Person,
    bug: TagId,
}

impl Both {
    async fn new(backend: Backend) -> Option<Self> {
        let world = World::on(backend).await?;
        let guild = world.sandbox.create_guild("Harbour");
        let (wishes, ideas) = (guild.forum("wishes"), guild.forum("ideas"));
        let bug = wishes.set_tags(&["bug", "idea"]).unwrap()[0];
        ideas.set_tags(&["Idea", "BUG", "other"]).unwrap();
        Some(Self { alice: admin(&guild, "Alice"), world, wishes, ideas, bug })
    }

    async fn follow(&self) {
        let lobby = self.wishes.guild().unwrap().text("lobby");
        let options =
            Options::new().set("channel", &self.wishes).set("into", &self.ideas).set("threads", "all");
        let reply = self.alice.run(&lobby, "/follow", options).await.unwrap();
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }

    async fn shows(&self, wanted: &[SeenPost]) {
        let shown = || (posts(&self.ideas) == wanted).then_some(());
        let shown = self.world.sandbox.wait_for("the forum to show it", SOON * 2, shown).await;
        assert!(shown.is_ok(), "{:#?}\ninstead of {wanted:#?}", posts(&self.ideas));
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'due'";
        let rest = async || self.world.database.text(open).await.as_deref() == Some("0");
        self.world.until("nothing is due any more", rest).await;
    }
}

fn with(mut post: SeenPost, answers: &[&str]) -> SeenPost {
    post.texts.extend(answers.iter().map(|answer| (*answer).to_owned()));
    post
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn posts_answers_titles_and_tags_are_followed(#[case] backend: Backend) {
    let Some(both) = Both::new(backend).await else { return };
    let _bot = both.world.start().await;
    both.follow().await;
    let (lamp, first) = both.alice.start_post(&both.wishes, "A *lamp*", &[both.bug], "it is dark").unwrap();
    let (pier, _) = both.alice.start_post(&both.wishes, "A pier", &[], "to sit on").unwrap();
    let answer = both.alice.post(&lamp, "very dark").unwrap();
    both.alice.post(&pier, "with a roof").unwrap();
    both.alice.post(&lamp, "indeed").unwrap();
    let pier = with(tagged("A pier", &[], "to sit on"), &["with a roof"]);
    let shown = tagged("A *lamp*", &["BUG"], "it is dark");
    both.shows(&[with(shown.clone(), &["very dark", "indeed"]), pier.clone()]).await;

    // Only the title and the tags.
    lamp.rename("A lighthouse").unwrap();
    both.shows(&[
        with(tagged("A lighthouse", &["BUG"], "it is dark"), &["very dark", "indeed"]),
        pier.clone(),
    ])
    .await;
    lamp.set_applied_tags(&[]).unwrap();
    both.shows(&[with(tagged("A lighthouse", &[], "it is dark"), &["very dark", "indeed"]), pier.clone()])
        .await;

    // An archived post is reopened for a reply.
    both.ideas.threads()[0].set_archived(true).unwrap();
    both.alice.edit(&lamp, answer.id, "utterly dark").unwrap();
    both.alice.post(&lamp, "so be it").unwrap();
    let texts = &["utterly dark", "indeed", "so be it"];
    both.shows(&[with(tagged("A lighthouse", &[], "it is dark"), texts), pier.clone()]).await;
    both.alice.delete(&lamp, first.id).unwrap();
    both.shows(&[
        SeenPost { texts: texts.map(str::to_owned).to_vec(), ..tagged("A lighthouse", &[], "") },
        pier.clone(),
    ])
    .await;

    // The whole post.
    lamp.delete().unwrap();
    both.shows(&[pier]).await;
}

#[tokio::test]
async fn answers_to_what_was_posted_before_begin_a_post() {
    let both = Both::new(Backend::Sqlite).await.unwrap();
    let (old, _) =
        both.alice.start_post(&both.wishes, "An old wish", &[both.bug], "before anybody followed").unwrap();
    let _bot = both.world.start().await;
    both.follow().await;
    both.alice.post(&old, "first answer").unwrap();
    both.alice.post(&old, "second answer").unwrap();
    both.shows(&[with(tagged("An old wish", &["BUG"], "first answer"), &["second answer"])]).await;
}

#[tokio::test]
async fn a_post_that_a_moderator_removed_stays_removed() {
    let both = Both::new(Backend::Sqlite).await.unwrap();
    let mut bot = both.world.start().await;
    both.follow().await;
    let (lamp, _) = both.alice.start_post(&both.wishes, "A lamp", &[], "it is dark").unwrap();
    both.shows(&[tagged("A lamp", &[], "it is dark")]).await;
    both.ideas.threads()[0].delete().unwrap();
    both.alice.post(&lamp, "very dark").unwrap();
    bot.logged("the post that shows a thread was removed").await;
    lamp.rename("A lighthouse").unwrap();
    both.alice.post(&lamp, "still dark").unwrap();
    let (pier, _) = both.alice.start_post(&both.wishes, "A pier", &[], "to sit on").unwrap();
    both.alice.post(&pier, "with a roof").unwrap();
    both.shows(&[with(tagged("A pier", &[], "to sit on"), &["with a roof"])]).await;
    let active = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE is_active";
    assert_eq!(both.world.database.text(active).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_locked_post_refuses_its_answers_only() {
    let both = Both::new(Backend::Sqlite).await.unwrap();
    let _bot = both.world.start().await;
    both.follow().await;
    let (lamp, _) = both.alice.start_post(&both.wishes, "A lamp", &[], "it is dark").unwrap();
    both.shows(&[tagged("A lamp", &[], "it is dark")]).await;
    both.ideas.threads()[0].set_locked(true).unwrap();
    both.alice.post(&lamp, "very dark").unwrap();
    both.alice.start_post(&both.wishes, "A pier", &[], "to sit on").unwrap();
    both.shows(&[tagged("A lamp", &[], "it is dark"), tagged("A pier", &[], "to sit on")]).await;
}

/// Threads that were started from messages in a text channel.
#[tokio::test]
async fn a_text_channels_threads_stand_under_their_messages() {
    let both = Both::new(Backend::Sqlite).await.unwrap();
    let _bot = both.world.start().await;
    let talk = both.wishes.guild().unwrap().text("talk");
    let options = Options::new().set("channel", &talk).set("into", &both.ideas).set("threads", "all");
    both.alice.run(&talk, "/follow", options).await.unwrap();
    let asked = both.alice.post(&talk, "who is in?").unwrap();
    let thread = both.alice.start_thread(&talk, "crew", Some(asked.id)).unwrap();
    both.alice.post(&thread, "I am").unwrap();
    let alone = both.alice.start_thread(&talk, "aside", None).unwrap();
    both.alice.post(&alone, "psst").unwrap();
    both.alice.post(&alone, "hush").unwrap();
    let asked = with(tagged("who is in?", &[], "who is in?"), &["I am"]);
    both.shows(&[asked, with(tagged("aside", &[], "psst"), &["hush"])]).await;
}

#[tokio::test]
async fn lost_answers_and_kills_lose_and_double_nothing() {
    let both = Both::new(Backend::Sqlite).await.unwrap();
    let mut bot = both.world.start().await;
    both.follow().await;
    let mut wanted = Vec::new();
    for round in 0..4 {
        both.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer).after(round));
        let title = format!("wish {round}");
        let (post, _) = both.alice.start_post(&both.wishes, &title, &[both.bug], title.as_str()).unwrap();
        both.alice.post(&post, "an answer").unwrap();
        both.alice.post(&post, "another").unwrap();
        wanted.push(with(tagged(&title, &["BUG"], &title), &["an answer", "another"]));
        bot.kill().await;
        bot = both.world.start().await;
    }
    both.shows(&wanted).await;
}

/// Outside forums, a mirror itself says what a post is called and where a reply belongs.
#[tokio::test]
async fn in_a_text_channel_posts_have_a_heading_and_answers_a_link() {
    let both = Both::new(Backend::Sqlite).await.unwrap();
    let _bot = both.world.start().await;
    let guild = both.wishes.guild().unwrap();
    let (news, quiet) = (guild.text("news"), guild.text("quiet"));
    let options = Options::new().set("channel", &both.wishes).set("threads", "all");
    both.alice.run(&news, "/follow", options).await.unwrap();
    let (lamp, _) = both.alice.start_post(&both.wishes, "A *lamp*", &[both.bug], "it is dark").unwrap();
    both.alice.run(&quiet, "/follow", Options::new().set("channel", &lamp)).await.unwrap();
    both.alice.post(&lamp, "very dark").unwrap();
    let both_shown = |all: &[tributary_sandbox::SeenMessage]| all.len() == 2;
    let shown = news.wait_for_messages(SOON, both_shown).await.unwrap();
    let heading = format!("### [A \\*lamp\\*](<{}>)\n-# 🏷️ bug\nit is dark", lamp.link());
    assert_eq!(shown[0].content, heading);
    let link = format!("{}/{}", news.link(), shown[0].id);
    assert_eq!(shown[1].content, format!("-# 💬 in [**A \\*lamp\\***](<{link}>)\nvery dark"));
    // If the thread itself is followed, that isn't needed.
    quiet.wait_for_message(SOON, |message| message.content == "very dark").await.unwrap();
}
