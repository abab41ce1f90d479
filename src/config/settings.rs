//! The settings' names, defaults and explanations, in one place.

use std::fmt::Write;

/// A setting as it is documented.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// What holds where it is not set; `None` where it must be set, or where its absence means something (then the explanation says what).
    pub default: Option<&'static str>,
    /// What it is for.
    pub explanation: &'static str,
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "DISCORD_TOKEN",
        default: None,
        explanation: "The bot's token (required). Developer portal, your application, Bot, Reset Token.",
    },
    Setting {
        name: "DISCORD_API_BASE",
        default: Some("https://discord.com"),
        explanation: "Where Discord's API is, as scheme://host:port. Only the files of messages come from elsewhere: from Discord's file hosts.",
    },
    Setting {
        name: "DISCORD_REQUESTS_PER_SECOND",
        default: Some("auto"),
        explanation: "How many requests a second this process makes: so many with the bot's token, and so many with webhooks' tokens. auto = 50 of each, as Discord allows; webhooks' calls go faster where the answers show that this limit doesn't stand. A number where Discord has raised the bot's limit, or where several processes share it (each its part). unlimited (or 0) where a proxy keeps the limits.",
    },
    Setting {
        name: "DATABASE_URL",
        default: Some("sqlite://tributary.db?mode=rwc"),
        explanation: "The database: sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST:PORT/DATABASE. In user and password, special characters are percent codes: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25.",
    },
    Setting {
        name: "ENCRYPTION_KEY",
        default: None,
        explanation: "Encrypts webhook tokens and message contents: the base64 of 32 bytes (openssl rand -base64 32). Without it, SQLite uses a key file that is made beside a new database (tributary.key); PostgreSQL needs it.",
    },
    Setting {
        name: "ROLE",
        default: Some("all"),
        explanation: "What this process does, as --role: all, gateway (listens and answers) or worker (delivers). With PostgreSQL, several processes can share the work; SQLite has one, which does all.",
    },
    Setting {
        name: "SHARDS",
        default: None,
        explanation: "The shards that this process takes, as --shards: 0..3/16 is shards 0 to 3 (both included) of 16, 5/16 is one of them. Without it, all that Discord recommends.",
    },
    Setting {
        name: "HTTP_ADDR",
        default: Some("127.0.0.1:8080"),
        explanation: "Where /healthz, /readyz and /metrics are served, as IP:PORT.",
    },
    Setting {
        name: "FOLLOW_ACTIONS_PER_HOUR",
        default: Some("100"),
        explanation: "Actions that one person has in an hour: follows, unfollows, pauses, resumptions, /publish and changes of panels, refused ones too. 0 = no limit.",
    },
    Setting {
        name: "CATCH_UP_HOURS",
        default: Some("24"),
        explanation: "After an absence, what was posted in followed channels meanwhile is mirrored if it is not older than this.",
    },
    Setting {
        name: "CATCH_UP_MESSAGES",
        default: Some("1000"),
        explanation: "After an absence, at most so many messages of one channel are mirrored; a line in the targets says that there were more. At most 50000: a greater number counts as that.",
    },
    Setting {
        name: "CONTENT_HOURS",
        default: Some("24"),
        explanation: "What messages say is kept, encrypted, for so long after their last delivery. 0 = it goes within a minute of it.",
    },
    Setting {
        name: "MIRROR_DAYS",
        default: Some("30"),
        explanation: "Edits and deletions of messages reach their mirrors for so long; then the bot forgets which mirrors they have. At least 1, and never less than CATCH_UP_HOURS.",
    },
    Setting {
        name: "PANELS_PER_SERVER",
        default: Some("50"),
        explanation: "How many panels one server may have. 0 = no limit.",
    },
    Setting {
        name: "PANEL_MONITORING_GUILDS",
        default: None,
        explanation: "The servers, as ids with commas between them, in which monitoring panels may show the machine that the bot runs on. Without it, nowhere.",
    },
    Setting {
        name: "PANEL_PRIVATE_ADDRESSES",
        default: Some("false"),
        explanation: "Whether gamehub panels may ask game servers at private addresses (the bot's own machine and network). Whoever makes a panel could learn what is there: true only where they may.",
    },
    Setting {
        name: "RUST_LOG",
        default: Some("info,serenity=error"),
        explanation: "What is logged: LEVEL or TARGET=LEVEL, comma-separated; a level is error, warn, info, debug or trace. Libraries that could print a token stay at their ceiling, whatever is set here.",
    },
    Setting { name: "LOG_FORMAT", default: Some("text"), explanation: "How log lines look: text or json." },
];

/// The default of a setting, empty where it has none.
pub(super) fn default_of(name: &str) -> &'static str {
    SETTINGS
        .iter()
        .find(|setting| setting.name == name)
        .and_then(|setting| setting.default)
        .unwrap_or_default()
}

/// The part of `--help` that lists the settings.
pub fn help() -> String {
    let mut text =
        String::from("Settings (environment variables; a .env file in the working directory is read):\n");
    for setting in SETTINGS {
        let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
        let _ = write!(text, "\n  {}{default}\n{}", setting.name, wrap(setting.explanation, "      "));
    }
    text
}

/// The contents of `.env.example`.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Settings of Tributary. Copy this file to .env and fill in what you need.\n# Made by `tributary settings`; don't edit it by hand.\n",
    );
    for setting in SETTINGS {
        let mark = if setting.name == "DISCORD_TOKEN" { "" } else { "# " };
        let value = setting.default.unwrap_or_default();
        let _ = write!(text, "\n{}{mark}{}={value}\n", wrap(setting.explanation, "# "), setting.name);
    }
    text
}

/// Breaks a text into lines of at most 100 characters, each after `prefix`.
fn wrap(text: &str, prefix: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && prefix.len() + line.len() + 1 + word.len() > 100 {
            let _ = writeln!(lines, "{prefix}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(lines, "{prefix}{line}");
    lines
}
