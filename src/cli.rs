//! The command line: which subcommand runs.

pub mod progress;

use clap::{Args, Parser, Subcommand};

use crate::config;

/// Lets Discord channels follow other channels.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = config::help(), after_long_help = config::help())]
pub struct Cli {
    /// What to do; `run` if nothing is given.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

impl Cli {
    /// What to do.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Run(self.run))
    }
}

/// Settings that `run` takes as arguments, too: with several processes, these are what differs between them.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// What this process does: all, gateway or worker. Overrides ROLE.
    #[arg(long)]
    role: Option<String>,
    /// The shards that it takes, such as 0..3/16 (0 to 3, both included, of 16) or 5/16. Overrides SHARDS.
    #[arg(long, value_name = "RANGE")]
    shards: Option<String>,
}

impl RunArgs {
    /// The setting of this name, if it was given.
    pub fn setting(&self, name: &str) -> Option<String> {
        match name {
            "ROLE" => self.role.clone(),
            "SHARDS" => self.shards.clone(),
            _ => None,
        }
    }
}

/// The subcommands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the bot until it is told to stop (the default).
    Run(RunArgs),
    /// Change or show the database's schema.
    Migrate {
        /// What to do with the schema.
        #[command(subcommand)]
        direction: Migrate,
    },
    /// Forget what is kept about a person. Works while the bot runs.
    Forget {
        /// The person's Discord id: with Developer Mode on, right-click them, Copy User ID.
        #[arg(long, value_name = "ID")]
        user: String,
        /// Also delete the mirrors of their messages. This can't be done later: then nobody knows which were
        /// theirs.
        #[arg(long)]
        mirrors: bool,
    },
    /// List the servers that the bot is in, and others that it knows something about. Works while the bot
    /// runs.
    Servers {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Block a server: the bot leaves it, and leaves it again whenever it is invited. Works while the bot
    /// runs.
    Block {
        /// The server's Discord id: with Developer Mode on, right-click it, Copy Server ID.
        #[arg(value_name = "SERVER")]
        server: String,
    },
    /// Unblock a server: the bot can be invited there again. Works while the bot runs.
    Unblock {
        /// The server's Discord id.
        #[arg(value_name = "SERVER")]
        server: String,
    },
    /// Leave a server, without blocking it. Works while the bot runs.
    Leave {
        /// The server's Discord id.
        #[arg(value_name = "SERVER")]
        server: String,
        /// Don't ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Print commands.md, generated from the command definitions.
    Commands,
    /// Print .env.example, generated from the settings' definitions.
    Settings,
    /// Ask the running bot at HTTP_ADDR whether it is alive; exit with 0 if so.
    Healthcheck,
}

/// What `migrate` does.
#[derive(Debug, Clone, Subcommand)]
pub enum Migrate {
    /// Apply all pending migrations (`run` does so, too). The bot must be stopped.
    Up,
    /// Revert migrations, the newest first. Dropped tables lose their rows. The bot must be stopped.
    Down(Down),
    /// List the migrations, and which are applied.
    Status,
    /// Copy everything from a SQLite database (DATABASE_URL) to an empty PostgreSQL. The bot must be stopped.
    Copy {
        /// The PostgreSQL database: postgres://USER@HOST/DATABASE. Others on this machine can read it here,
        /// so leave the password out and set PGPASSWORD.
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

/// How far `migrate down` goes.
#[derive(Debug, Clone, Args)]
pub struct Down {
    /// How many migrations to revert.
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Revert all of them. This drops every table, with everything that the bot knows.
    #[arg(long)]
    all: bool,
    /// Don't ask for confirmation.
    #[arg(long)]
    yes: bool,
}

/// What `migrate down` should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownSteps {
    /// Revert this many migrations.
    Count(u32),
    /// Revert all.
    All {
        /// Whether somebody has to confirm it.
        confirm: bool,
    },
}

impl Down {
    /// What was asked for, where `applied` migrations can be reverted.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn wanted(&self, applied: u32) -> Result<DownSteps, String> {
        match self.steps {
            Some(_) if self.all => Err("give --steps N or --all, not both.".to_owned()),
            None if self.all => Ok(DownSteps::All { confirm: !self.yes }),
            None | Some(0) => Err(
                "say how many migrations to revert: --steps N, or --all for all of them. This drops the tables that they created, with their contents."
                    .to_owned(),
            ),
            Some(steps) if steps > applied => Err(format!(
                "there are only {applied} migrations to revert, not {steps}. Give a smaller number, or --all for all of them, which drops every table."
            )),
            Some(steps) => Ok(DownSteps::Count(steps)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(steps: Option<u32>, all: bool, yes: bool) -> Result<DownSteps, String> {
        Down { steps, all, yes }.wanted(5)
    }

    #[test]
    fn nothing_is_reverted_by_accident() {
        assert_eq!(wanted(Some(5), false, false), Ok(DownSteps::Count(5)));
        assert_eq!(wanted(None, true, false), Ok(DownSteps::All { confirm: true }));
        assert_eq!(wanted(None, true, true), Ok(DownSteps::All { confirm: false }));
        for (steps, yes) in
            [(None, false), (None, true), (Some(0), true), (Some(6), true), (Some(u32::MAX), false)]
        {
            assert!(wanted(steps, false, yes).is_err(), "{steps:?}");
        }
    }
}
