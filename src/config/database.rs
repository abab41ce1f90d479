//! Where the database is: the address as operators write it, checked as far as possible before anything
//! connects.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use reqwest::Url;
use secrecy::SecretString;

use super::{ConfigError, Env};

const NAME: &str = "DATABASE_URL";
/// The addresses that work for most.
const SQLITE_REMEDY: &str = "Use sqlite://tributary.db?mode=rwc for a file in the working directory, or sqlite:///folder/file.db?mode=rwc.";
const POSTGRES_REMEDY: &str = "It looks like postgres://USER:PASSWORD@HOST:PORT/DATABASE; in user and password, write special characters as percent codes (@ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25).";
/// The parameters that sqlx understands after the `?`. It logs any other one, with its value.
const POSTGRES_PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Where the database is.
#[derive(Clone)]
pub enum DatabaseConfig {
    /// SQLite, in a file.
    Sqlite {
        /// The whole address.
        url: SecretString,
        /// The database's file.
        path: PathBuf,
    },
    /// PostgreSQL. The address may hold a password.
    Postgres {
        /// The whole address.
        url: SecretString,
    },
}

impl DatabaseConfig {
    /// The address to connect to.
    pub const fn url(&self) -> &SecretString {
        match self {
            Self::Sqlite { url, .. } | Self::Postgres { url } => url,
        }
    }

    /// SQLite's file by the one name that all its names lead to: with links resolved, even if it doesn't
    /// exist yet.
    pub fn file(&self) -> Option<PathBuf> {
        let Self::Sqlite { path, .. } = self else { return None };
        Some(canonical(path))
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite { .. } => "Sqlite",
            Self::Postgres { .. } => "Postgres",
        })
    }
}

fn canonical(path: &Path) -> PathBuf {
    let resolved = path.canonicalize().or_else(|_| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize()?;
        Ok::<_, std::io::Error>(folder.join(path.file_name().unwrap_or_default()))
    });
    resolved.unwrap_or_else(|_| path.to_owned())
}

impl Env<'_> {
    /// Where the database is.
    pub fn database(&self) -> Result<DatabaseConfig, ConfigError> {
        let url = self.get_or_default(NAME);
        let (scheme, rest) = url.split_once(':').unwrap_or((&url, ""));
        match scheme {
            "sqlite" => Ok(DatabaseConfig::Sqlite { path: sqlite(rest)?, url: url.into() }),
            "postgres" | "postgresql" => {
                postgres(&url, rest)?;
                Ok(DatabaseConfig::Postgres { url: url.into() })
            }
            _ => Err(ConfigError::new(
                NAME,
                "is for an unknown kind of database",
                "Use sqlite://tributary.db?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE.",
            )),
        }
    }
}

/// SQLite's file, from what follows the scheme.
fn sqlite(rest: &str) -> Result<PathBuf, ConfigError> {
    let wrong = |problem: &str, remedy| Err(ConfigError::new(NAME, problem, remedy));
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (name, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let mut makes = false;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter {
            "mode=rwc" => makes = true,
            "mode=rw" | "cache=private" | "immutable=false" | "immutable=0" => {}
            "mode=memory" => return in_memory(),
            "mode=ro" | "immutable=true" | "immutable=1" => {
                return wrong("opens the database only for reading", "End it with ?mode=rwc.");
            }
            _ => {
                return wrong(
                    "has something after the ? that doesn't belong there",
                    "End it with ?mode=rwc.",
                );
            }
        }
    }
    if name == ":memory:" {
        return in_memory();
    }
    let path = match percent_decoded(name) {
        Some(path) if !path.is_empty() && !path.starts_with("file:") => PathBuf::from(path),
        _ => return wrong("doesn't name a file", SQLITE_REMEDY),
    };
    if path.extension().is_some_and(|end| end == "key" || end == "lock") {
        let remedy = "Give the database another name, such as tributary.db.";
        return wrong("ends with .key or .lock, as the files beside a database do", remedy);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        let remedy = "Create the folder first, or use sqlite://tributary.db?mode=rwc for a file in the working directory.";
        return wrong("is in a folder that doesn't exist", remedy);
    }
    match path.metadata() {
        Ok(found) if found.is_dir() => wrong("leads to a folder", SQLITE_REMEDY),
        Ok(found) if !found.is_file() => wrong("leads to something that isn't a file", SQLITE_REMEDY),
        Ok(_) => Ok(path),
        Err(_) if path.is_symlink() => wrong(
            "leads to a link to nothing",
            "If it leads to a disk that isn't mounted, mount it. Otherwise, remove the link.",
        ),
        // Any other reason why it can't be looked at keeps it from being opened, too.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !makes => wrong(
            "leads to a file that doesn't exist",
            "Run this in the folder where the bot runs, with the bot's settings; or end it with ?mode=rwc, which creates the file.",
        ),
        Err(_) => Ok(path),
    }
}

