//! The forms of a project, and how their texts are read: lists, tasks, days, names.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};

use crate::domain::ids::UserId;
use crate::domain::panel::form::LONGEST_TITLE;
use crate::domain::panel::{Form, FormAnswers, FormField};
use crate::domain::text;
use crate::panel::kind::InvalidInput;

use super::tasks::{
    Assignee, Config, LONGEST_LIST, LONGEST_NAME, LONGEST_PERSON, MOST_LISTS, ProjectTask, TaskList,
    TaskState,
};
use super::{ADDED, EDITED, REMOVED};

/// The word that confirms a removal. The form opens with it.
const REMOVE: &str = "remove";

/// The fields for the project's lists.
pub(super) fn lists(config: Option<&Config>) -> Vec<FormField> {
    let config = config.cloned().unwrap_or_default();
    let names: Vec<_> = config.lists.iter().map(|list| list.name.as_str()).collect();
    vec![
        FormField::paragraph("lists", "Lists, one per line", 600)
            .example("Launch\nWebsite")
            .with(names.join("\n")),
    ]
}

/// Reads the lists. A new name in the place of a missing one renames that list.
pub(super) fn read_lists(mut config: Config, filled: &FormAnswers) -> Result<Config, InvalidInput> {
    let mut names: Vec<String> = Vec::new();
    for name in filled.get("lists").lines().map(str::trim).filter(|name| text::is_visible(name)) {
        let name = list_name(name)?;
        if names.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            return Err(InvalidInput(format!(
                "There are two lists with the name \u{201c}{}\u{201d}.",
                text::escape(&name)
            )));
        }
        names.push(name);
    }
    if names.is_empty() || names.len() > MOST_LISTS {
        return Err(InvalidInput(format!("A project can have 1 to {MOST_LISTS} lists.")));
    }
    let kept: Vec<Option<u32>> = names.iter().map(|name| config.find_list(name)).collect();
    let former = config.lists.clone();
    let mut lists = Vec::new();
    for (place, name) in names.into_iter().enumerate() {
        let renamed = former.get(place).map(|list| list.id).filter(|id| !kept.contains(&Some(*id)));
        let id = kept[place].or(renamed).unwrap_or_else(|| config.number());
        lists.push(TaskList { id, name });
    }
    let left = |task: &&ProjectTask| lists.iter().all(|list| list.id != task.list);
    if let Some(task) = config.tasks.iter().find(left) {
        let name = text::escape(config.list_name(task.list));
        return Err(InvalidInput(format!(
            "The list \u{201c}{name}\u{201d} still has tasks, such as {}. Move or remove them first.",
            task.quoted()
        )));
    }
    config.lists = lists;
    config.reset_stale_filter();
    Ok(config)
}

fn list_name(written: &str) -> Result<String, InvalidInput> {
    let name = one_line(written);
    if text::units(&name) > LONGEST_LIST {
        return Err(InvalidInput(format!("A list's name can have {LONGEST_LIST} characters at most.")));
    }
    Ok(name)
}

