//! Who waits behind whom, and for how long.

use super::*;

fn source(id: u64) -> ChannelId {
    ChannelId::new(id).unwrap()
}

fn received(report: Report) -> Received {
    Received { at: Instant::now(), report }
}

fn deleted(channel: u64, message: u64) -> Received {
    received(Report::Deleted { channel: source(channel), message: MessageId::new(message).unwrap() })
}

fn posted() -> Received {
    received(Report::Posted(serde_json::Value::Null))
}

fn server(id: u64) -> Reading {
    Reading::History(GuildId::new(id).unwrap())
}

/// The source whose turn it is.
fn next(held: &mut Held) -> Option<(ChannelId, Reading)> {
    held.next(Instant::now(), |_| true)
}

fn history() -> Reading {
    Reading::History(GuildId::new(1).unwrap())
}

#[test]
fn live_reports_wait_behind_the_reading_in_order() {
    let mut held = Held::default();
    held.begin(source(1), history());
    assert!(held.hold(source(1), source(1), deleted(1, 5)).is_none());
    assert!(held.hold(source(1), source(1), deleted(1, 6)).is_none());
    assert!(held.hold(source(2), source(2), deleted(2, 7)).is_some(), "others don't wait");
    assert_eq!(next(&mut held), Some((source(1), history())));
    let released = held.release(source(1));
    let numbers = released.iter().map(|one| match one.report {
        Report::Deleted { message, .. } => message.get(),
        _ => 0,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [5, 6]);
    assert!(held.hold(source(1), source(1), deleted(1, 8)).is_some());
}

#[test]
fn a_thread_waits_behind_its_channel_and_behind_itself() {
    let mut held = Held::default();
    let guild = GuildId::new(1).unwrap();
    held.begin(source(1), history());
    assert!(held.hold(source(9), source(1), deleted(9, 5)).is_none(), "the list of threads may tell of it");
    assert_eq!(next(&mut held), Some((source(1), history())));
    held.begin(source(9), Reading::Thread(guild));
    let released = held.release(source(1));
    assert_eq!(released.len(), 1);
    for report in released {
        assert!(held.hold(source(9), source(1), report).is_none());
    }
    assert_eq!(next(&mut held), Some((source(9), Reading::Thread(guild))));
    assert!(held.hold(source(8), source(1), deleted(8, 5)).is_some(), "another thread is current");
    assert_eq!(held.release(source(9)).len(), 1);
}

#[test]
fn what_reads_more_takes_the_place_of_what_reads_less() {
    let guild = GuildId::new(1).unwrap();
    let one = Reading::Message { guild, message: MessageId::new(5).unwrap(), new: true };
    let rising = [one, Reading::Thread(guild), history()];
    for (index, reading) in rising.into_iter().enumerate() {
        for other in rising.into_iter().take(index + 1) {
            let mut held = Held::default();
            held.begin(source(1), other);
            held.begin(source(1), reading);
            held.begin(source(1), other);
            assert_eq!(next(&mut held), Some((source(1), reading)));
        }
    }
}

#[test]
fn each_source_is_caught_up_with_once_a_session() {
    let mut held = Held::default();
    let guild = GuildId::new(1).unwrap();
    for _ in 0..2 {
        held.catch_up(source(1), guild);
        assert_eq!(next(&mut held), Some((source(1), history())));
        held.give_place_back(source(1));
        assert!(held.release(source(1)).is_empty());
        held.catch_up(source(1), guild);
        assert_eq!(next(&mut held), None);
        held.forget(|_| true);
    }
}

#[test]
fn a_gap_during_a_reading_is_read_too() {
    let mut held = Held::default();
    held.begin(source(1), history());
    assert!(next(&mut held).is_some());
    held.begin(source(1), history());
    assert!(held.hold(source(1), source(1), deleted(1, 5)).is_none());
    assert!(held.release(source(1)).is_empty());
    assert_eq!(next(&mut held), Some((source(1), history())));
    assert_eq!(held.release(source(1)).len(), 1);
}

#[test]
fn busy_sources_are_read_first_and_none_twice() {
    let mut held = Held::default();
    for id in 1..4 {
        held.begin(source(id), history());
        held.begin(source(id), history());
    }
    assert!(held.hold(source(3), source(3), deleted(3, 5)).is_none());
    let order: Vec<_> = std::iter::from_fn(|| next(&mut held)).map(|(source, _)| source.get()).collect();
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn a_source_that_failed_waits_longer_each_time_and_keeps_no_place() {
    let mut held = Held::default();
    let (start, wait) = (Instant::now(), |failures| Duration::from_secs(u64::from(failures) * 40));
    held.begin(source(1), history());
    assert!(held.next(start, |_| true).is_some());
    for (now, failures, until) in [(0, 1, 40), (40, 2, 100), (100, 3, 160)] {
        let at = |seconds| start + Duration::from_secs(seconds);
        held.give_place_back(source(1));
        assert_eq!(held.postpone(source(1), history(), at(now), wait), failures);
        // Neither a new session nor an event makes the wait shorter.
        held.begin(source(1), history());
        assert!(held.hold(source(1), source(1), deleted(1, 5)).is_none());
        assert_eq!(held.next_wait_ends(), Some(at(until)), "never longer than a minute");
        assert_eq!(held.next(at(until - 1), |_| true), None);
        assert_eq!(held.next(at(until), |_| true), Some((source(1), history())));
    }
    held.give_place_back(source(1));
    assert_eq!(held.release(source(1)).len(), 3);
}

#[test]
fn one_server_never_has_all_places() {
    let mut held = Held::default();
    for id in 1..100 {
        held.begin(source(id), server(1));
    }
    held.begin(source(200), server(2));
    let mut turns: Vec<u64> =
        std::iter::from_fn(|| next(&mut held)).map(|(source, _)| source.get()).collect();
    assert!(turns.contains(&200) && turns.len() < 10, "{turns:?}");
    held.give_place_back(source(turns[0]));
    turns.extend(next(&mut held).map(|(source, _)| source.get()));
    assert_eq!(next(&mut held), None, "one place, one turn: {turns:?}");
}

#[test]
fn servers_take_turns() {
    let mut held = Held::default();
    for id in 0..60 {
        held.begin(source(id + 1), server(id / 3 + 1));
    }
    let turns: Vec<u64> = std::iter::from_fn(|| next(&mut held)).map(|(source, _)| source.get()).collect();
    assert_eq!(turns, (0..16).map(|server| server * 3 + 1).collect::<Vec<_>>());
}

#[test]
fn a_source_is_never_read_twice_at_once() {
    let mut held = Held::default();
    held.begin(source(1), history());
    assert!(next(&mut held).is_some());
    held.begin(source(1), history());
    assert_eq!(next(&mut held), None);
    held.give_place_back(source(1));
    assert!(held.release(source(1)).is_empty());
    assert!(next(&mut held).is_some());
    assert_eq!(next(&mut held), None);
}

#[test]
fn what_is_more_than_one_source_may_hold_is_left_to_the_next_reading() {
    let mut held = Held::default();
    held.begin(source(1), history());
    assert!(next(&mut held).is_some());
    assert!(held.hold(source(1), source(1), deleted(1, 5)).is_none());
    for _ in 0..MOST_OF_ONE + 10 {
        assert!(held.hold(source(1), source(1), posted()).is_none());
    }
    held.give_place_back(source(1));
    assert!(held.release(source(1)).is_empty(), "it is read once more");
    assert!(held.hold(source(1), source(1), posted()).is_none(), "that reading will bring it");
    assert_eq!(next(&mut held), Some((source(1), history())));
    assert!(held.hold(source(1), source(1), posted()).is_none(), "that reading may not bring it");
    held.give_place_back(source(1));
    let released = held.release(source(1));
    assert_eq!(released.len(), 2, "the deletion, and the last");
    assert_eq!((held.messages, held.oldest()), (0, (0, None)));
}

#[test]
fn of_all_sources_the_fullest_gives_way() {
    let mut held = Held::default();
    let many = MOST / MOST_OF_ONE + 1;
    for id in 1..=many as u64 {
        held.begin(source(id), server(id));
        for _ in 0..MOST_OF_ONE {
            assert!(held.hold(source(id), source(id), posted()).is_none());
        }
        assert!(held.messages <= MOST, "{}", held.messages);
    }
    held.leave_to_readings();
    assert_eq!((held.messages, held.oldest().0), (0, many));
}
