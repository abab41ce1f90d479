//! The operator's figures: numbers, for the operator; for everybody else, nothing is there.

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::Permissions;

use super::Site;
use crate::harness::{Backend, World};

const PATHS: [&str; 5] = ["health", "lanes", "limits", "processes", "servers"];

fn path(name: &str) -> String {
    format!("/api/v1/operator/{name}")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_owner_of_the_application_reads_numbers(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let releases = site.harbour.text("releases");
    crate::harness::follow(&site.alice, &releases, &site.news).await;
    let owner = site.world.sandbox.app_owner();
    site.harbour.join(&owner, Permissions::empty());
    let browser = site.signed_in_as(&owner, &site.news).await;
    let program = site.program_with(&browser, json!({ "name": "x", "scopes": ["operator:read"] })).await;
    let mut figures = serde_json::Map::new();
    for name in PATHS {
        let answer = program.get(&path(name)).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        assert_eq!(browser.get(&path(name)).await.status, 200, "{name} in a browser");
        assert_eq!(answer.header("cache-control"), "no-store");
        for never in
            ["Harbour", "news", &site.harbour.id().to_string(), &site.alice.id().to_string(), "127.0.0.1"]
        {
            assert!(!answer.text.contains(never), "{name} tells {never}: {}", answer.text);
        }
        figures.insert(name.to_owned(), answer.body());
    }
    let serving = figures["processes"]["servingSince"].take();
    assert!(serving.as_str().unwrap().ends_with('Z'), "{serving}");
    let health = figures.remove("health").unwrap();
    assert_eq!(
        (&health["ready"], &health["database"], &health["gateway"]),
        (&json!(true), &json!("up"), &json!("up"))
    );
    assert_eq!((&health["role"], &health["version"]), (&json!("all"), &json!(env!("CARGO_PKG_VERSION"))));
    let expected = json!({
        "lanes": { "openDeliveries": 0, "openLanes": 0, "deepestLane": 0, "failingLanes": 0 },
        "limits": {
            "invalidRequests": figures["limits"]["invalidRequests"], "mostInvalidRequests": figures["limits"]["mostInvalidRequests"],
            "pausedForSeconds": null, "followActionsPerHour": 100, "panelsPerServer": 50,
            "followsPerTarget": 500, "followsPerSource": 100_000, "followsPerServer": 10_000,
        },
        "processes": { "processes": 1, "firstShard": 0, "lastShard": 0, "totalShards": 1, "servingSince": null },
        "servers": { "servers": 1, "blockedServers": 0, "activeFollows": 1, "pausedFollows": 0, "brokenFollows": 0 },
    });
    assert_eq!(Value::Object(figures), expected);
}

#[tokio::test]
async fn for_everybody_else_there_is_nothing() {
    let site = Site::new().await;
    let owner = site.world.sandbox.app_owner();
    site.harbour.join(&owner, Permissions::empty());
    let (owners, alices) = (site.signed_in_as(&owner, &site.news).await, site.signed_in().await);
    let scopes = json!({ "name": "x", "scopes": ["operator:read"] });
    let alice = site.program_with(&alices, scopes).await;
    let without = site.program_with(&alices, json!({ "name": "x", "scopes": ["servers:read"] })).await;
    let server = site.harbour.id().to_string();
    let bound = json!({ "name": "x", "scopes": ["operator:read"], "serverId": server });
    let bound = site.program_with(&owners, bound).await;
    for name in PATHS {
        let missing = alice.get(&path("none")).await.told();
        assert_eq!((missing.0, &missing.1["code"]), (404, &json!("not_found")));
        for (who, answer) in [
            ("a guest", site.browser().get(&path(name)).await),
            ("a person", alices.get(&path(name)).await),
            ("a program", alice.get(&path(name)).await),
            ("a program without the scope", without.get(&path(name)).await),
            ("the owner's, for one server", bound.get(&path(name)).await),
        ] {
            assert_eq!(answer.told(), missing, "{who}: {name}");
        }
        // The operator is told what their token lacks.
        let other = json!({ "name": "x", "scopes": ["servers:read"] });
        let lacks = site.program_with(&owners, other).await.get(&path(name)).await;
        assert_eq!(lacks.problem(), (403, "insufficient_scope".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn the_setting_names_the_operators() {
    let world = World::new().await;
    let office = world.sandbox.create_guild("Office");
    let desk = office.text("desk");
    let (olga, owner) = (office.member("Olga", Permissions::empty()), world.sandbox.app_owner());
    office.join(&owner, Permissions::empty());
    let site = Site::of(world, &[("OPERATORS", &format!(" 7,{} ", olga.id()))]).await;
    let status = async |person| site.signed_in_as(person, &desk).await.get(&path("lanes")).await.status;
    assert_eq!((status(&olga).await, status(&owner).await), (200, 404));
}
