//! Fake servers on loopback, asked as real ones are.

use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;

fn guild() -> crate::domain::ids::GuildId {
    crate::domain::ids::GuildId::new(7).unwrap()
}

/// Asks a server on this machine, which is allowed.
async fn ask(game: &str, port: u16) -> Result<GameStatus, GameError> {
    let games = GameClient { patience: Duration::from_millis(300), ..GameClient::new(true) };
    games.ask(guild(), &query(game, port)).await
}

fn query(game: &str, port: u16) -> GameQuery {
    GameQuery { game: game.to_owned(), address: Address::parse(&format!("127.0.0.1:{port}"), 1).unwrap() }
}

/// A server that takes one connection.
async fn tcp<F: Future<Output = ()> + Send>(
    serve: impl FnOnce(tokio::net::TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    port
}

/// A server that answers each datagram with these.
async fn udp(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for datagram in answer(&buffer[..length]) {
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    port
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        bytes.push(if value > 0 { byte | 0x80 } else { byte });
        if value == 0 {
            return bytes;
        }
    }
}

/// A Minecraft server's answer.
fn java(json: &str) -> Vec<u8> {
    let packet = [vec![0], varint(json.len()), json.as_bytes().to_vec()].concat();
    [varint(packet.len()), packet].concat()
}

const JAVA: &str = r#"{"version":{"name":"1.21.4","protocol":769},"players":{"max":20,"online":2,
    "sample":[{"name":"Ada","id":"1"},{"name":"Bob_*","id":"2"}]},
    "description":{"text":"§aThe ","extra":[{"text":"Harbour"}]},"favicon":"data:image/png;base64,AAAA"}"#;

#[tokio::test]
async fn a_minecraft_server_tells_who_plays() {
    // Like real ones, it waits for the handshake, answers, and leaves the connection open.
    let port = tcp(async |mut stream| {
        let mut asked = Vec::new();
        while !asked.windows(9).any(|part| part == b"127.0.0.1") {
            assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
        }
        let answer = java(JAVA);
        let (first, rest) = answer.split_at(7);
        stream.write_all(first).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(rest).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    })
    .await;
    let status = ask("minecraft", port).await.unwrap();
    assert_eq!((status.name.as_str(), status.version.as_str()), ("The Harbour", "1.21.4"));
    assert_eq!((status.players, status.most), (2, 20));
    assert_eq!(status.names, ["Ada", "Bob_*"]);
    assert!(status.latency > 0 && status.latency < 300);
}

/// Valve's A2S protocol (<https://developer.valvesoftware.com/wiki/Server_queries>), with the challenge that
/// servers of today begin with.
fn a2s(app: u16) -> impl Fn(&[u8]) -> Vec<Vec<u8>> {
    const CHALLENGE: &[u8] = &[1, 2, 3, 4];
    let packet = |parts: &[&[u8]]| vec![[&[0xff; 4], parts.concat().as_slice()].concat()];
    move |asked| match asked.get(4) {
        _ if !asked.ends_with(CHALLENGE) => packet(&[b"A", CHALLENGE]),
        Some(b'T') => packet(&[
            b"I\x11Harbour #1\0de_dust2\0csgo\0Counter-Strike 2\0",
            &app.to_le_bytes(),
            &[2, 16, 0, b'd', b'l', 0, 1],
            b"1.40.1\0\0",
        ]),
        Some(b'U') => packet(&[b"D\x02\0Ada\0\x05\0\0\0\0\0\x80?\0Bob\0\0\0\0\0\0\0\0@"]),
        _ => Vec::new(),
    }
}

/// A server of Valve's game of this number, with two players.
pub(in crate::panel::sources) async fn valve_server(app: u16) -> u16 {
    udp(a2s(app)).await
}

#[tokio::test]
async fn a_valve_server_tells_its_map() {
    let port = valve_server(730).await;
    let status = ask("counterstrike2", port).await.unwrap();
    assert_eq!(
        (status.name.as_str(), status.map.as_str(), status.version.as_str()),
        ("Harbour #1", "de_dust2", "1.40.1")
    );
    assert_eq!((status.players, status.most), (2, 16));
    assert_eq!(status.names, ["Ada", "Bob"]);
}

#[tokio::test]
async fn another_game_is_said_to_be_one() {
    let port = valve_server(440).await;
    assert_eq!(ask("counterstrike2", port).await, Err(GameError::OtherGame));
    assert!(ask("teamfortress2", port).await.is_ok());
}

#[tokio::test]
async fn a_bedrock_server_answers_a_ping() {
    let port = udp(|asked| {
        let text = "MCPE;Dedicated Server;766;1.21.50;3;10;13253860892328930865;Bedrock level;Survival;1;19132;19133;";
        let magic = [0, 0xff, 0xff, 0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78];
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        let ping: &[u8] = &[[0x1c].as_slice(), &asked[1..9], &[0; 8], &magic, &length, text.as_bytes()].concat();
        vec![ping.to_vec()]
    })
    .await;
    let status = ask("bedrock", port).await.unwrap();
    assert_eq!((status.name.as_str(), status.version.as_str()), ("Dedicated Server", "1.21.50"));
    assert_eq!((status.players, status.most), (3, 10));
}

