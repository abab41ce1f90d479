//! How a project looks: the board that all see, and the card of one task.

use chrono::{NaiveDate, NaiveTime};

use crate::domain::limits;
use crate::domain::message::{Embed, EmbedField};
use crate::domain::panel::progress::bar;
use crate::domain::panel::{Button, ButtonStyle, Control, MenuOption, PanelView, SelectMenu};
use crate::domain::text;
use crate::panel::embed::{AMBER, GREEN, GREY, RED, field, lines, wide};
use crate::panel::kind::PanelContext;

use super::tasks::{Assignee, Config, ProjectTask, TaskFilter, TaskList, TaskOrder, TaskState};
use super::{ADD, ADVANCE, EDIT, FILTER, REMOVE, SORT, TASK};

/// The option of the tasks' menu that leads to more of them; the page's number follows.
pub(super) const PAGE: &str = "page.";
/// How many tasks a menu offers, besides the option for more.
const ON_PAGE: usize = 24;
/// How long all tasks' lines may be together. An embed takes 6000; the rest is for titles, names of lists and
/// the summary.
const ROOM: usize = 4300;
/// The blue of Discord's links.
const BLUE: u32 = 0x34_98_db;

/// The board that everyone sees.
pub(super) fn board(context: &PanelContext, config: &Config, today: Option<NaiveDate>) -> PanelView {
    let shown = config.shown(today);
    let done = count(config, |task| task.state == TaskState::Done);
    let overdue = count(config, |task| task.is_overdue(today));
    let color = match (config.tasks.len(), overdue) {
        (0, _) => GREY,
        (_, 1..) => AMBER,
        (all, 0) if done == all => GREEN,
        _ => BLUE,
    };
    let mut summary = summary(config, done, overdue);
    let nothing = shown.iter().all(|(_, tasks)| tasks.is_empty());
    if nothing && !config.tasks.is_empty() {
        summary.push_str("\nNothing to show: choose other tasks below.");
    }
    if config.filter != TaskFilter::All || config.sort != TaskOrder::State {
        let filter = text::escape(&config.filter.name(config));
        summary.push_str(&format!("\n-# {filter} · {}", config.sort.name().to_lowercase()));
    }
    let embed = Embed {
        title: Some(context.title.clone()),
        description: Some(summary),
        color: Some(color),
        fields: if config.tasks.is_empty() { Vec::new() } else { fields(config, &shown, today) },
        ..Embed::default()
    };
    let mut controls =
        vec![Control::Buttons(vec![Button::primary("Add task", ADD), Button::quiet("Refresh", "refresh")])];
    if !config.tasks.is_empty() {
        controls.extend(choose(config, today, 0));
        controls.extend([filters(config), sorts(config)]);
    }
    PanelView { embeds: vec![embed], picture: None, controls }
}

fn count(config: &Config, of: impl Fn(&ProjectTask) -> bool) -> usize {
    config.tasks.iter().filter(|task| of(task)).count()
}

fn summary(config: &Config, done: usize, overdue: usize) -> String {
    let all = config.tasks.len();
    if all == 0 {
        return "There are no tasks yet. Press **Add task** to begin.".to_owned();
    }
    let mut text = format!("`{}` **{done} of {all} done**", bar(done as f64 / all as f64));
    let doing = count(config, |task| task.state == TaskState::Doing);
    let blocked = count(config, |task| task.state == TaskState::Blocked);
    for (many, what) in [(doing, "in progress"), (blocked, "blocked"), (overdue, "overdue")] {
        if many > 0 {
            text.push_str(&format!(" · {many} {what}"));
        }
    }
    text
}

/// A field for each list. They share the room; what one doesn't need goes to those after it.
fn fields(
    config: &Config,
    shown: &[(&TaskList, Vec<&ProjectTask>)],
    today: Option<NaiveDate>,
) -> Vec<EmbedField> {
    let mut left = ROOM;
    let mut fields = Vec::new();
    let lists: Vec<_> = shown.iter().filter(|(_, tasks)| !tasks.is_empty()).collect();
    for (at, (list, tasks)) in lists.iter().enumerate() {
        let all = count(config, |task| task.list == list.id);
        let done = count(config, |task| task.list == list.id && task.state == TaskState::Done);
        let room = (left / (lists.len() - at)).min(limits::FIELD_VALUE);
        let written: Vec<String> = tasks.iter().map(|task| line(task, today)).collect();
        let value =
            lines(&written, room, |left| format!("-# … and {left} more: choose this list below to see them"));
        left -= text::units(&value);
        fields.push(wide(format!("{} · {done} of {all}", text::escape(&list.name)), value));
    }
    fields
}

fn line(task: &ProjectTask, today: Option<NaiveDate>) -> String {
    let name = text::escape(&task.name);
    let mark = task.state.mark();
    if task.state == TaskState::Done {
        return format!("{mark} ~~{name}~~");
    }
    let mut line = format!("{mark} {name}");
    if let Some(person) = &task.person {
        line.push_str(&format!(" · {}", person.written()));
    }
    if let Some(due) = task.due {
        let late = if task.is_overdue(today) { "⚠️ " } else { "" };
        line.push_str(&format!(" · {late}due <t:{}:R>", noon(due)));
    }
    line
}

