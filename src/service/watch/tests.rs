use super::*;

const SOURCE: u64 = 5;

pub(super) fn channel(id: u64) -> ChannelId {
    ChannelId::new(id).unwrap()
}

pub(super) fn source(id: u64, parent: Option<u64>, threads: bool) -> FollowedSource {
    let guild = GuildId::new(1).unwrap();
    FollowedSource { channel: channel(id), guild, parent: parent.map(channel), threads }
}

pub(super) fn seen(id: u64, private: bool) -> SeenThread {
    SeenThread {
        id: channel(id),
        parent: channel(SOURCE),
        guild: GuildId::new(1).unwrap(),
        owner: None,
        title: "thread".to_owned(),
        tags: Vec::new(),
        private,
        last_message: None,
    }
}

#[test]
fn threads_are_read_where_a_follow_wants_them() {
    let watched = Watched::default();
    watched.add_source(source(SOURCE, None, false));
    assert_eq!(watched.note_thread(seen(9, false)), None);
    assert!(!watched.is_source(channel(9)));
    watched.add_source(source(SOURCE, None, true));
    watched.add_source(source(SOURCE, None, false));
    assert_eq!(
        watched.note_thread(seen(9, false)),
        Some(ThreadChange::New),
        "another follow still wants them"
    );
    assert!(watched.is_source(channel(9)));
    assert_eq!(watched.root_of(channel(9)).unwrap().0, channel(SOURCE));
    watched.forget_threads_of(channel(SOURCE));
    assert!(!watched.is_source(channel(9)));
}

#[test]
fn private_threads_are_nobodys_but_their_own_followers() {
    let watched = Watched::default();
    watched.add_source(source(SOURCE, None, true));
    assert_eq!(watched.note_thread(seen(9, true)), None);
    watched.note_thread(seen(8, false));
    assert_eq!(watched.note_thread(seen(8, true)), Some(ThreadChange::Hidden));
    assert!(!watched.is_source(channel(8)) && !watched.is_source(channel(9)));
    watched.add_source(source(7, Some(SOURCE), false));
    watched.note_thread(seen(7, true));
    assert!(watched.is_source(channel(7)));
    assert_eq!(watched.root_of(channel(7)).unwrap().0, channel(7));
}

#[test]
fn what_was_read_before_is_known_at_the_start() {
    let watched = Watched::default();
    let known =
        |thread, parent| KnownThread { thread: channel(thread), parent: channel(parent), starter: None };
    let sources = [source(SOURCE, None, true), source(6, None, false), source(20, Some(6), false)];
    watched.extend(sources, [known(9, SOURCE), known(10, 6), known(20, 6)], []);
    let of = |id: u64| watched.is_source(channel(id));
    assert!(of(9) && of(20));
    assert!(!of(10), "its channel's threads aren't followed");
}

#[test]
fn the_first_post_of_a_new_thread_begins_it() {
    let watched = Watched::default();
    watched.add_source(source(SOURCE, None, true));
    watched.note_thread(seen(9, false));
    watched.set_thread_start(channel(9), ThreadStart::Awaited);
    let starts = |message: u64, new| {
        let standing = watched.locate(channel(9), MessageId::new(message).unwrap(), new).unwrap();
        standing.thread.unwrap().place == crate::domain::place::SourcePlace::Starter
    };
    assert!(!starts(30, false), "an edit is nothing new");
    assert!(starts(31, true));
    assert!(!starts(32, true));
}