#[tokio::test]
async fn servers_that_are_not_there_are_down() {
    let silent = udp(|_| Vec::new()).await;
    assert_eq!(ask("valheim", silent).await, Err(GameError::Silent));
    let (udp_port, tcp_port) = {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (udp.local_addr().unwrap().port(), tcp.local_addr().unwrap().port())
    };
    assert_eq!(ask("valheim", udp_port).await, Err(GameError::Refused));
    assert_eq!(ask("minecraft", tcp_port).await, Err(GameError::Refused));
    let mute = tcp(async |_stream| std::future::pending().await).await;
    assert_eq!(ask("minecraft", mute).await, Err(GameError::Silent));
}

#[tokio::test]
async fn hostile_servers_end_in_time() {
    let began = Instant::now();
    // A text that is said to be 2 GiB long, and one of a negative length.
    for length in [&[0xff, 0xff, 0xff, 0xff, 0x07][..], &[0xff, 0xff, 0xff, 0xff, 0x0f]] {
        let packet = [&[0], length].concat();
        let port = tcp(async move |mut stream| {
            stream.write_all(&[varint(packet.len()), packet].concat()).await.unwrap();
            std::future::pending().await
        })
        .await;
        assert!(ask("minecraft", port).await.is_err());
    }
    // Bytes without an end.
    let endless = tcp(async |mut stream| while stream.write_all(&[b' '; 4096]).await.is_ok() {}).await;
    // Cut off by its size, or, where it is slow, by the time.
    let cut_off = ask("minecraftlegacy16", endless).await;
    assert!(matches!(cut_off, Err(GameError::Garbled | GameError::Silent)), "{cut_off:?}");
    let dripping = tcp(async |mut stream| {
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(ask("minecraftlegacy16", dripping).await.is_err());
    // Challenges without an end, and an answer that unpacks to 4 GiB.
    let challenging = udp(|_| vec![b"\xff\xff\xff\xffA1234".to_vec()]).await;
    assert!(ask("valheim", challenging).await.is_err());
    let packed =
        udp(|_| vec![b"\xfe\xff\xff\xff\x00\x00\x00\x80\x01\x00\x00\x04\xff\xff\xff\xff0000BZh9".to_vec()])
            .await;
    assert!(ask("valheim", packed).await.is_err());
    // An answer in no parts, at which the library panics.
    let partless = udp(|_| vec![b"\xfe\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x04".to_vec()]).await;
    assert!(ask("valheim", partless).await.is_err());
    // Seven servers, and three seconds for each.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_several_want_is_asked_once() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let answer = a2s(10);
    let port = udp(move |question| {
        counted.fetch_add(usize::from(question.get(4) == Some(&b'T')), std::sync::atomic::Ordering::SeqCst);
        answer(question)
    })
    .await;
    let games = GameClient::new(true);
    let query = query("counterstrike", port);
    let answers = futures_util::future::join_all((0..20).map(|_| games.ask(guild(), &query))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    // The question, and the one with the challenge.
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_they_are_allowed() {
    let games = GameClient::new(false);
    assert_eq!(games.ask(guild(), &query("valheim", 27015)).await, Err(GameError::Private));
    let metadata = GameQuery {
        game: "minecraft".to_owned(),
        address: Address::parse("169.254.169.254", 25565).unwrap(),
    };
    assert_eq!(games.ask(guild(), &metadata).await, Err(GameError::Never));
    let games = GameClient::new(true);
    assert_eq!(games.ask(guild(), &metadata).await, Err(GameError::Never));
    assert_eq!(games.ask(guild(), &query("chess", 27015)).await, Err(GameError::UnknownGame));
}

/// Datagrams that begin as some protocol's do, and go on as they like.
fn any_datagrams() -> impl proptest::strategy::Strategy<Value = Vec<Vec<u8>>> {
    use proptest::prelude::*;
    let beginnings: &[&[u8]] = &[
        b"",
        b"\xff\xff\xff\xffI\x11",
        b"\xff\xff\xff\xffm",
        b"\xff\xff\xff\xffD\xff",
        b"\xff\xff\xff\xffstatusResponse\n\\",
        b"\xfe\xff\xff\xff\x01\x00\x00\x00",
        b"\x00\x00\x00\x00\x00",
        b"\\gamename\\x\\final\\",
        b"\x80\x00\x00\x00",
        b"splitnum\x00\x80\x00",
    ];
    let datagram = (prop::sample::select(beginnings.to_vec()), prop::collection::vec(any::<u8>(), 0..300));
    prop::collection::vec(datagram.prop_map(|(begins, rest)| [begins, &rest].concat()), 1..4)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn any_answer_is_survived(datagrams in any_datagrams(), game in proptest::sample::select(Game::all())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let port = udp(move |_| datagrams.clone()).await;
            let games = GameClient { patience: Duration::from_millis(40), ..GameClient::new(true) };
            let began = Instant::now();
            let _ = games.ask(guild(), &query(game.key(), port)).await;
            assert!(began.elapsed() < Duration::from_secs(10), "{game:?}");
        });
    }
}

#[tokio::test]
async fn so_many_answers_are_kept() {
    let games = GameClient::new(true);
    let game = Game::find("minecraft").unwrap();
    let server = |n: usize| SocketAddr::from(([127, 0, 0, 1], u16::try_from(n).unwrap()));
    for n in 1..=MOST + 1 {
        *games.entry(server(n), game).lock().await = Some((Instant::now(), Err(GameError::Silent)));
    }
    let answered = async |n| games.entry(server(n), game).lock().await.is_some();
    assert!(answered(MOST + 1).await && answered(2).await && !answered(1).await);
}
