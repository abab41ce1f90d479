use proptest::prelude::*;

use super::tasks::{Assignee, MOST_LISTS, MOST_TASKS, TaskList, TaskState};
use super::*;
use crate::panel::kinds::test_support::{
    asked, assert_fits, changed, context, filled, menu, noon, press, shown, texts,
};
use crate::panel::sources::PanelSettings;

fn data() -> Data {
    Data { today: Some(noon().date_naive()) }
}

/// Does something with a form, a choice or neither.
fn act(
    config: &Config,
    action: &str,
    chosen: Option<&str>,
    form: Option<&FormAnswers>,
) -> Result<ActionOutcome<Config>, InvalidInput> {
    let settings = PanelSettings::default();
    assert!(Project::press_kind(action).is_some(), "{action} can be pressed");
    let input = ActionInput { chosen, filled: form, ..press(action, &settings) };
    Project::handle(&context(), config.clone(), &data(), &input)
}

/// The form that opens, filled in as it stands, with these changes.
fn form(config: &Config, action: &str, changes: &[(&'static str, &str)]) -> (String, FormAnswers) {
    let form = asked(act(config, action, None, None));
    let value = |field: FormField| {
        let change = changes.iter().find(|(id, _)| *id == field.id);
        (field.id, change.map_or(field.value, |(_, value)| (*value).to_owned()))
    };
    (form.action, form.fields.into_iter().map(value).collect())
}

fn added(config: &Config, changes: &[(&'static str, &str)]) -> Config {
    let (action, filled) = form(config, ADD, changes);
    changed(act(config, &action, None, Some(&filled))).0
}

fn project() -> Config {
    let lists = filled([("lists", "Launch\nWebsite")]);
    let mut config = Project::configure(None, &lists).unwrap();
    config = added(
        &config,
        &[("name", "Write *news*"), ("person", "@Ada"), ("due", "2026-11-18"), ("state", "doing")],
    );
    config =
        added(&config, &[("name", "Book a hall"), ("due", "in 2 weeks"), ("person", "<@81384788765712384>")]);
    config = added(&config, &[("name", "Choose a name"), ("state", "done")]);
    added(&config, &[("name", "Domain"), ("list", "website"), ("state", "Blocked")])
}

#[test]
fn a_new_project_says_what_to_do() {
    let view = Project::render(&context(), &Config::default(), &data());
    assert_fits(&view);
    assert!(texts(&view).contains("Press **Add task** to begin."));
    assert_eq!(view.controls.len(), 1);
}

#[test]
fn tasks_are_seen_list_by_list_what_is_worked_on_first() {
    let view = Project::render(&context(), &project(), &data());
    assert_fits(&view);
    let expected = [
        "Panel",
        "`▰▰▱▱▱▱▱▱▱▱` **1 of 4 done** · 1 in progress · 1 blocked · 1 overdue",
        "Launch · 1 of 3: 🔵 Write \\*news\\* · Ada · ⚠️ due <t:1795003200:R>",
        "⬜ Book a hall · <@81384788765712384> · due <t:1796385600:R>",
        "✅ ~~Choose a name~~",
        "Website · 0 of 1: ⛔ Domain",
    ];
    assert_eq!(texts(&view), expected.join("\n"));
    let labels: Vec<_> = menu(&view, TASK).options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!(labels, ["🔵 Write *news*", "⬜ Book a hall", "✅ Choose a name", "⛔ Domain"]);
}

#[test]
fn what_is_late_depends_on_the_day_alone() {
    let render = |today: &str| {
        let data = Data { today: Some(today.parse().unwrap()) };
        texts(&Project::render(&context(), &project(), &data))
    };
    assert!(!render("2026-11-18").contains("overdue"));
    assert!(render("2026-11-19").contains("1 overdue"));
    assert_eq!(render("2026-11-20"), render("2026-11-21"));
}

#[test]
fn a_task_is_opened_advanced_edited_and_removed() {
    let config = project();
    let task = config.tasks[1].clone();
    let view = shown(act(&config, TASK, Some(&task.id.to_string()), None));
    assert_fits(&view);
    assert!(
        texts(&view).contains("Assignee: <@81384788765712384>\nDue: <t:1796385600:D>"),
        "{}",
        texts(&view)
    );

    let advance = format!("{ADVANCE}{}", task.id);
    let (config, said) = changed(act(&config, &advance, None, None));
    assert_eq!(said, "\u{201c}Book a hall\u{201d} is in progress now.");
    let (config, said) = changed(act(&config, &advance, None, None));
    assert_eq!(said, "\u{201c}Book a hall\u{201d} is done now.");
    assert!(act(&config, &advance, None, None).is_err());

    let (action, filled) = form(&config, &format!("{EDIT}{}", task.id), &[("list", "Later"), ("due", "")]);
    let (config, _) = changed(act(&config, &action, None, Some(&filled)));
    let edited = config.task(task.id).unwrap();
    assert_eq!((edited.name.as_str(), edited.due, edited.state), ("Book a hall", None, TaskState::Done));
    assert_eq!((config.list_name(edited.list), &edited.person), ("Later", &task.person));

    let (action, filled) = form(&config, &format!("{REMOVE}{}", task.id), &[]);
    let (config, said) = changed(act(&config, &action, None, Some(&filled)));
    assert_eq!((said.as_str(), config.tasks.len()), ("Removed \u{201c}Book a hall\u{201d}.", 3));
    for action in [&action, &advance, &format!("{EDITED}{}", task.id)] {
        assert!(act(&config, action, None, Some(&filled)).is_err(), "it is gone");
    }
    let (action, filled) = form(&config, &format!("{REMOVE}{}", config.tasks[0].id), &[("confirm", "no")]);
    assert!(act(&config, &action, None, Some(&filled)).is_err());
}

#[test]
fn tasks_are_filtered_and_sorted_for_all_or_for_one() {
    let config = project();
    let view = Project::render(&context(), &config, &data());
    let filters: Vec<_> = menu(&view, FILTER).options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!(filters.len(), 9, "{filters:?}");
    let names = |key: &str, config: &Config| {
        let (config, _) = changed(act(config, FILTER, Some(key), None));
        config
            .shown(data().today)
            .iter()
            .flat_map(|(_, tasks)| tasks.iter().map(|task| task.name.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("overdue", &config), ["Write *news*"]);
    assert_eq!(names("open", &config), ["Write *news*", "Book a hall", "Domain"]);
    assert_eq!(names("Done", &config), ["Choose a name"]);
    assert_eq!(names(&format!("list.{}", config.lists[1].id), &config), ["Domain"]);

    let (sorted, said) = changed(act(&config, SORT, Some("name"), None));
    assert_eq!(said, "Tasks are sorted by name from now on.");
    assert_eq!(names("open", &sorted), ["Book a hall", "Write *news*", "Domain"]);
    let view = texts(&Project::render(&context(), &sorted, &data()));
    assert!(view.contains("-# All tasks · by name"), "{view}");

    let settings = PanelSettings::default();
    let input = ActionInput { chosen: Some("due"), manager: false, ..press(SORT, &settings) };
    let answer = Project::handle(&context(), config.clone(), &data(), &input);
    assert_eq!(answer, Ok(ActionOutcome::Preview(Config { sort: TaskOrder::Due, ..config.clone() })));
    assert!(act(&config, SORT, Some("luck"), None).is_err() && act(&config, FILTER, None, None).is_err());
}

#[test]
fn a_filter_that_shows_nothing_says_so() {
    let (config, _) =
        changed(act(&added(&Config::default(), &[("name", "A")]), FILTER, Some("overdue"), None));
    let view = Project::render(&context(), &config, &data());
    assert_fits(&view);
    assert!(
        texts(&view).contains("Nothing to show")
            && menu(&view, FILTER).options.iter().any(|option| option.chosen)
    );
}

#[test]
fn days_are_read_as_people_write_them() {
    let due = |written: &str| {
        let config = added(&Config::default(), &[("name", "A"), ("due", written)]);
        config.tasks[0].due.map(|due| due.to_string()).unwrap_or_default()
    };
    for (written, day) in [
        ("", ""),
        ("today", "2026-11-20"),
        ("Tomorrow", "2026-11-21"),
        ("2026-12-24", "2026-12-24"),
        ("24.12.2026", "2026-12-24"),
        ("friday", "2026-11-27"),
        ("Mon", "2026-11-23"),
        ("in 3 days", "2026-11-23"),
        ("2w", "2026-12-04"),
    ] {
        assert_eq!(due(written), day, "{written}");
    }
    for written in ["someday", "2026-13-01", "9999-01-01", "in 99999 weeks", "3"] {
        let (action, filled) = form(&Config::default(), ADD, &[("name", "A"), ("due", written)]);
        assert!(act(&Config::default(), &action, None, Some(&filled)).is_err(), "{written}");
    }
}

#[test]
fn lists_are_renamed_sorted_and_never_lose_a_task() {
    let config = project();
    let lists = |config: &Config| config.lists.iter().map(|list| list.name.clone()).collect::<Vec<_>>();
    let read = |written: &str| Project::configure(Some(config.clone()), &filled([("lists", written)]));
    let stands = Project::form(Some(&config)).remove(0).value;
    assert_eq!(read(&stands).unwrap(), config);
    let renamed = read("Start\nWebsite\nMore").unwrap();
    assert_eq!(
        (lists(&renamed), renamed.lists[0].id),
        (vec!["Start".into(), "Website".into(), "More".into()], config.lists[0].id)
    );
    let turned = read("Website\nLaunch").unwrap();
    assert_eq!(turned.lists[0].id, config.lists[1].id);
    assert!(read("Launch").unwrap_err().0.contains("\u{201c}Domain\u{201d}"));
    assert!(read("").is_err() && read("A\na").is_err() && read(&"x".repeat(41)).is_err());
    let filtered = Config { filter: TaskFilter::List(99), ..config.clone() };
    assert_eq!(
        Project::configure(Some(filtered), &filled([("lists", &stands)])).unwrap().filter,
        TaskFilter::All
    );
}

#[test]
fn there_is_an_end_to_tasks_and_lists() {
    let mut config = Config::default();
    for at in 0..MOST_TASKS {
        config = added(&config, &[("name", &format!("Task {at}"))]);
    }
    let (action, filled) = form(&config, ADD, &[("name", "One more")]);
    assert!(act(&config, &action, None, Some(&filled)).is_err());
    let view = Project::render(&context(), &config, &data());
    assert_fits(&view);
    assert_eq!(menu(&view, TASK).options.last().unwrap().label, "… and 176 more");
    let mut pages = 1;
    let mut page = menu(&view, TASK).options.last().unwrap().value.clone();
    while page.starts_with(render::PAGE) {
        let view = shown(act(&config, TASK, Some(&page), None));
        assert_fits(&view);
        page = menu(&view, TASK).options.last().unwrap().value.clone();
        pages += 1;
    }
    assert_eq!(pages, MOST_TASKS.div_ceil(24));
    assert!(act(&config, TASK, Some("page.99"), None).is_ok());
    for action in ["", "edit", "edit.", "edit.x", "advance.-1", "nonsense"] {
        assert_eq!(Project::press_kind(action), None, "{action}");
    }
}

/// Texts that forms take: something in them can be seen.
fn visible(pattern: &'static str) -> impl Strategy<Value = String> {
    pattern.prop_filter("it can be seen", |text| crate::domain::text::is_visible(text))
}

fn any_config() -> impl Strategy<Value = Config> {
    let person = prop_oneof![
        Just(None),
        visible("\\PC{1,40}").prop_map(|name| Some(Assignee::Name(name))),
        Just(Some(Assignee::User("81384788765712384".parse().unwrap()))),
    ];
    let task = (
        prop_oneof![visible("\\PC{1,100}"), Just("*".repeat(100)), Just("\u{1F3F4}".repeat(50))],
        any::<prop::sample::Index>(),
        prop::sample::select(TaskState::ALL.to_vec()),
        person,
        proptest::option::of(0..80_000_i32),
    );
    let lists = prop::collection::vec(visible("\\PC{1,40}"), 1..=MOST_LISTS);
    let filter = prop_oneof![
        Just(TaskFilter::All),
        Just(TaskFilter::Open),
        Just(TaskFilter::Overdue),
        Just(TaskFilter::List(1))
    ];
    let sort = prop::sample::select(TaskOrder::ALL.to_vec());
    (lists, prop::collection::vec(task, 0..=MOST_TASKS), filter, sort).prop_map(
        |(lists, tasks, filter, sort)| {
            let lists: Vec<TaskList> =
                lists.into_iter().zip(1..).map(|(name, id)| TaskList { id, name }).collect();
            let task = |((name, list, state, person, due), id): (
                (_, prop::sample::Index, _, _, Option<i32>),
                u32,
            )| ProjectTask {
                id,
                list: lists[list.index(lists.len())].id,
                name,
                state,
                person,
                due: due.and_then(|days| NaiveDate::from_num_days_from_ce_opt(700_000 + days)),
            };
            let tasks: Vec<ProjectTask> = tasks.into_iter().zip(100..).map(task).collect();
            Config { lists, tasks, next: 1000, filter, sort }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_project_fits_and_is_read_back(config in any_config()) {
        let view = Project::render(&context(), &config, &data());
        assert_fits(&view);
        let total: usize = texts(&view).chars().map(char::len_utf16).sum();
        prop_assert!(total <= 6000);
        for task in config.tasks.iter().take(3) {
            assert_fits(&shown(act(&config, TASK, Some(&task.id.to_string()), None)));
            form(&config, &format!("{EDIT}{}", task.id), &[]);
            form(&config, &format!("{REMOVE}{}", task.id), &[]);
        }
        let written = serde_json::to_value(&config).unwrap();
        prop_assert_eq!(serde_json::from_value::<Config>(written).unwrap(), config);
    }
}
