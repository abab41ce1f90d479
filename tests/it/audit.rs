//! Who changed what is recorded with each change, whoever makes it, or not at all; and without anything that
//! somebody wrote.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use tributary::domain::audit::AuditAction;
use tributary_sandbox::{Channel, Guild, Options, Permissions, Person};

use crate::harness::{SOON, Scene, choice};

/// What people write; none of it may be recorded.
const WRITTEN: [&str; 4] = ["plum-title", "plum-text", "plum-task", "plum-post"];

/// Harbour, whose `#releases` is followed, and Lakeside, whose `#board` follows it.
struct Ledger {
    scene: Scene,
    lakeside: Guild,
    keeper: Person,
    board: Channel,
    /// The number of the last record that was read.
    read: Cell<i64>,
    actions: RefCell<BTreeSet<String>>,
}

impl Ledger {
    async fn new() -> Self {
        let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]).await;
        let (lakeside, keeper) = scene.elsewhere("Lakeside");
        let board = lakeside.text("board");
        Self { scene, lakeside, keeper, board, read: Cell::new(0), actions: RefCell::default() }
    }

    /// The next record that wasn't read yet: `SERVER WAY WHO ACTION KIND DETAIL`, with names instead of ids.
    async fn next(&self) -> Option<String> {
        let query = format!(
            "SELECT id || '|' || action || '|' || COALESCE(CAST(guild_id AS TEXT), '-') || ' ' || via || ' ' || \
             COALESCE(CAST(actor_id AS TEXT), '-') || ' ' || action || ' ' || subject_kind || ' ' || detail \
             FROM audit WHERE id > {} ORDER BY id LIMIT 1",
            self.read.get()
        );
        let line = self.scene.world.database.text(&query).await?;
        let (id, rest) = line.split_once('|').unwrap();
        let (action, text) = rest.split_once('|').unwrap();
        self.read.set(id.parse().unwrap());
        self.actions.borrow_mut().insert(action.to_owned());
        let mut text = text.to_owned();
        let (harbour, lakeside) = (&self.scene.harbour, &self.lakeside);
        let people = [(&self.scene.alice, "alice"), (&self.keeper, "keeper")];
        let people = people.map(|(person, name)| (person.id().to_string(), name.to_owned()));
        let guilds = [harbour, lakeside].map(|guild| (guild.id().to_string(), guild.name().to_lowercase()));
        let channels = [harbour, lakeside].into_iter().flat_map(Guild::channels);
        let channels = channels.map(|channel| (channel.id().to_string(), format!("#{}", channel.name())));
        for (id, name) in people.into_iter().chain(guilds).chain(channels) {
            text = text.replace(&id, &name);
        }
        Some(text)
    }

    /// Exactly this was recorded since the last time; what happens by itself is waited for.
    async fn says(&self, records: &[&str]) {
        let mut found = Vec::new();
        while found.len() < records.len() {
            let known = found.len();
            let one_more = async || {
                found.extend(self.next().await);
                found.len() > known
            };
            self.scene.world.until(&format!("{:?}", &records[known..]), one_more).await;
        }
        found.extend(self.next().await);
        assert_eq!(found, records);
    }

    /// Somebody chooses this in a list of theirs.
    async fn choose(&self, person: &Person, here: &Channel, word: &str) {
        let list = person.run(here, "/follows", ()).await.expect("an answer");
        let (menu, chosen) = choice(&list, word);
        list.select(&menu, &[&chosen]).await.expect("an answer");
    }

    /// Alice presses this below her only follower.
    async fn decide(&self, button: &str) {
        let list = self.scene.run("/followers", [("channel", &self.scene.releases)]).await;
        let (menu, chosen) = choice(&list, "");
        let one = list.select(&menu, &[&chosen]).await.expect("an answer");
        one.press(button).await.expect("an answer");
    }

    async fn ask(&self) {
        let link = Options::new().set("link", self.scene.releases.link());
        self.keeper.run(&self.board, "/follow", link).await.expect("an answer");
    }

    async fn publish(&self, option: &str, word: &str) {
        self.scene
            .run("/publish", Options::new().set("channel", &self.scene.releases).set(option, word))
            .await;
    }
}

