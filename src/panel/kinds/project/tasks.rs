//! Tasks and lists: what there is, in which order, and which of it is shown.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::ids::UserId;
use crate::domain::text;
use crate::panel::kind::Invalid;

/// How many tasks a panel holds, and how many lists. The menu of filters has room for the lists.
pub(super) const MOST_TASKS: usize = 200;
pub(super) const MOST_LISTS: usize = 12;
/// How long a task's name, a list's and a person's may be.
pub(super) const LONGEST_NAME: usize = 100;
pub(super) const LONGEST_LIST: usize = 40;
pub(super) const LONGEST_PERSON: usize = 40;

/// What an admin keeps in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(super) lists: Vec<List>,
    pub(super) tasks: Vec<Task>,
    /// The number that the next list or task gets.
    pub(super) next: u32,
    pub(super) filter: Filter,
    pub(super) sort: Sort,
}

impl Default for Config {
    fn default() -> Self {
        let lists = vec![List { id: 1, name: "Tasks".to_owned() }];
        Self { lists, tasks: Vec::new(), next: 2, filter: Filter::default(), sort: Sort::default() }
    }
}

/// A list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) id: u32,
    pub(super) name: String,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) id: u32,
    pub(super) list: u32,
    pub(super) name: String,
    pub(super) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<Person>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<NaiveDate>,
}

/// Who does a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Person {
    /// A Discord user.
    User(UserId),
    /// Anybody else, by name.
    Name(String),
}

/// How far a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Somebody works on it.
    Doing,
    /// Something stands in its way.
    Blocked,
    /// Nobody has begun.
    #[default]
    Todo,
    /// It is done.
    Done,
}

impl State {
    pub(super) const ALL: [Self; 4] = [Self::Todo, Self::Doing, Self::Blocked, Self::Done];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Todo => "To do",
            Self::Doing => "In progress",
            Self::Blocked => "Blocked",
            Self::Done => "Done",
        }
    }

    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Todo => "⬜",
            Self::Doing => "🔵",
            Self::Blocked => "⛔",
            Self::Done => "✅",
        }
    }

    /// What comes after it.
    pub(super) const fn next(self) -> Option<Self> {
        match self {
            Self::Todo | Self::Blocked => Some(Self::Doing),
            Self::Doing => Some(Self::Done),
            Self::Done => None,
        }
    }

    /// The state that people call so.
    pub(super) fn find(written: &str) -> Option<Self> {
        let plain: String =
            written.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
        match plain.as_str() {
            "todo" | "open" | "new" | "planned" => Some(Self::Todo),
            "inprogress" | "doing" | "started" | "progress" => Some(Self::Doing),
            "blocked" | "waiting" | "onhold" => Some(Self::Blocked),
            "done" | "finished" | "closed" | "complete" => Some(Self::Done),
            _ => None,
        }
    }
}

/// Which tasks are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filter {
    /// All of them.
    #[default]
    All,
    /// What isn't done.
    Open,
    /// Those in this state.
    State(State),
    /// What should be done by now.
    Overdue,
    /// Those of this list.
    List(u32),
}

impl Filter {
    /// All that there are, in the menu's order.
    pub(super) fn all(config: &Config) -> Vec<Self> {
        let lists = config.lists.iter().map(|list| Self::List(list.id));
        let states = State::ALL.into_iter().map(Self::State);
        let lists = lists.filter(|_| config.lists.len() > 1);
        [Self::All, Self::Open, Self::Overdue].into_iter().chain(states).chain(lists).collect()
    }

    pub(super) fn key(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Overdue => "overdue".to_owned(),
            Self::State(state) => state.name().to_owned(),
            Self::List(id) => format!("list.{id}"),
        }
    }

    pub(super) fn find(key: &str, config: &Config) -> Option<Self> {
        Self::all(config).into_iter().find(|filter| filter.key() == key)
    }

    /// Its name for people: "Open tasks".
    pub(super) fn name(self, config: &Config) -> String {
        match self {
            Self::All => "All tasks".to_owned(),
            Self::Open => "Open tasks".to_owned(),
            Self::Overdue => "Overdue tasks".to_owned(),
            Self::State(state) => format!("Tasks: {}", state.name().to_lowercase()),
            Self::List(id) => format!("List: {}", config.list_name(id)),
        }
    }

    pub(super) fn shows(self, task: &Task, today: Option<NaiveDate>) -> bool {
        match self {
            Self::All => true,
            Self::Open => task.state != State::Done,
            Self::State(state) => task.state == state,
            Self::Overdue => task.is_overdue(today),
            Self::List(id) => task.list == id,
        }
    }
}

