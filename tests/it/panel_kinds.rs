//! The kinds of panel as people use them: created, pressed, filled in; and what each of them reads outside
//! Discord.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::net::UdpSocket;
use tributary_sandbox::{Options, Permissions, Person, Reply, SeenMessage};

use crate::harness::{Board, SOON, admin};

/// A board whose server may see the bot's machine.
async fn watched() -> Board {
    let mut board = Board::new().await;
    board.stop().await;
    let harbour = board.harbour.id().to_string();
    board.world.set("PANEL_MONITORING_GUILDS", harbour);
    board.start().await;
    board
}

/// Alice creates a panel through its form.
async fn make(board: &Board, kind: &str, fields: &[(&str, &str)]) {
    let form = board.run("/panel create", Options::new().set("kind", kind)).await;
    let made = form.submit(fields).await.expect("an answer");
    assert!(made.text().contains("is posted in"), "{}", made.text());
}

/// Somebody who may read but not manage.
fn visitor(board: &Board) -> Person {
    board.harbour.member("Bob", Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY)
}

async fn press(board: &Board, message: &SeenMessage, button: &str) -> Reply {
    let pressed = board.alice.press(&board.board, message.id, button).await;
    pressed.unwrap_or_else(|error| panic!("{button}: {error}"))
}

async fn select(board: &Board, message: &SeenMessage, menu: &str, value: &str) -> Reply {
    let chosen = board.alice.select(&board.board, message.id, menu, &[value]).await;
    chosen.unwrap_or_else(|error| panic!("{menu}: {error}"))
}

/// The chart of a message, a whole PNG.
fn chart(message: &SeenMessage) -> Vec<u8> {
    let [file] = &message.attachments[..] else { panic!("one file: {:?}", message.attachments) };
    assert!(
        file.filename == "chart.png" && file.description.as_deref().is_some_and(|alt| alt.contains("chart"))
    );
    let info = png::Decoder::new(std::io::Cursor::new(&file.bytes)).read_info().expect("a PNG");
    assert_eq!(info.info().size(), (800, 320));
    let shown = message.embeds[0]["image"]["url"].as_str().unwrap_or_default();
    assert!(shown.contains("chart.png"), "the embed shows it: {}", message.embeds[0]);
    file.bytes.clone()
}

#[tokio::test]
async fn the_machine_is_shown_where_the_operator_allows_it() {
    let board = Board::new().await;
    let refused = board.run("/panel create", Options::new().set("kind", "monitoring")).await;
    assert!(refused.text().contains("`PANEL_MONITORING_GUILDS`"), "{}", refused.text());
    assert!(refused.text().contains(&board.harbour.id().to_string()), "{}", refused.text());

    let board = watched().await;
    let made = board.run("/panel create", Options::new().set("kind", "monitoring")).await;
    assert!(made.text().contains("is posted in"), "{}", made.text());
    let panel = board.shows(&board.board, "Running since").await;
    for field in ["CPU", "Memory", "Disk", "Load", "Network"] {
        assert!(panel.text().contains(field), "{}", panel.text());
    }
    let day = chart(&panel);
    let mirror = board.shows(&board.news, "Running since").await;
    assert_eq!(chart(&mirror), day, "mirrors have the picture too");

    for (button, expected) in [
        ("CPU", "Each core"),
        ("Memory", "Swap"),
        ("Disks", " of "),
        ("Network", "Network"),
        ("Processes", "Busiest"),
    ] {
        let detail = press(&board, &panel, button).await;
        assert!(detail.is_ephemeral() && detail.text().contains(expected), "{button}: {}", detail.text());
        let pictured = detail.message().is_some_and(|message| !message.attachments.is_empty());
        assert_eq!(pictured, !matches!(button, "Disks" | "Processes"), "{button}");
    }
}

