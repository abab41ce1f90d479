//! Modes over hashtags, end to end: what is let through, including after an edit, in any script.

use tributary_sandbox::{Channel, Options};

use crate::harness::{SOON, Scene, texts};

/// `#news` follows `#releases` in this mode, with these tags.
async fn following(mode: &str, tags: &str) -> Scene {
    let scene = Scene::new().await;
    let options = Options::new().set("channel", &scene.releases).set("mode", mode).set("tags", tags);
    let reply = scene.run("/follow", options).await;
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    scene
}

fn post_all(scene: &Scene, posts: &[&str]) {
    for text in posts {
        scene.alice.post(&scene.releases, *text).unwrap();
    }
}

/// Waits until the target shows exactly this.
async fn shows(target: &Channel, expected: &[&str]) {
    let texts = |messages: &[tributary_sandbox::SeenMessage]| -> Vec<String> {
        messages.iter().map(|message| message.content.clone()).collect()
    };
    let shown = target.wait_for_messages(SOON, |messages| texts(messages) == expected).await;
    assert!(shown.is_ok(), "{:?} never became {expected:?}", texts(&target.messages()));
}

#[tokio::test]
async fn only_lets_through_what_has_one_of_the_tags() {
    let scene = following("only", "bug, #Idea").await;
    post_all(&scene, &["nothing", "a #bug", "#other", "an #IDEA and #other", "bug", "#bugs", "the end #bug"]);
    shows(&scene.news, &["a #bug", "an #IDEA and #other", "the end #bug"]).await;
}

#[tokio::test]
async fn except_lets_through_what_has_none_of_them() {
    let scene = following("except", "bug, idea").await;
    post_all(&scene, &["nothing", "a #bug", "a #new tag", "an #IDEA and #other", "the end"]);
    shows(&scene.news, &["nothing", "a #new tag", "the end"]).await;
}

#[tokio::test]
async fn all_lets_everything_through_and_clears_the_tags() {
    let scene = following("only", "bug").await;
    post_all(&scene, &["before", "#bug"]);
    shows(&scene.news, &["#bug"]).await;
    let options = Options::new().set("channel", &scene.releases).set("mode", "all");
    scene.run("/follow", options).await;
    assert_eq!(scene.count("channel_follow_tags").await, 0);
    post_all(&scene, &["after", "#other"]);
    shows(&scene.news, &["#bug", "after", "#other"]).await;
}

#[tokio::test]
async fn spellings_and_scripts_of_one_tag_are_one() {
    let scene = following("only", "größe, ОШИБКА, ﾊﾞｸﾞ, हिन्दी, ΟΔΟΣ").await;
    let posts = ["#GRO\u{308}SSE", "＃ошибка", "#バグ", "#हिन्दी", "#οδος", "#ｇｒｏ\u{308}ｓｓｅ"];
    for text in posts {
        post_all(&scene, &["#something else", text]);
    }
    shows(&scene.news, &posts).await;
}

#[tokio::test]
async fn an_edit_makes_a_message_appear_or_disappear() {
    let scene = following("only", "bug").await;
    let plain = scene.alice.post(&scene.releases, "first").unwrap();
    let tagged = scene.alice.post(&scene.releases, "second #bug").unwrap();
    shows(&scene.news, &["second #bug"]).await;
    scene.alice.edit(&scene.releases, tagged.id, "second").unwrap();
    shows(&scene.news, &[]).await;
    scene.alice.edit(&scene.releases, plain.id, "first #bug").unwrap();
    shows(&scene.news, &["first #bug"]).await;
    scene.alice.edit(&scene.releases, tagged.id, "second, again a #bug").unwrap();
    shows(&scene.news, &["first #bug", "second, again a #bug"]).await;
}

#[tokio::test]
async fn an_edit_counts_for_except_the_other_way_round() {
    let scene = following("except", "chat").await;
    let plain = scene.alice.post(&scene.releases, "first").unwrap();
    let tagged = scene.alice.post(&scene.releases, "second #chat").unwrap();
    post_all(&scene, &["third"]);
    shows(&scene.news, &["first", "third"]).await;
    scene.alice.edit(&scene.releases, plain.id, "first #Chat").unwrap();
    shows(&scene.news, &["third"]).await;
    scene.alice.edit(&scene.releases, tagged.id, "second").unwrap();
    shows(&scene.news, &["third", "second"]).await;
    assert_eq!(texts(&scene.news).len(), 2);
}
