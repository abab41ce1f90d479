//! What waits behind what, and for how long.

use super::*;

fn source(id: u64) -> ChannelId {
    ChannelId::new(id).unwrap()
}

fn received(event: GatewayEvent) -> ReceivedEvent {
    ReceivedEvent { at: Instant::now(), event }
}

fn deleted(channel: u64, message: u64) -> ReceivedEvent {
    received(GatewayEvent::Deleted { channel: source(channel), message: MessageId::new(message).unwrap() })
}

fn posted() -> ReceivedEvent {
    received(GatewayEvent::Posted(serde_json::Value::Null))
}

fn server(id: u64) -> Reading {
    Reading::History(GuildId::new(id).unwrap())
}

/// The source whose turn it is.
fn next(states: &mut SourceStates) -> Option<(ChannelId, Reading)> {
    states.start_next(Instant::now(), |_| true)
}

fn history() -> Reading {
    Reading::History(GuildId::new(1).unwrap())
}

#[test]
fn live_events_wait_behind_the_reading_in_order() {
    let mut states = SourceStates::default();
    states.request(source(1), history());
    assert!(states.defer(source(1), source(1), deleted(1, 5)).is_none());
    assert!(states.defer(source(1), source(1), deleted(1, 6)).is_none());
    assert!(states.defer(source(2), source(2), deleted(2, 7)).is_some(), "others don't wait");
    assert_eq!(next(&mut states), Some((source(1), history())));
    let released = states.finish(source(1));
    let numbers = released.iter().map(|one| match one.event {
        GatewayEvent::Deleted { message, .. } => message.get(),
        _ => 0,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [5, 6]);
    assert!(states.defer(source(1), source(1), deleted(1, 8)).is_some());
}

#[test]
fn a_thread_waits_behind_its_channel_and_behind_itself() {
    let mut states = SourceStates::default();
    let guild = GuildId::new(1).unwrap();
    states.request(source(1), history());
    assert!(
        states.defer(source(9), source(1), deleted(9, 5)).is_none(),
        "the list of threads may tell of it"
    );
    assert_eq!(next(&mut states), Some((source(1), history())));
    states.request(source(9), Reading::Thread(guild));
    let released = states.finish(source(1));
    assert_eq!(released.len(), 1);
    for event in released {
        assert!(states.defer(source(9), source(1), event).is_none());
    }
    assert_eq!(next(&mut states), Some((source(9), Reading::Thread(guild))));
    assert!(states.defer(source(8), source(1), deleted(8, 5)).is_some(), "another thread is current");
    assert_eq!(states.finish(source(9)).len(), 1);
}

#[test]
fn what_reads_more_takes_the_place_of_what_reads_less() {
    let guild = GuildId::new(1).unwrap();
    let one = Reading::Message { guild, message: MessageId::new(5).unwrap(), new: true };
    let rising = [one, Reading::Thread(guild), history()];
    for (index, reading) in rising.into_iter().enumerate() {
        for other in rising.into_iter().take(index + 1) {
            let mut states = SourceStates::default();
            states.request(source(1), other);
            states.request(source(1), reading);
            states.request(source(1), other);
            assert_eq!(next(&mut states), Some((source(1), reading)));
        }
    }
}

#[test]
fn each_source_is_caught_up_with_once_a_session() {
    let mut states = SourceStates::default();
    let guild = GuildId::new(1).unwrap();
    for _ in 0..2 {
        states.ensure_current(source(1), guild);
        assert_eq!(next(&mut states), Some((source(1), history())));
        states.free_slot(source(1));
        assert!(states.finish(source(1)).is_empty());
        states.ensure_current(source(1), guild);
        assert_eq!(next(&mut states), None);
        states.mark_unread(|_| true);
    }
}

#[test]
fn a_gap_during_a_reading_is_read_too() {
    let mut states = SourceStates::default();
    states.request(source(1), history());
    assert!(next(&mut states).is_some());
    states.request(source(1), history());
    assert!(states.defer(source(1), source(1), deleted(1, 5)).is_none());
    assert!(states.finish(source(1)).is_empty());
    assert_eq!(next(&mut states), Some((source(1), history())));
    assert_eq!(states.finish(source(1)).len(), 1);
}

#[test]
fn busy_sources_are_read_first_and_none_twice() {
    let mut states = SourceStates::default();
    for id in 1..4 {
        states.request(source(id), history());
        states.request(source(id), history());
    }
    assert!(states.defer(source(3), source(3), deleted(3, 5)).is_none());
    let order: Vec<_> = std::iter::from_fn(|| next(&mut states)).map(|(source, _)| source.get()).collect();
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn a_source_that_failed_waits_longer_each_time_and_keeps_no_place() {
    let mut states = SourceStates::default();
    let (start, wait) = (Instant::now(), |failures| Duration::from_secs(u64::from(failures) * 40));
    states.request(source(1), history());
    assert!(states.start_next(start, |_| true).is_some());
    for (now, failures, until) in [(0, 1, 40), (40, 2, 100), (100, 3, 160)] {
        let at = |seconds| start + Duration::from_secs(seconds);
        states.free_slot(source(1));
        assert_eq!(states.postpone(source(1), history(), at(now), wait), failures);
        // Neither a new session nor an event makes the wait shorter.
        states.request(source(1), history());
        assert!(states.defer(source(1), source(1), deleted(1, 5)).is_none());
        assert_eq!(states.next_wait_ends(), Some(at(until)), "never longer than a minute");
        assert_eq!(states.start_next(at(until - 1), |_| true), None);
        assert_eq!(states.start_next(at(until), |_| true), Some((source(1), history())));
    }
    states.free_slot(source(1));
    assert_eq!(states.finish(source(1)).len(), 3);
}

#[test]
fn one_server_never_has_all_places() {
    let mut states = SourceStates::default();
    for id in 1..100 {
        states.request(source(id), server(1));
    }
    states.request(source(200), server(2));
    let mut turns: Vec<u64> =
        std::iter::from_fn(|| next(&mut states)).map(|(source, _)| source.get()).collect();
    assert!(turns.contains(&200) && turns.len() < 10, "{turns:?}");
    states.free_slot(source(turns[0]));
    turns.extend(next(&mut states).map(|(source, _)| source.get()));
    assert_eq!(next(&mut states), None, "one place, one turn: {turns:?}");
}

#[test]
fn servers_take_turns() {
    let mut states = SourceStates::default();
    for id in 0..60 {
        states.request(source(id + 1), server(id / 3 + 1));
    }
    let turns: Vec<u64> = std::iter::from_fn(|| next(&mut states)).map(|(source, _)| source.get()).collect();
    assert_eq!(turns, (0..16).map(|server| server * 3 + 1).collect::<Vec<_>>());
}

#[test]
fn a_source_is_never_read_twice_at_once() {
    let mut states = SourceStates::default();
    states.request(source(1), history());
    assert!(next(&mut states).is_some());
    states.request(source(1), history());
    assert_eq!(next(&mut states), None);
    states.free_slot(source(1));
    assert!(states.finish(source(1)).is_empty());
    assert!(next(&mut states).is_some());
    assert_eq!(next(&mut states), None);
}

#[test]
fn what_is_more_than_one_source_may_hold_is_left_to_the_next_reading() {
    let mut states = SourceStates::default();
    states.request(source(1), history());
    assert!(next(&mut states).is_some());
    assert!(states.defer(source(1), source(1), deleted(1, 5)).is_none());
    for _ in 0..MOST_OF_ONE + 10 {
        assert!(states.defer(source(1), source(1), posted()).is_none());
    }
    states.free_slot(source(1));
    assert!(states.finish(source(1)).is_empty(), "it is read once more");
    assert!(states.defer(source(1), source(1), posted()).is_none(), "that reading will bring it");
    assert_eq!(next(&mut states), Some((source(1), history())));
    assert!(states.defer(source(1), source(1), posted()).is_none(), "that reading may not bring it");
    states.free_slot(source(1));
    let released = states.finish(source(1));
    assert_eq!(released.len(), 2, "the deletion, and the last");
    assert_eq!((states.messages, states.oldest()), (0, (0, None)));
}

#[test]
fn of_all_sources_the_fullest_gives_way() {
    let mut states = SourceStates::default();
    let many = MOST / MOST_OF_ONE + 1;
    for id in 1..=many as u64 {
        states.request(source(id), server(id));
        for _ in 0..MOST_OF_ONE {
            assert!(states.defer(source(id), source(id), posted()).is_none());
        }
        assert!(states.messages <= MOST, "{}", states.messages);
    }
    states.leave_to_readings();
    assert_eq!((states.messages, states.oldest().0), (0, many));
}
