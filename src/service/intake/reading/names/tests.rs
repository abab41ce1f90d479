use serde_json::{Value, json};

use crate::domain::ids::ChannelId;

use super::*;

fn guild() -> GuildId {
    GuildId::new(9).unwrap()
}

fn person(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn message(fields: Value) -> Message {
    let mut message = json!({"id": "1", "channel_id": "2", "author": {"id": "50", "bot": true}});
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(message).unwrap()
}

/// What is shown of a bot's text, and which names are missing.
fn fill(book: &NameBook, text: &str, now: DateTime<Utc>) -> (Content, Result<(), Unnamed>) {
    let message = message(json!({"content": text}));
    let mut content = Content { text: text.to_owned(), ..Content::default() };
    let filled = book.fill(&message, &mut content, guild(), now);
    (content, filled)
}

#[test]
fn names_are_used_while_they_are_fresh() {
    let book = NameBook::default();
    let now = DateTime::UNIX_EPOCH;
    let unnamed = Unnamed { roles_and_channels: true, people: vec![] };
    assert_eq!(fill(&book, "see <#2>", now).1, Err(unnamed));
    let channels = [(ChannelId::new(2).unwrap(), "news".to_owned())].into();
    let names = Arc::new(Names { channels, ..Names::default() });
    book.book().keep(guild(), names, now);
    let (content, filled) = fill(&book, "see <#2>", now);
    assert!(filled.is_ok());
    assert_eq!(content.names.channels.values().next().map(String::as_str), Some("news"));
    assert!(fill(&book, "see <#2>", now + FRESH).1.is_err());
    assert!(fill(&book, "", now + FRESH).1.is_ok(), "nothing to name");
}

#[test]
fn so_many_servers_are_remembered() {
    let (book, now) = (NameBook::default(), DateTime::UNIX_EPOCH);
    let server = |id: usize| GuildId::new(u64::try_from(id).unwrap()).unwrap();
    (1..=SERVERS + 1).for_each(|id| book.book().keep(server(id), Arc::default(), now));
    let known = |id| book.book().servers.get(&server(id), now).is_some();
    assert_eq!([1, 2, SERVERS + 1].map(known), [false, true, true]);
}

#[test]
fn who_was_seen_needs_not_be_asked_for() {
    let book = NameBook::default();
    let now = DateTime::UNIX_EPOCH;
    let seen = message(json!({
        "author": {"id": "40", "username": "ada"}, "member": {"nick": "Countess"},
        "mentions": [{"id": "41", "username": "bob", "member": {}}, {"id": "42", "username": "cy"}],
    }));
    book.note(&seen, guild(), now);
    let (content, filled) = fill(&book, "<@40> <@41> <@42>", now);
    assert_eq!(filled, Err(Unnamed { roles_and_channels: false, people: vec![person(42)] }));
    let names: Vec<_> = content.names.people.values().map(String::as_str).collect();
    assert_eq!(names, ["Countess", "bob"]);
    book.remember(guild(), person(42), None, now);
    assert!(fill(&book, "<@42>", now).1.is_ok(), "it is known that nobody knows");
    assert!(fill(&book, "<@42>", now + PERSON_FRESH).1.is_err());
}

#[test]
fn what_is_known_is_named_however_many_there_are() {
    let book = NameBook::default();
    let now = DateTime::UNIX_EPOCH;
    book.remember(guild(), person(990), Some("Zoe".to_owned()), now);
    let text: String = (900..991).map(|id| format!("<@{id}>")).collect();
    let (content, filled) = fill(&book, &text, now);
    assert_eq!(content.names.people.values().collect::<Vec<_>>(), ["Zoe"]);
    assert_eq!(filled.unwrap_err().people.len(), ASKED);
}

#[test]
fn a_server_has_a_budget() {
    let book = NameBook::default();
    let now = DateTime::UNIX_EPOCH;
    let missing =
        |now| fill(&book, "<@1> <@2> <@3>", now).1.map_or_else(|unnamed| unnamed.people.len(), |()| 0);
    assert_eq!((0..BUDGET * 2).filter(|_| book.book().spend(guild(), now)).count(), BUDGET);
    assert_eq!(missing(now), 0, "it goes without the names");
    assert_eq!(book.book().budget(GuildId::new(10).unwrap(), now), BUDGET, "others have their own");
    assert_eq!(missing(now + SPAN), 3);
}