impl Assignee {
    /// The person as an embed shows them. A mention there pings nobody.
    fn written(&self) -> String {
        match self {
            Self::User(id) => format!("<@{id}>"),
            Self::Name(name) => text::escape(name),
        }
    }

    /// The person where mentions aren't read.
    fn plain(&self) -> String {
        match self {
            Self::User(id) => format!("user {id}"),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Noon UTC, which is on the same day nearly everywhere on earth.
fn noon(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp() + 12 * 60 * 60
}

/// One task, with its buttons.
pub(super) fn card(config: &Config, task: &ProjectTask, today: Option<NaiveDate>) -> PanelView {
    let state = format!("{} {}", task.state.mark(), task.state.name());
    let person = task.person.as_ref().map_or_else(|| "nobody yet".to_owned(), Assignee::written);
    let due = task.due.map_or_else(
        || "no day".to_owned(),
        |due| {
            let late = if task.is_overdue(today) { "⚠️ " } else { "" };
            format!("{late}<t:{0}:D>\n<t:{0}:R>", noon(due))
        },
    );
    let color = match task.state {
        TaskState::Done => GREEN,
        TaskState::Blocked => RED,
        _ if task.is_overdue(today) => AMBER,
        TaskState::Doing => BLUE,
        TaskState::Todo => GREY,
    };
    let embed = Embed {
        title: Some(text::escape(&task.name)),
        color: Some(color),
        fields: vec![
            field("State", state),
            field("Assignee", person),
            field("Due", due),
            field("List", text::escape(config.list_name(task.list))),
        ],
        ..Embed::default()
    };
    let act = |label: &str, style, action: &str| Button::Action {
        label: label.to_owned(),
        style,
        action: format!("{action}{}", task.id),
    };
    let advance = task.state.next().map(|next| match next {
        TaskState::Done => act("Done", ButtonStyle::Success, ADVANCE),
        _ => act("Begin", ButtonStyle::Primary, ADVANCE),
    });
    let others = [act("Edit", ButtonStyle::Secondary, EDIT), act("Remove", ButtonStyle::Danger, REMOVE)];
    let buttons = advance.into_iter().chain(others).collect();
    PanelView { embeds: vec![embed], picture: None, controls: vec![Control::Buttons(buttons)] }
}

/// More tasks than a menu holds.
pub(super) fn more(
    context: &PanelContext,
    config: &Config,
    today: Option<NaiveDate>,
    page: usize,
) -> PanelView {
    let menu = choose(config, today, page);
    let text = if menu.is_some() { "Choose a task:" } else { "There are no more tasks." };
    let embed = Embed {
        title: Some(context.title.clone()),
        description: Some(text.to_owned()),
        color: Some(GREY),
        ..Embed::default()
    };
    PanelView { embeds: vec![embed], picture: None, controls: menu.into_iter().collect() }
}

/// The menu of the tasks that are shown, in their order.
fn choose(config: &Config, today: Option<NaiveDate>, page: usize) -> Option<Control> {
    let shown: Vec<&ProjectTask> = config.shown(today).into_iter().flat_map(|(_, tasks)| tasks).collect();
    let choice = |task: &&ProjectTask| {
        let person = task.person.as_ref().map(|person| format!(" · {}", person.plain()));
        let list = config.list_name(task.list);
        let description = |person: &str| format!("{list} · {}{person}", task.state.name());
        MenuOption {
            label: text::cut(&format!("{} {}", task.state.mark(), task.name), 100).into_owned(),
            value: task.id.to_string(),
            description: text::cut(&description(&person.unwrap_or_default()), 100).into_owned(),
            chosen: false,
        }
    };
    let from = page.checked_mul(ON_PAGE)?;
    let mut options: Vec<MenuOption> = shown.iter().skip(from).take(ON_PAGE).map(choice).collect();
    if options.is_empty() {
        return None;
    }
    let left = shown.len().saturating_sub(from + ON_PAGE);
    if left > 0 {
        options.push(MenuOption {
            label: format!("… and {left} more"),
            value: format!("{PAGE}{}", page + 1),
            description: String::new(),
            chosen: false,
        });
    }
    let placeholder = "Open a task: advance, edit or remove it".to_owned();
    Some(Control::Select(SelectMenu { action: TASK.to_owned(), placeholder, options }))
}

fn filters(config: &Config) -> Control {
    let choice = |filter: TaskFilter| MenuOption {
        label: filter.name(config),
        value: filter.key(),
        description: String::new(),
        chosen: filter == config.filter,
    };
    let options = TaskFilter::all(config).into_iter().map(choice).collect();
    Control::Select(SelectMenu { action: FILTER.to_owned(), placeholder: "Which tasks".to_owned(), options })
}

fn sorts(config: &Config) -> Control {
    let choice = |sort: TaskOrder| MenuOption {
        label: sort.name().to_owned(),
        value: sort.key().to_owned(),
        description: String::new(),
        chosen: sort == config.sort,
    };
    let options = TaskOrder::ALL.into_iter().map(choice).collect();
    Control::Select(SelectMenu { action: SORT.to_owned(), placeholder: "In which order".to_owned(), options })
}