fn in_memory() -> Result<PathBuf, ConfigError> {
    let problem = "is a database in memory: whenever the process ends, all follows are lost, and all that is still to be delivered";
    Err(ConfigError::new(NAME, problem, SQLITE_REMEDY))
}

/// Checks a PostgreSQL address. Special characters in a password that aren't escaped shift its parts: the end
/// of the password then reads as a port, a path or a parameter.
fn postgres(url: &str, rest: &str) -> Result<(), ConfigError> {
    let wrong = |problem: &str| Err(ConfigError::new(NAME, problem, POSTGRES_REMEDY));
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (authority, tail) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let shifted = !authority.contains('@') && tail.split('=').next().is_some_and(|head| head.contains('@'));
    if shifted || tail.contains('#') {
        return wrong("has special characters that must be escaped");
    }
    let Ok(parsed) = Url::parse(url) else { return wrong("can't be read") };
    let readable = |part: &str| percent_decoded(part).is_some();
    if !readable(parsed.username()) || !readable(parsed.password().unwrap_or_default()) {
        return wrong("has special characters that must be escaped");
    }
    let known = |key: &str| POSTGRES_PARAMETERS.contains(&key) || key.starts_with("options[");
    if parsed.query_pairs().any(|(key, _)| !known(&key)) {
        return Err(ConfigError::new(
            NAME,
            "has something after the ? that doesn't belong there",
            "Allowed are sslmode=require, sslrootcert=FILE and the like. In the password, write special characters as percent codes: ? is %3F, @ is %40, / is %2F, # is %23.",
        ));
    }
    Ok(())
}

/// A part of an address with its percent codes replaced; `None` if that isn't valid text. A `%` that begins
/// no code stands for itself.
fn percent_decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_codes_are_read_as_sqlite_and_postgres_do() {
        for (text, read) in [
            ("a%20b", Some("a b")),
            ("100%", Some("100%")),
            ("%zz%4", Some("%zz%4")),
            ("%+f", Some("%+f")),
            ("%ff", None),
            ("%C3%B6", Some("ö")),
        ] {
            assert_eq!(percent_decoded(text).as_deref(), read, "{text}");
        }
    }

    #[test]
    fn what_is_escaped_is_let_through() {
        for rest in [
            "//u:p%40ss%2Fw%23d@h:5432/d?sslmode=require",
            "//u@host:p@ss@h/d",
            "//h:5432/d?user=a@b&password=x",
            "///d?host=/run/postgresql",
            "//u@%2Frun%2Fpostgresql/d",
            "//u:p@h/d?options=-c%20search_path%3Dtributary",
            "//u:p@h/d?options[search_path]=tributary",
        ] {
            assert_eq!(postgres(&format!("postgres:{rest}"), rest), Ok(()), "{rest}");
        }
    }

    #[test]
    fn a_file_has_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real.db");
        assert_eq!(canonical(&folder.path().join("real.db")), real, "before it is made");
        std::fs::write(&real, "").unwrap();
        #[cfg(unix)]
        {
            let link = folder.path().join("link.db");
            std::os::unix::fs::symlink(&real, &link).unwrap();
            assert_eq!(canonical(&link), real);
        }
        assert_eq!(canonical(&folder.path().join("./real.db")), real);
    }
}
