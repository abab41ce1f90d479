//! The settings' names, defaults and explanations, in one place.

use std::fmt::Write;

/// A setting as it is documented.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// Its value where it is not set. `None` if it must be set, or if its absence means something; the
    /// explanation says what.
    pub default: Option<&'static str>,
    /// What it is for.
    pub explanation: &'static str,
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "DISCORD_TOKEN",
        default: None,
        explanation: "The bot's token (required). In the developer portal, open your application, then Bot, Reset Token.",
    },
    Setting {
        name: "DISCORD_API_BASE",
        default: Some("https://discord.com"),
        explanation: "Where Discord's API is, as scheme://host:port. Only the files of messages come from elsewhere: from Discord's own file hosts.",
    },
    Setting {
        name: "DISCORD_REQUESTS_PER_SECOND",
        default: Some("auto"),
        explanation: "How many requests a second this process makes: this many with the bot's token, and this many with webhooks' tokens. auto = 50 of each, as Discord allows; calls of webhooks go faster if Discord's answers show that this limit doesn't apply. Give a number if Discord has raised the bot's limit, or if several processes share it (each its part). unlimited (or 0) is for a proxy that keeps the limits itself.",
    },
    Setting {
        name: "DATABASE_URL",
        default: Some("sqlite://tributary.db?mode=rwc"),
        explanation: "The database: sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST:PORT/DATABASE. In user and password, write special characters as percent codes: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25.",
    },
    Setting {
        name: "ENCRYPTION_KEY",
        default: None,
        explanation: "Encrypts webhook tokens and message contents: the base64 of 32 bytes (openssl rand -base64 32). Without it, SQLite uses a key file that is created beside a new database (tributary.key). PostgreSQL needs it.",
    },
    Setting {
        name: "ROLE",
        default: Some("all"),
        explanation: "What this process does, as with --role: all, gateway (listens and answers) or worker (delivers). With PostgreSQL, several processes can share the work; with SQLite, one process does all of it.",
    },
    Setting {
        name: "SHARDS",
        default: None,
        explanation: "The shards that this process takes, as with --shards: 0..3/16 is shards 0 to 3 (both included) of 16, 5/16 is shard 5 alone. Without it, the process takes as many shards as Discord recommends, and all of them.",
    },
    Setting {
        name: "HTTP_ADDR",
        default: Some("127.0.0.1:8080"),
        explanation: "Where /healthz, /readyz and /metrics are served, as IP:PORT.",
    },
    Setting {
        name: "WEB_ADDR",
        default: None,
        explanation: "Where the web pages and the API are served, as IP:PORT; never the address of HTTP_ADDR. Without it, there are none.",
    },
    Setting {
        name: "PUBLIC_URL",
        default: None,
        explanation: "The address at which people reach the web pages, as https://HOST or https://HOST:PORT. http is for this machine only. Without it, http:// and WEB_ADDR, if that is on loopback; otherwise it must be set.",
    },
    Setting {
        name: "DISCORD_CLIENT_SECRET",
        default: None,
        explanation: "Lets people sign in to the web pages with Discord, beside /dashboard. In the developer portal, open your application, then OAuth2: copy the Client Secret, and add PUBLIC_URL/auth/callback under Redirects (the log names the whole address at the start). Without it, /dashboard is the only way.",
    },
    Setting {
        name: "DISCORD_OAUTH_BASE",
        default: None,
        explanation: "Where Discord's page for signing in is, as scheme://host:port. Without it, DISCORD_API_BASE; if that is a proxy for the bot's requests, set https://discord.com here.",
    },
    Setting {
        name: "OPERATORS",
        default: None,
        explanation: "The people who may read the operator's figures at /api/v1/operator, as ids separated by commas. Without it, the owner of the application, or the members of its team, as they were at the start.",
    },
    Setting {
        name: "TRUSTED_PROXIES",
        default: None,
        explanation: "The proxies in front of the web pages, as networks or addresses separated by commas, such as 127.0.0.1,10.0.0.0/8. Only what they write into X-Forwarded-For says where a request comes from. Without it, a request comes from whoever connects.",
    },
    Setting {
        name: "API_REQUESTS_PER_MINUTE",
        default: Some("120"),
        explanation: "How many requests one session or token has in a minute at the web pages and the API. Somebody who isn't signed in has half as many, counted by address. Each process counts for itself. 0 = no limit.",
    },
    Setting {
        name: "FOLLOW_ACTIONS_PER_HOUR",
        default: Some("100"),
        explanation: "How many actions one person has in an hour: to follow, unfollow, pause, resume, publish, decide on followers, or change panels, collections or personal follows. Refused ones count too, except for personal follows. 0 = no limit.",
    },
    Setting {
        name: "FOLLOWS_PER_TARGET",
        default: Some("500"),
        explanation: "How many follows one channel may receive, in whatever state. Discord lets a channel take about one message a second, and nobody could read more busy sources in it. 0 = no limit.",
    },
    Setting {
        name: "FOLLOWS_PER_SOURCE",
        default: Some("100000"),
        explanation: "How many follows of one channel and its threads there may be, over all servers. Performance has been measured up to this number; each post is sent that many times. 0 = no limit.",
    },
    Setting {
        name: "FOLLOWS_PER_SERVER",
        default: Some("10000"),
        explanation: "How many follows the channels of one server may receive. Discord gives a server 500 channels, so that is 20 for each. 0 = no limit.",
    },
    Setting {
        name: "ALLOWED_SERVERS",
        default: None,
        explanation: "The servers that may use the bot, as ids separated by commas; it leaves all others. Without it, all servers may.",
    },
    Setting {
        name: "BLOCKED_SERVERS",
        default: None,
        explanation: "The servers that may not use the bot, as ids separated by commas; it leaves them, even if ALLOWED_SERVERS names them. `tributary block` does the same for one server without a restart.",
    },
    Setting {
        name: "LEAVE_SERVERS_AT_MOST",
        default: Some("3"),
        explanation: "How many servers with follows or panels the bot may leave at a start because ALLOWED_SERVERS doesn't name them. If there are more, the list looks like a mistake: the bot leaves none, goes on serving them, and says so in its log. 0 = no limit.",
    },
    Setting {
        name: "CATCH_UP_HOURS",
        default: Some("24"),
        explanation: "After an absence, the bot mirrors what was posted in followed channels in the meantime, unless it is older than this.",
    },
    Setting {
        name: "CATCH_UP_MESSAGES",
        default: Some("1000"),
        explanation: "After an absence, the bot mirrors at most this many messages of one channel; a line in the targets says if there were more. At most 50000: a greater number counts as that.",
    },
    Setting {
        name: "CONTENT_HOURS",
        default: Some("24"),
        explanation: "How long the contents of messages are kept, encrypted, after their last delivery. 0 = they are removed within a minute of it. What a feed shows is kept for FEED_DAYS.",
    },
    Setting {
        name: "MIRROR_DAYS",
        default: Some("30"),
        explanation: "How long edits and deletions of messages reach their mirrors; then the bot forgets which mirrors they have. At least 1, and never less than CATCH_UP_HOURS.",
    },
    Setting {
        name: "FOLLOW_MEMBERS",
        default: Some("open"),
        explanation: "Whether people can follow people. open = everybody who doesn't say no, asked = everybody, once they say yes to whoever asks, opt_in = only those who say yes beforehand, off = nobody.",
    },
    Setting {
        name: "FOLLOW_LISTS",
        default: Some("public"),
        explanation: "Who sees whom people follow and who follows them, unless they choose something else. public = everybody, shared = people who follow them or whom they follow, hidden = only they themselves.",
    },
    Setting {
        name: "FEED_DAYS",
        default: Some("14"),
        explanation: "How many days people's feeds go back. The texts they show are kept that long, encrypted. At least 1.",
    },
    Setting {
        name: "AUDIT_DAYS",
        default: Some("90"),
        explanation: "How many days the audit is kept: who changed follows, panels, collections and what is published. At least 1.",
    },
    Setting {
        name: "PANELS_PER_SERVER",
        default: Some("50"),
        explanation: "How many panels one server may have. 0 = no limit.",
    },
    Setting {
        name: "PANEL_MONITORING_GUILDS",
        default: None,
        explanation: "The servers in which monitoring panels may show the machine that the bot runs on, as ids separated by commas. Without it, none.",
    },
    Setting {
        name: "PANEL_PRIVATE_ADDRESSES",
        default: Some("false"),
        explanation: "Whether gamehub panels may ask game servers at private addresses (the bot's own machine and network). Anyone who creates a panel could find out what is there, so set it to true only if they may.",
    },
    Setting {
        name: "RUST_LOG",
        default: Some("info,serenity=error"),
        explanation: "What is logged: LEVEL or TARGET=LEVEL, separated by commas; a level is error, warn, info, debug or trace. Libraries that could log a token never go beyond their safe level, whatever is set here.",
    },
    Setting { name: "LOG_FORMAT", default: Some("text"), explanation: "How log lines look: text or json." },
];

/// The default of a setting; empty if it has none.
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
