//! `/collection`, as people who manage a server see it.

use tributary_sandbox::{Options, Permissions};

use crate::harness::{Scene, hidden};

fn named(name: &str) -> Options {
    Options::new().set("collection", name)
}

/// What is offered while a collection's name is typed.
async fn offered(scene: &Scene, typed: &str) -> Vec<String> {
    let choices = scene.alice.autocomplete(&scene.news, "/collection show", (), "collection", typed).await;
    choices.unwrap().into_iter().map(|choice| choice.name).collect()
}

#[tokio::test]
async fn a_collection_is_made_filled_shown_changed_and_deleted() {
    let scene = Scene::new().await;
    let none = scene.run("/collection list", ()).await;
    assert!(none.text().contains("/collection create"), "{}", none.text());
    let options = Options::new().set("name", "Town *news*").set("description", "What the town says");
    let made = scene.run("/collection create", options).await.text();
    assert_eq!(
        made,
        "The collection **Town \\*news\\*** is ready, and has no channels yet. Add some with `/collection add`."
    );
    let add = || named("town *NEWS*").set("channel", &scene.releases);
    let added = scene.run("/collection add", add()).await.text();
    assert!(added.starts_with(&format!("{} is now in the collection", scene.releases.mention())), "{added}");
    let again = scene.run("/collection add", add()).await.text();
    assert!(again.contains("is already in the collection"), "{again}");
    let quay = scene.harbour.text("quay");
    let linked = named("Town *news*").set("link", quay.link());
    scene.run("/collection add", linked).await;

    let shown = scene.run("/collection show", named("Town *news*")).await.text();
    for part in ["What the town says", "2 channels · followed by nobody", &quay.mention()] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let edit = named("Town *news*").set("name", "Quays").set("description", "-").set("open", true);
    let edited = scene.run("/collection edit", edit).await.text();
    assert!(edited.starts_with("The collection is now **Quays**.\nOpen: "), "{edited}");
    let listed = scene.run("/collection list", ()).await.text();
    assert!(listed.contains("**Quays** · 2 channels · followed by nobody"), "{listed}");
    assert_eq!(offered(&scene, "QUA").await, ["Quays"]);
    assert!(offered(&scene, "town").await.is_empty());

    let removed = scene.run("/collection remove", named("quays").set("channel", &quay)).await.text();
    assert!(removed.contains("is no longer in the collection"), "{removed}");
    let not_there = scene.refused("/collection remove", named("quays").set("channel", &quay)).await;
    assert!(not_there.contains("isn't in this collection"), "{not_there}");
    let deleted = scene.run("/collection delete", named("Quays")).await.text();
    assert!(deleted.contains("is deleted"), "{deleted}");
    assert_eq!(scene.count("collection_channels").await, 0);
    let gone = scene.refused("/collection show", named("Quays")).await;
    assert!(gone.contains("can't find that collection"), "{gone}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let scene = Scene::new().await;
    scene.run("/collection create", Options::new().set("name", "One")).await;
    for (command, options, told) in [
        ("/collection create", Options::new().set("name", "ONE"), "already has a collection of that name"),
        ("/collection create", Options::new().set("name", " \u{200b} "), "1 to 50 characters"),
        ("/collection add", named("One"), "Choose it with `channel`"),
        ("/collection add", named("One").set("link", "nowhere"), "not a channel link"),
        ("/collection add", named("Two").set("channel", &scene.news), "can't find that collection"),
        ("/collection add", named("One").set("link", "123456789012345678"), "can't find that channel"),
        ("/collection edit", named("Two").set("name", "x"), "can't find that collection"),
    ] {
        let text = scene.refused(command, options).await;
        assert!(text.contains(told), "{command}: {text}");
    }
}

/// Who may not manage channels learns nothing, not even which names are taken.
#[tokio::test]
async fn members_are_refused_and_are_offered_nothing() {
    let scene = Scene::new().await;
    scene.run("/collection create", Options::new().set("name", "One")).await;
    let max = scene.harbour.member("Max", Permissions::empty());
    assert!(hidden(max.run(&scene.news, "/collection list", ()).await));
    for command in ["/collection show", "/collection delete"] {
        let there = scene.refused_for(&max, &scene.news, command, named("One")).await;
        let missing = scene.refused_for(&max, &scene.news, command, named("Two")).await;
        assert_eq!(there, missing, "{command}");
        assert!(there.contains("You need"), "{there}");
    }
    let offered = max.autocomplete(&scene.news, "/collection show", (), "collection", "").await;
    assert!(offered.is_err() || offered.is_ok_and(|choices| choices.is_empty()));
}
