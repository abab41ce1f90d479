//! However a follow ends, the panels that it showed are removed with it, and until then their buttons show
//! nothing.

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Options, Permissions, Person};

use crate::harness::{Board, SOON, admin, choice};

/// How the follow ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Removed,
    ClosedToOthers,
    SourceHidden,
    SourceDeleted,
    AgeRestricted,
}

/// `#beach` of Island follows `#board` of Harbour, which was opened to other servers.
struct Abroad {
    board: Board,
    beach: Channel,
    carol: Person,
}

impl Abroad {
    async fn new() -> Self {
        let board = Board::new().await;
        let audience = Options::new().set("channel", &board.board).set("audience", "servers");
        board.run("/publish", audience).await;
        let island = board.world.sandbox.create_guild("Island");
        let (beach, carol) = (island.text("beach"), admin(&island, "Carol"));
        let link = Options::new().set("link", board.board.link()).set("delivery", "relay");
        let reply = carol.run(&beach, "/follow", link).await.expect("an answer");
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        Self { board, beach, carol }
    }

    async fn end(&self, end: End) {
        let Board { board, harbour, .. } = &self.board;
        match end {
            End::Removed => {
                let list = self.carol.run(&self.beach, "/follows", ()).await.expect("the list");
                let (menu, choice) = choice(&list, "remove");
                list.select(&menu, &[&choice]).await.expect("an answer");
                return self.gone("SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows", "1").await;
            }
            End::ClosedToOthers => {
                let nobody = Options::new().set("channel", board).set("audience", "nobody");
                self.board.run("/publish", nobody).await;
            }
            End::SourceHidden => harbour.deny_bot(board, Permissions::VIEW_CHANNEL),
            End::SourceDeleted => board.delete().expect("it exists"),
            End::AgeRestricted => board.set_age_restricted(true).expect("it can be"),
        }
        let broken = format!(
            "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL AND target_channel_id = {}",
            self.beach.id()
        );
        self.gone(&broken, "1").await;
    }

    async fn gone(&self, query: &str, value: &str) {
        self.board.world.database.eventually(query, value).await;
    }
}

#[rstest]
#[case(End::Removed)]
#[case(End::ClosedToOthers)]
#[case(End::SourceHidden)]
#[case(End::SourceDeleted)]
#[case(End::AgeRestricted)]
#[tokio::test]
async fn a_follow_that_ends_takes_its_panels_along(#[case] end: End) {
    let abroad = Abroad::new().await;
    let board = &abroad.board;
    let form = board.run("/panel create", Options::new().set("kind", "welcome")).await;
    form.submit(&[("title", "Ahoy!"), ("text", "Welcome aboard.")]).await.expect("an answer");
    let mirror = board.shows(&abroad.beach, "Welcome aboard.").await;
    let press = async || abroad.carol.press(&abroad.beach, mirror.id, "About this server").await;
    assert!(press().await.expect("an answer").text().contains("Members"));
    board.settled().await;

    // Discord is slow to delete it.
    let away = Fault::on("DELETE", "/webhooks/*/*/messages/*", Effect::Status(503)).forever();
    let away = board.world.sandbox.fault(away);
    abroad.end(end).await;
    let said = press().await.expect("an answer").text();
    assert!(!said.contains("Members") && !said.contains("Harbour"), "{end:?}: {said}");
    board.world.sandbox.clear_fault(away);
    board.is_empty(&abroad.beach).await;
    let gone = |all: &[tributary_sandbox::SeenMessage]| all.iter().all(|one| one.id != mirror.id);
    abroad.beach.wait_for_messages(SOON, gone).await.expect("it goes");
}