/// In which order tasks are shown within their list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// What is worked on first, what is done last.
    #[default]
    State,
    /// What is due soonest first.
    Due,
    /// By who does them.
    Person,
    /// By their names.
    Name,
    /// As they were added.
    Added,
}

impl Sort {
    pub(super) const ALL: [Self; 5] = [Self::State, Self::Due, Self::Person, Self::Name, Self::Added];

    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Due => "due",
            Self::Person => "person",
            Self::Name => "name",
            Self::Added => "added",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::State => "By state",
            Self::Due => "By due date",
            Self::Person => "By assignee",
            Self::Name => "By name",
            Self::Added => "As they were added",
        }
    }

    pub(super) fn find(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.key() == key)
    }

    fn sort(self, tasks: &mut [&Task]) {
        // Tasks are kept as they were added, and what is alike stays so.
        match self {
            Self::State => tasks.sort_by_key(|task| task.state),
            Self::Due => tasks.sort_by_key(|task| (task.state == State::Done, task.due.is_none(), task.due)),
            Self::Person => {
                tasks.sort_by(|a, b| (a.person.is_none(), &a.person).cmp(&(b.person.is_none(), &b.person)))
            }
            Self::Name => tasks.sort_by_key(|task| task.name.to_lowercase()),
            Self::Added => {}
        }
    }
}

impl Task {
    /// Its name, as a sentence has it.
    pub(super) fn quoted(&self) -> String {
        format!("\u{201c}{}\u{201d}", text::escape(&self.name))
    }

    /// It isn't done although its day is over.
    pub(super) fn is_overdue(&self, today: Option<NaiveDate>) -> bool {
        self.state != State::Done && self.due.zip(today).is_some_and(|(due, today)| due < today)
    }
}

impl Config {
    pub(super) fn task(&self, id: u32) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    pub(super) fn list_name(&self, id: u32) -> &str {
        self.lists.iter().find(|list| list.id == id).map_or("?", |list| &list.name)
    }

    /// The list of this name, however it is capitalised.
    pub(super) fn find_list(&self, name: &str) -> Option<u32> {
        let name = name.to_lowercase();
        self.lists.iter().find(|list| list.name.to_lowercase() == name).map(|list| list.id)
    }

    /// A number that nothing has had.
    pub(super) fn number(&mut self) -> u32 {
        let number = self.next.max(1);
        self.next = number.saturating_add(1);
        number
    }

    pub(super) fn add(&mut self, task: Task) -> Result<(), Invalid> {
        if self.tasks.len() >= MOST_TASKS {
            return Err(Invalid(format!("A panel holds {MOST_TASKS} tasks: remove some that are done.")));
        }
        self.tasks.push(task);
        Ok(())
    }

    pub(super) fn replace(&mut self, task: Task) -> Result<(), Invalid> {
        let place = self.tasks.iter_mut().find(|former| former.id == task.id);
        *place.ok_or_else(super::gone)? = task;
        Ok(())
    }

    /// A filter by a list that isn't there any more shows everything.
    pub(super) fn mend(&mut self) {
        if !Filter::all(self).contains(&self.filter) {
            self.filter = Filter::All;
        }
    }

    /// The tasks that are shown, list by list, in order.
    pub(super) fn shown(&self, today: Option<NaiveDate>) -> Vec<(&List, Vec<&Task>)> {
        let of = |list: &List| {
            let own = |task: &&Task| task.list == list.id && self.filter.shows(task, today);
            let mut tasks: Vec<&Task> = self.tasks.iter().filter(own).collect();
            self.sort.sort(&mut tasks);
            tasks
        };
        let hidden = |list: &List| matches!(self.filter, Filter::List(id) if id != list.id);
        self.lists.iter().filter(|list| !hidden(list)).map(|list| (list, of(list))).collect()
    }
}