/// What the moderators of a target do, and what the bot does to a follow.
async fn own_follows(ledger: &Ledger) {
    let (scene, news) = (&ledger.scene, &ledger.scene.news);
    let pair = r##""source":"#releases","target":"#news""##;
    scene.follow(&scene.releases).await;
    let options = r#""delivery":"relay","mode":"all","panels":true"#;
    let made = format!(
        r#"harbour command alice follow_created follow {{{options},"source":"{}","state":"active","tags":[],"target":"{}","threads":"none"}}"#,
        "#releases", "#news"
    );
    ledger.says(&[&made]).await;
    scene.alice.post(&scene.releases, WRITTEN[3]).expect("she may");
    news.wait_for_message(SOON, |message| message.content == WRITTEN[3]).await.expect("it arrives");
    let options = [("channel", &scene.releases)];
    scene.run("/follow", options).await;
    ledger.says(&[]).await;
    let options = Options::new().set("channel", &scene.releases).set("mode", "except").set("tags", "#draft");
    scene.run("/follow", options).await;
    let changed = r##"harbour command alice follow_changed follow {"mode":["all","except"],"source":"#releases","tags":[[],["draft"]],"target":"#news"}"##;
    ledger.says(&[changed]).await;
    ledger.choose(&scene.alice, news, "pause").await;
    ledger.says(&[&format!("harbour command alice follow_paused follow {{{pair}}}")]).await;
    ledger.choose(&scene.alice, news, "resume").await;
    ledger
        .says(&[&format!(r#"harbour command alice follow_resumed follow {{"from":"paused",{pair}}}"#)])
        .await;
    scene.lose_webhook().await;
    let broken = r##"harbour system - follow_broken follow {"from":"active","reason":"too_many_webhooks","source":"#releases","target":"#news"}"##;
    ledger.says(&[broken]).await;
    ledger.choose(&scene.alice, news, "resume").await;
    let resumed =
        format!(r#"harbour command alice follow_resumed follow {{"from":"too_many_webhooks",{pair}}}"#);
    ledger.says(&[&resumed]).await;
    scene.harbour.deny_bot(&scene.releases, Permissions::VIEW_CHANNEL);
    let broken = r##"harbour system - follow_broken follow {"from":"active","reason":"source_forbidden","source":"#releases","target":"#news"}"##;
    ledger.says(&[broken]).await;
    scene.harbour.deny_bot(&scene.releases, Permissions::empty());
    ledger
        .says(&[&format!(r#"harbour system - follow_resumed follow {{"from":"source_forbidden",{pair}}}"#)])
        .await;
    scene.run("/unfollow", [("channel", &scene.releases)]).await;
    ledger
        .says(&[&format!(r#"harbour command alice follow_removed follow {{"from":"active",{pair}}}"#)])
        .await;
}

/// What the followed side decides: its own audit says who did, the other's doesn't.
async fn followed_side(ledger: &Ledger) {
    let at_board = |extra: &str| format!(r##"{{{extra}"source":"#releases","target":"#board"}}"##);
    let seen_here = |extra: &str| format!(r##"{{{extra}"server":"lakeside","source":"#releases"}}"##);
    let by_keeper =
        |action: &str, extra: &str| format!("lakeside command keeper {action} follow {}", at_board(extra));
    let both = |action: &str, extra: &str| {
        [
            format!("lakeside system - {action} follow {}", at_board(extra)),
            format!("harbour command alice {action} follow {}", seen_here(extra)),
        ]
    };
    let published = |detail: &str| format!("harbour command alice publication_changed channel {{{detail}}}");
    let says = async |records: &[String]| {
        ledger.says(&records.iter().map(String::as_str).collect::<Vec<_>>()).await;
    };
    ledger.publish("audience", "servers").await;
    says(&[published(r#""audience":["nobody","servers"]"#)]).await;
    ledger.publish("approval", "ask").await;
    says(&[published(r#""approval":["none","ask"]"#)]).await;
    ledger.ask().await;
    let made = r##"lakeside command keeper follow_created follow {"delivery":"relay","mode":"all","panels":true,"source":"#releases","state":"awaiting_approval","tags":[],"target":"#board","threads":"none"}"##;
    says(&[made.to_owned()]).await;
    ledger.decide("Decline").await;
    says(&both("follow_declined", "")).await;
    ledger.ask().await;
    says(&[by_keeper("follow_waits", r#""from":"declined","#)]).await;
    ledger.decide("Approve").await;
    says(&both("follow_approved", r#""from":"awaiting_approval","#)).await;
    ledger.choose(&ledger.keeper, &ledger.board, "pause").await;
    says(&[by_keeper("follow_paused", "")]).await;
    ledger.decide("Remove").await;
    says(&both("follow_broken", r#""from":"paused","reason":"removed","#)).await;
    ledger.publish("approval", "none").await;
    says(&[published(r#""approval":["ask","none"]"#)]).await;
    ledger.ask().await;
    says(&[by_keeper("follow_resumed", r#""from":"removed","#)]).await;
    ledger.decide("Block server").await;
    let ended = |reason: &str, subject: &str| {
        let broken = format!(r#""from":"active","reason":"{reason}","#);
        [
            format!("lakeside system - follow_broken follow {}", at_board(&broken)),
            format!(r#"harbour command alice followers_ended {subject} {{"follows":1,"reason":"{reason}"}}"#),
        ]
    };
    let blocked = "harbour command alice server_blocked server {}".to_owned();
    says(&[&[blocked][..], &ended("blocked", "server")].concat()).await;
    let list = ledger.scene.run("/followers", [("channel", &ledger.scene.releases)]).await;
    let (menu, chosen) = choice(&list, "");
    list.select(&menu, &[&chosen]).await.expect("an answer");
    says(&["harbour command alice server_unblocked server {}".to_owned()]).await;
    ledger.choose(&ledger.keeper, &ledger.board, "resume").await;
    says(&[by_keeper("follow_resumed", r#""from":"blocked","#)]).await;
    ledger.publish("audience", "nobody").await;
    let closed = published(r#""audience":["servers","nobody"]"#);
    says(&[&ended("unpublished", "channel")[..], &[closed]].concat()).await;
}

/// Panels, through commands, presses and the bot.
async fn panels(ledger: &Ledger) {
    let scene = &ledger.scene;
    let alice = |action: &str, detail: &str| format!("harbour command alice {action} panel {{{detail}}}");
    let says = async |action: &str, detail: &str| ledger.says(&[&alice(action, detail)]).await;
    let options = Options::new().set("kind", "custom").set("title", WRITTEN[0]);
    let form = scene.run_form("/panel create", options).await;
    form.submit(&[("text", WRITTEN[1])]).await.expect("an answer");
    says("panel_created", r##""channel":"#news","kind":"custom","refresh":300"##).await;
    let named = || Options::new().set("panel", WRITTEN[0]);
    let form = scene.run_form("/panel edit", named()).await;
    form.submit(&[("text", &format!("{} too", WRITTEN[1]))]).await.expect("an answer");
    says("panel_changed", r#""changed":["config"]"#).await;
    scene.run("/panel move", named().set("channel", &scene.releases)).await;
    says("panel_moved", r##""channel":["#news","#releases"],"panel":[1,2]"##).await;
    let own = scene.releases.wait_for_message(SOON, |message| message.text().contains(WRITTEN[1])).await;
    scene.releases.delete_message(own.expect("it is posted").id).expect("a moderator may");
    ledger.says(&["harbour system - panel_stopped panel {}"]).await;
    scene.run("/panel refresh", named()).await;
    says("panel_resumed", "").await;
    let question = scene.run("/panel delete", named()).await;
    question.press("Delete").await.expect("an answer");
    says("panel_removed", "").await;

    let form = scene.run_form("/panel create", Options::new().set("kind", "project")).await;
    form.submit(&[("lists", "Launch")]).await.expect("an answer");
    says("panel_created", r##""channel":"#news","kind":"project","refresh":300"##).await;
    let panel = scene.news.wait_for_message(SOON, |message| message.text().contains("no tasks yet")).await;
    let form = scene.alice.press(&scene.news, panel.expect("it is posted").id, "Add task").await.unwrap();
    form.submit(&[("name", WRITTEN[2])]).await.expect("an answer");
    says("panel_changed", r#""changed":["config"]"#).await;
}

#[tokio::test]
async fn every_change_is_recorded_and_nothing_that_was_written() {
    let ledger = Ledger::new().await;
    own_follows(&ledger).await;
    followed_side(&ledger).await;
    panels(&ledger).await;
    // Signing in and tokens are no server's business: `web::own_audit`, `web::feed_links`.
    let of_people = ["signed_in", "signed_out", "token_created", "token_revoked"];
    let of_people = of_people.into_iter().chain(["feed_link_created", "feed_link_revoked"]);
    let of_people: Vec<&str> = of_people.collect();
    let all = AuditAction::ALL.iter().map(|action| action.as_str()).filter(|word| !of_people.contains(word));
    // Collections have no command yet: `web::collections`.
    let all = all.filter(|word| !word.starts_with("collection_"));
    let all: BTreeSet<String> = all.map(ToOwned::to_owned).collect();
    assert_eq!(*ledger.actions.borrow(), all, "this test leaves nothing out");

    let secret = WRITTEN.map(ToOwned::to_owned).into_iter().chain(tokens(&ledger));
    for secret in secret {
        let told = ledger.scene.count(&format!("audit WHERE detail LIKE '%{secret}%'")).await;
        assert_eq!(told, 0, "{secret}");
    }
}

/// The tokens of all webhooks that went over the wire.
fn tokens(ledger: &Ledger) -> Vec<String> {
    let all = ledger.scene.world.sandbox.exchanges();
    let token = |answer: &serde_json::Value| answer["token"].as_str().map(ToOwned::to_owned);
    let tokens: Vec<String> = all.iter().filter_map(|one| one.response.as_ref().and_then(token)).collect();
    assert!(!tokens.is_empty(), "there are some");
    tokens
}

/// Neither the one without the other.
#[tokio::test]
async fn what_is_not_stored_is_not_recorded_and_the_other_way_round() {
    let scene = Scene::new().await;
    let follow = async || scene.run("/follow", [("channel", &scene.releases)]).await.text();
    for (table, when) in [("channel_follow_tags", "INSERT"), ("audit", "INSERT"), ("channels", "UPDATE")] {
        let broken = format!(
            "CREATE TRIGGER broken BEFORE {when} ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
        );
        scene.world.database.execute(&broken).await;
        let options = Options::new().set("channel", &scene.releases).set("mode", "except").set("tags", "#a");
        let text = scene.run("/follow", options).await.text();
        scene.world.database.execute("DROP TRIGGER broken").await;
        assert!(!text.contains("now follows"), "{table}: {text}");
        assert_eq!((scene.count("channel_follows").await, scene.count("audit").await), (0, 0), "{table}");
    }
    let text = follow().await;
    assert!(text.contains("now follows"), "{text}");
    assert_eq!((scene.count("channel_follows").await, scene.count("audit").await), (1, 1));
}