#[tokio::test]
async fn a_charts_span_changes_for_all_or_for_who_may_only_look() {
    let board = watched().await;
    board.run("/panel create", Options::new().set("kind", "monitoring")).await;
    let panel = board.shows(&board.board, "Running since").await;
    let bob = visitor(&board);
    let menu = "How much time the chart shows";
    let alone = bob.select(&board.board, panel.id, menu, &["7d"]).await.expect("an answer");
    assert!(alone.is_ephemeral() && alone.text().contains("Running since"), "{}", alone.text());
    let week = chart(&alone.message().expect("an answer"));
    assert_ne!(week, chart(&panel));
    board.settled().await;
    assert_eq!(chart(&board.shows(&board.board, "Running since").await), chart(&panel), "only for him");

    let changed = select(&board, &panel, menu, "7d").await;
    assert!(changed.text().contains("last 7 days"), "{}", changed.text());
    let is_week = |message: &SeenMessage| {
        message
            .attachments
            .iter()
            .any(|file| file.description.as_deref().is_some_and(|alt| alt.contains("7 days")))
    };
    board.board.wait_for_message(SOON, is_week).await.expect("the panel changes");
    board.news.wait_for_message(SOON, is_week).await.expect("and its mirror");
}

#[tokio::test]
async fn the_machine_is_not_shown_to_other_servers_through_mirrors() {
    let board = watched().await;
    let island = board.world.sandbox.create_guild("Island");
    let (docks, zoe) = (island.text("docks"), admin(&island, "Zoe"));
    board.harbour.join(&zoe, Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    let open = Options::new().set("channel", &board.board).set("audience", "servers");
    board.run("/publish", open).await;
    board.run("/panel create", Options::new().set("kind", "monitoring")).await;
    board.shows(&board.board, "Running since").await;
    let follow = Options::new().set("link", board.board.link()).set("delivery", "relay");
    let followed = zoe.run(&docks, "/follow", follow).await.expect("an answer");
    assert!(followed.text().contains("now follows"), "{}", followed.text());
    let mirror = board.shows(&docks, "shows this panel in chosen servers only").await;
    assert!(mirror.attachments.is_empty() && mirror.components.is_empty(), "{}", mirror.text());
    assert!(!docks.render_text().contains("Memory"), "{}", docks.render_text());
}

const TASKS: &str = "Open a task: advance, edit or remove it";

#[tokio::test]
async fn a_project_is_kept_under_its_panel() {
    let board = Board::new().await;
    make(&board, "project", &[("lists", "Launch\nWebsite")]).await;
    let empty = board.shows(&board.board, "There are no tasks yet").await;

    let form = press(&board, &empty, "Add task").await;
    let task = [("name", "Write *news*"), ("list", "launch"), ("person", "Ada"), ("due", "in 2 weeks")];
    let added = form.submit(&task).await.expect("an answer");
    assert!(added.is_ephemeral() && added.text().contains("Added"), "{}", added.text());
    let panel = board.shows(&board.board, "⬜ Write \\*news\\* · Ada · due <t:").await;
    board.shows(&board.news, "0 of 1 done").await;
    let wrong = press(&board, &panel, "Add task").await;
    let refused = wrong.submit(&[("name", "X"), ("due", "someday")]).await.expect("an answer");
    assert!(refused.text().contains("can't read this day"), "{}", refused.text());
    let form = press(&board, &panel, "Add task").await;
    form.submit(&[("name", "Domain"), ("list", "Website"), ("state", "blocked")]).await.expect("an answer");
    let panel = board.shows(&board.board, "⛔ Domain").await;

    let card = select(&board, &panel, TASKS, "3").await;
    assert!(card.is_ephemeral() && card.text().contains("Assignee"), "{}", card.text());
    let begun = card.press("Begin").await.expect("an answer");
    assert!(begun.text().contains("in progress now"), "{}", begun.text());
    board.shows(&board.board, "🔵 Write").await;
    let card = select(&board, &panel, TASKS, "3").await;
    let form = card.press("Edit").await.expect("a form");
    let edited = form.submit(&[("name", "Write the news"), ("state", "done")]).await.expect("an answer");
    assert!(edited.text().contains("Changed"), "{}", edited.text());
    board.shows(&board.board, "✅ ~~Write the news~~").await;
    board.shows(&board.news, "**1 of 2 done**").await;

    let filtered = select(&board, &panel, "Which tasks", "open").await;
    assert!(filtered.text().contains("shows open tasks from now on"), "{}", filtered.text());
    board.shows(&board.board, "-# Open tasks · by state").await;
    let sorted = select(&board, &panel, "In which order", "due").await;
    assert!(sorted.text().contains("by due date"), "{}", sorted.text());
    let panel = board.shows(&board.board, "-# Open tasks · by due date").await;
    assert!(!panel.text().contains("Write the news"), "{}", panel.text());

    let card = select(&board, &panel, TASKS, "4").await;
    let form = card.press("Remove").await.expect("a form");
    let removed = form.submit(&[]).await.expect("an answer");
    assert!(removed.text().contains("Removed \u{201c}Domain\u{201d}"), "{}", removed.text());
    board.shows(&board.board, "Nothing to show").await;
    assert!(
        board.board.message_count() == 1 && board.news.message_count() == 1,
        "the same messages throughout"
    );
}

#[tokio::test]
async fn who_may_not_manage_a_project_looks_at_it_alone() {
    let board = Board::new().await;
    make(&board, "project", &[("lists", "Tasks")]).await;
    let panel = board.shows(&board.board, "There are no tasks yet").await;
    press(&board, &panel, "Add task").await.submit(&[("name", "Paint")]).await.expect("an answer");
    let panel = board.shows(&board.board, "⬜ Paint").await;

    let bob = visitor(&board);
    let choose = async |menu, value: &str| {
        bob.select(&board.board, panel.id, menu, &[value]).await.expect("an answer")
    };
    let alone = choose("Which tasks", "Done").await;
    assert!(alone.is_ephemeral() && alone.text().contains("Nothing to show"), "{}", alone.text());
    let card = choose(TASKS, "2").await;
    let refused = card.press("Begin").await.expect("an answer");
    assert!(refused.text().contains("Manage Channels"), "{}", refused.text());
    let form = bob.press(&board.board, panel.id, "Add task").await.expect("a form");
    let refused = form.submit(&[("name", "Sneak in")]).await.expect("an answer");
    assert!(refused.text().contains("Manage Channels"), "{}", refused.text());
    board.settled().await;
    assert!(board.shows(&board.board, "⬜ Paint").await.text().contains("0 of 1 done"));
}

/// A server with Valve's protocol (<https://developer.valvesoftware.com/wiki/Server_queries>) and this many
/// players, unless that is zero.
struct GameServer {
    port: u16,
    players: Arc<AtomicU8>,
}

impl GameServer {
    async fn start(players: u8) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let port = socket.local_addr().expect("it is bound").port();
        let players = Arc::new(AtomicU8::new(players));
        let playing = Arc::clone(&players);
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let playing = playing.load(Ordering::SeqCst);
                let answer = match buffer[..length].get(4) {
                    _ if playing == 0 => continue,
                    Some(b'T') => {
                        let name = b"\xff\xff\xff\xffI\x11The *Range*\0de_dust2\0csgo\0Game\0";
                        [
                            name.as_slice(),
                            &730_u16.to_le_bytes(),
                            &[playing, 16, 0, b'd', b'l', 0, 1],
                            b"1.40\0\0",
                        ]
                        .concat()
                    }
                    Some(b'U') => b"\xff\xff\xff\xffD\x01\0Ada\0\x05\0\0\0\0\0\x80?".to_vec(),
                    _ => continue,
                };
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self { port, players }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

const SERVERS: &str = "See a server's players, version and last day";

#[tokio::test]
async fn game_servers_are_added_looked_at_and_removed() {
    let board = Board::with(&[("PANEL_PRIVATE_ADDRESSES", "true")]).await;
    let (range, other) = (GameServer::start(7).await, GameServer::start(1).await);
    make(&board, "gamehub", &[]).await;
    let empty = board.shows(&board.board, "There are no game servers yet").await;

    let form = press(&board, &empty, "Add server").await;
    let fields = [("game", "chess"), ("address", &*range.address())];
    let refused = form.submit(&fields).await.expect("an answer");
    assert!(refused.text().contains("I don't know the game `chess`"), "{}", refused.text());
    let form = press(&board, &empty, "Add server").await;
    let fields = [("game", "Counter-Strike 2"), ("address", &*range.address())];
    let added = form.submit(&fields).await.expect("an answer");
    assert!(added.text().contains("Added"), "{}", added.text());
    let panel = board.shows(&board.board, "🟢 The \\*Range\\*").await;
    for expected in
        ["**1 of 1 up** · **7** playing", "**7** / 16 playing", "de\\_dust2", "Counter-Strike 2 · "]
    {
        assert!(panel.text().contains(expected), "{expected}: {}", panel.text());
    }
    let after = panel.text().split("Counter-Strike 2 · ").nth(1).unwrap_or_default().to_owned();
    let answered_in = after.split(" ms").next().and_then(|number| number.parse::<u64>().ok());
    assert!(answered_in.is_some(), "it says how long the server took: {after}");
    board.shows(&board.news, "🟢 The").await;

    let lines = format!("cs2 | {}\ncs2 | {} | Another", range.address(), other.address());
    let form = board.run("/panel edit", Options::new().set("panel", "Game servers")).await;
    let changed = form.submit(&[("servers", &lines)]).await.expect("an answer");
    assert!(changed.text().contains("is changed"), "{}", changed.text());
    let panel = board.shows(&board.board, "**2 of 2 up** · **8** playing").await;

    let details = select(&board, &panel, SERVERS, "1").await;
    assert!(details.is_ephemeral(), "{}", details.text());
    for expected in ["Version", "1.40", "Playing", "Ada"] {
        assert!(details.text().contains(expected), "{expected}: {}", details.text());
    }
    chart(&details.message().expect("an answer"));
    let form = details.press("Remove").await.expect("a form");
    let removed = form.submit(&[]).await.expect("an answer");
    assert!(removed.text().contains("Removed"), "{}", removed.text());
    let panel = board.shows(&board.board, "**1 of 1 up** · **1** playing").await;

    let form = press(&board, &panel, "Remove server").await;
    let removed = form.submit(&[("server", "another")]).await.expect("an answer");
    assert!(removed.text().contains("Removed **Another**"), "{}", removed.text());
    board.shows(&board.board, "There are no game servers yet").await;
}

#[tokio::test]
async fn a_game_server_that_goes_down_says_when_it_was_up() {
    let board = Board::with(&[("PANEL_PRIVATE_ADDRESSES", "true")]).await;
    let range = GameServer::start(7).await;
    make(&board, "gamehub", &[("servers", &format!("cs2 | {} | Range", range.address()))]).await;
    board.shows(&board.board, "**7** / 16 playing").await;

    range.players.store(0, Ordering::SeqCst);
    // An answer is reused for ten seconds.
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    board.run("/panel refresh", Options::new().set("panel", "Game servers")).await;
    let down = board.shows(&board.board, "🔴 Range").await;
    for expected in ["It does not answer.", "last up <t:", "7 playing", "**0 of 1 up**"] {
        assert!(down.text().contains(expected), "{expected}: {}", down.text());
    }
    board.shows(&board.news, "🔴 Range").await;
    range.players.store(3, Ordering::SeqCst);
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let panel = board.shows(&board.board, "🔴 Range").await;
    board.alice.press_only(&board.board, panel.id, "Refresh").await.expect("it is acknowledged");
    board.shows(&board.board, "🟢 Range").await;
}

#[tokio::test]
async fn private_game_servers_are_refused_unless_the_operator_allows_them() {
    let board = Board::new().await;
    let range = GameServer::start(7).await;
    make(&board, "gamehub", &[]).await;
    let panel = board.shows(&board.board, "There are no game servers yet").await;
    for (address, why) in [
        (range.address(), "Private addresses are asked only if my operator allows it"),
        ("169.254.169.254".to_owned(), "No server can have this address"),
        ("203.0.114.1:22".to_owned(), "between 1024 and 65535"),
    ] {
        let form = press(&board, &panel, "Add server").await;
        let refused = form.submit(&[("game", "cs2"), ("address", &address)]).await.expect("an answer");
        assert!(refused.text().contains(why), "{address}: {}", refused.text());
    }
    // A name is looked up when the panel is drawn.
    let form = press(&board, &panel, "Add server").await;
    let local = format!("localhost:{}", range.port);
    form.submit(&[("game", "cs2"), ("address", &local)]).await.expect("an answer");
    let refused = board.shows(&board.board, "⚠️ localhost").await;
    assert!(
        refused.text().contains("Private addresses are asked only if my operator allows it"),
        "{}",
        refused.text()
    );
}
