//! What operators do with servers: `servers`, `block`, `unblock`, `leave`.

use std::io::{IsTerminal, Write};

use tributary::config::Env;
use tributary::domain::ids::GuildId;
use tributary::service::servers::operate::{self, NamedServer};
use tributary::{app, config};

use super::Fatal;

/// Lists the servers. If Discord can't be reached, a note beside the list says so; that is no failure.
pub(super) async fn list(env: Env<'_>, json: bool) -> Result<(), Fatal> {
    let (discord, servers, storage) = (env.discord()?, env.servers()?, env.storage()?);
    let client = app::client(&discord)?;
    let store = app::open_beside(&storage).await?;
    let list = operate::list(&store, &client, &servers.lists).await?;
    store.close().await?;
    if json {
        println!("{}", list.json());
    } else {
        print!("{list}");
    }
    if let Some(error) = &list.unreachable {
        eprintln!(
            "note: Discord can't be asked ({error}). This is what the database knows: names and members are missing, and servers without follows or panels."
        );
    }
    Ok(())
}

/// Blocks a server.
pub(super) async fn block(env: Env<'_>, server: &str) -> Result<(), Fatal> {
    let (guild, storage) = (guild(server)?, env.storage()?);
    // Blocking works without Discord; only the server's name comes from there.
    let client = env.discord().ok().and_then(|discord| app::client(&discord).ok());
    let server = NamedServer::find(client.as_ref(), guild).await;
    let store = app::open_beside(&storage).await?;
    let blocked = operate::block(&store, app::clock(), server).await?;
    store.close().await?;
    print!("{blocked}");
    Ok(())
}

/// Unblocks a server.
pub(super) async fn unblock(env: Env<'_>, server: &str) -> Result<(), Fatal> {
    let (guild, storage, settings) = (guild(server)?, env.storage()?, env.servers()?);
    let store = app::open_beside(&storage).await?;
    let was = operate::unblock(&store, app::clock(), guild).await?;
    store.close().await?;
    let config::ServerSettings { lists, .. } = settings;
    let still = if lists.blocks(guild) {
        Some("BLOCKED_SERVERS still names it: remove it there, then restart the bot.")
    } else if lists.leaves_out(guild) {
        Some("ALLOWED_SERVERS doesn't name it: add it there, then restart the bot.")
    } else {
        None
    };
    match (was, still) {
        (false, None) => {
            Err(format!("server {guild} isn't blocked. `tributary servers` shows which servers are.").into())
        }
        (false, Some(still)) => {
            Err(format!("server {guild} isn't blocked by `tributary block`. {still}").into())
        }
        (true, Some(still)) => {
            println!("Server {guild} is no longer blocked by `tributary block`. {still}");
            Ok(())
        }
        (true, None) => {
            println!(
                "Server {guild} is no longer blocked. Invite the bot there again: within a week, its follows can be resumed."
            );
            Ok(())
        }
    }
}

/// Leaves a server, once somebody confirmed it.
pub(super) async fn leave(env: Env<'_>, server: &str, yes: bool) -> Result<(), Fatal> {
    let (guild, discord, storage) = (guild(server)?, env.discord()?, env.storage()?);
    let client = app::client(&discord)?;
    let server = NamedServer::find(Some(&client), guild).await;
    let store = app::open_beside(&storage).await?;
    let preview = operate::preview_leaving(&store, server.clone()).await?;
    store.close().await?;
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Err("leaving a server ends its follows. Where nobody can be asked, add --yes.".into());
        }
        eprint!("{preview}Leave it? Type yes to continue: ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if answer.trim() != "yes" {
            return Err("that is not yes. Nothing was changed.".into());
        }
    }
    let left = operate::leave(&client, guild).await;
    if !left.map_err(|error| format!("the bot could not leave ({error}). Try again later."))? {
        return Err(format!(
            "the bot isn't in server {guild}. `tributary servers` lists the servers that it is in."
        )
        .into());
    }
    if yes {
        print!("{preview}");
    }
    println!("Left server {server}. It isn't blocked: whoever manages it can invite the bot again.");
    Ok(())
}

fn guild(text: &str) -> Result<GuildId, Fatal> {
    config::server_id(text.trim()).ok_or_else(|| {
        "SERVER is not the id of a server. In Discord, switch on Settings, Advanced, Developer Mode, then right-click the server, Copy Server ID.".into()
    })
}