fn one_line(written: &str) -> String {
    written.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The form for a new task.
pub(super) fn add(config: &Config) -> Form {
    let list = config.lists.first().map_or(0, |list| list.id);
    let empty =
        ProjectTask { id: 0, list, name: String::new(), state: TaskState::Todo, person: None, due: None };
    task_form(config, &empty, ADDED.to_owned(), "Add a task".to_owned())
}

/// The form to edit a task.
pub(super) fn edit(config: &Config, task: &ProjectTask) -> Form {
    let title = text::cut(&format!("Edit: {}", task.name), LONGEST_TITLE).into_owned();
    task_form(config, task, format!("{EDITED}{}", task.id), title)
}

fn task_form(config: &Config, task: &ProjectTask, action: String, title: String) -> Form {
    let person = match &task.person {
        Some(Assignee::User(id)) => format!("<@{id}>"),
        Some(Assignee::Name(name)) => name.clone(),
        None => String::new(),
    };
    let due = task.due.map(|due| due.to_string()).unwrap_or_default();
    let fields = vec![
        FormField::line("name", "Task", 100).with(task.name.as_str()),
        FormField::line("list", "List (a new name creates a new list)", 40)
            .with(config.list_name(task.list))
            .optional(),
        FormField::line("person", "Assignee: a name, or a user's id", 40)
            .with(person)
            .example("Ada")
            .optional(),
        FormField::line("due", "Due", 40)
            .with(due)
            .example("2026-12-24, tomorrow, friday, in 2 weeks")
            .optional(),
        FormField::line("state", "State: to do, in progress, blocked, done", 20)
            .with(task.state.name())
            .optional(),
    ];
    Form { action, title, fields }
}

/// Reads a task and gives it a new number. A list that doesn't exist yet is created.
pub(super) fn read(
    config: &mut Config,
    filled: &FormAnswers,
    now: DateTime<Utc>,
) -> Result<ProjectTask, InvalidInput> {
    let name = one_line(filled.get("name"));
    if !text::is_visible(&name) || text::units(&name) > LONGEST_NAME {
        return Err(InvalidInput(format!("A task's name must have 1 to {LONGEST_NAME} characters.")));
    }
    let due = due(filled.get("due"), now.date_naive())?;
    let state = match filled.get("state") {
        "" => TaskState::Todo,
        written => TaskState::find(written).ok_or_else(|| {
            InvalidInput("A state must be `to do`, `in progress`, `blocked` or `done`.".to_owned())
        })?,
    };
    let person = person(filled.get("person"));
    let list = list(config, filled.get("list"))?;
    Ok(ProjectTask { id: config.number(), list, name, state, person, due })
}

fn list(config: &mut Config, written: &str) -> Result<u32, InvalidInput> {
    let name = list_name(written)?;
    let known = if text::is_visible(&name) {
        config.find_list(&name)
    } else {
        config.lists.first().map(|list| list.id)
    };
    if let Some(id) = known {
        return Ok(id);
    }
    if config.lists.len() >= MOST_LISTS {
        return Err(InvalidInput(format!("A project can have {MOST_LISTS} lists at most.")));
    }
    let id = config.number();
    let name = if text::is_visible(&name) { name } else { "Tasks".to_owned() };
    config.lists.push(TaskList { id, name });
    Ok(id)
}

/// Reads an assignee: a mention or an id means a user, everything else is a name.
fn person(written: &str) -> Option<Assignee> {
    let written = one_line(written);
    let digits = written.trim_matches(['<', '>', '@', '!']);
    let id = digits.parse().ok().filter(|_| digits.len() >= 17).and_then(|id| UserId::new(id).ok());
    let name = text::cut(written.trim_start_matches('@'), LONGEST_PERSON).into_owned();
    id.map(Assignee::User).or_else(|| text::is_visible(&name).then_some(Assignee::Name(name)))
}

/// Reads a day as people write one.
fn due(written: &str, today: NaiveDate) -> Result<Option<NaiveDate>, InvalidInput> {
    let plain = written.trim().to_lowercase();
    if plain.is_empty() {
        return Ok(None);
    }
    let in_days = |days: u64| today.checked_add_days(Days::new(days));
    let day = match plain.as_str() {
        "today" => Some(today),
        "tomorrow" => in_days(1),
        _ => NaiveDate::parse_from_str(&plain, "%Y-%m-%d")
            .or_else(|_| NaiveDate::parse_from_str(&plain, "%d.%m.%Y"))
            .ok()
            .or_else(|| days_ahead(&plain, today).and_then(in_days)),
    };
    let sensible = day.filter(|day| (2000..2200).contains(&day.year()));
    sensible.map(Some).ok_or_else(|| {
        InvalidInput(
            "I can't read this day. Write it as `2026-12-24`, `tomorrow`, `friday` or `in 2 weeks`."
                .to_owned(),
        )
    })
}

/// "in 3 days", "2 weeks", "friday".
fn days_ahead(plain: &str, today: NaiveDate) -> Option<u64> {
    if let Ok(weekday) = plain.trim_start_matches("next ").parse::<Weekday>() {
        let ahead = weekday.days_since(today.weekday());
        return Some(u64::from(if ahead == 0 { 7 } else { ahead }));
    }
    let span = plain.strip_prefix("in ").unwrap_or(plain);
    let digits = span.chars().take_while(char::is_ascii_digit).count();
    let many: u64 = span[..digits].parse().ok().filter(|many| *many < 10_000)?;
    match span[digits..].trim() {
        "d" | "day" | "days" => Some(many),
        "w" | "week" | "weeks" => Some(many * 7),
        _ => None,
    }
}

/// The form that confirms a task's removal.
pub(super) fn remove(task: &ProjectTask) -> Form {
    let title = text::cut(&format!("Remove: {}", task.name), LONGEST_TITLE).into_owned();
    let field = FormField::line("confirm", "Submit this to remove the task for good", 20).with(REMOVE);
    Form { action: format!("{REMOVED}{}", task.id), title, fields: vec![field] }
}

/// Refuses a form that doesn't confirm it.
pub(super) fn confirm(filled: &FormAnswers) -> Result<(), InvalidInput> {
    if filled.get("confirm").eq_ignore_ascii_case(REMOVE) {
        return Ok(());
    }
    Err(InvalidInput("Nothing was removed.".to_owned()))
}
