//! After the scene: Discord and the bot keep running, and whatever appears in a channel is printed.

use std::collections::HashSet;
use std::time::Duration;

use tributary_sandbox::{ActError, Channel, MessageId, Sandbox, SeenMessage, open_in_browser};

use crate::scene::Cast;
use crate::{Addresses, Arguments, Failure, furnish, programs, show};

/// How long to wait for a message before waiting again.
const A_WHILE: Duration = Duration::from_secs(3600);

/// Explains how to try it, then prints new messages until the demo is stopped.
pub(crate) async fn stay(
    sandbox: &Sandbox,
    cast: &Cast,
    pages: Addresses,
    arguments: &Arguments,
) -> Result<(), Failure> {
    furnish::furnish(cast).await?;
    let page = sandbox.serve_page(arguments.page_port).await?;
    let url = page.url_as(&cast.alice, &[&cast.dev, &cast.news]);
    explain(sandbox, &cast.dev, pages, &url)?;
    explain_api(&programs::token(&cast.alice, &cast.news, pages.web).await?, cast, pages);
    println!("Ctrl-C stops both and removes what they wrote.\n");
    if arguments.open && !open_in_browser(&url) {
        println!("There seems to be no browser here: open the first link above yourself.\n");
    }
    let mut known: HashSet<MessageId> = all(sandbox).map(|(_, message)| message.id).collect();
    loop {
        let new = || all(sandbox).find(|(_, message)| !known.contains(&message.id));
        match sandbox.wait_for("a new message", A_WHILE, new).await {
            Ok((channel, message)) => {
                known.insert(message.id);
                println!("   {}", show::name(&channel));
                println!("{}", show::line(sandbox, &message));
            }
            Err(ActError::TimedOut { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Besides the page, for those who have only a terminal: a webhook that somebody made by hand stands in for a
/// person.
fn explain(sandbox: &Sandbox, dev: &Channel, pages: Addresses, url: &str) -> Result<(), Failure> {
    let made = dev.add_webhooks(1)?;
    let hook = dev.webhooks().into_iter().find(|hook| made.contains(&hook.id));
    let token = hook.as_ref().and_then(|hook| hook.token.as_deref()).unwrap_or_default();
    let id = hook.as_ref().map(|hook| hook.id.to_string()).unwrap_or_default();
    println!("\nBoth are still running: Discord at {}, and the bot.", sandbox.base());
    println!("In the browser, you can be everyone in it:\n");
    println!("   {url}\n");
    println!("Or say something in #dev from another terminal, and see it arrive here:\n");
    println!("   curl {}/api/v10/webhooks/{id}/{token} \\", sandbox.base());
    println!(
        "     -H 'Content-Type: application/json' -d '{{\"username\": \"You\", \"content\": \"Hello!\"}}'"
    );
    println!("   curl http://{}/readyz", pages.health);
    println!("   curl http://{}/metrics\n", pages.health);
    Ok(())
}

/// The web pages, and the API with a token that works as long as this runs.
fn explain_api(token: &str, cast: &Cast, pages: Addresses) {
    let (web, server) = (pages.web, cast.news.guild().map(|guild| guild.id().to_string()));
    println!("The bot's web pages are at http://{web}. Sign in there as whom you like, or type /dashboard.");
    println!("Programs use the API, http://{web}/docs. This lists what Alice's server follows:\n");
    println!("   curl -H 'Authorization: Bearer {token}' \\");
    println!("     http://{web}/api/v1/servers/{}/follows\n", server.unwrap_or_default());
}

fn all(sandbox: &Sandbox) -> impl Iterator<Item = (Channel, SeenMessage)> {
    let channels = sandbox.guilds().into_iter().flat_map(|guild| guild.channels());
    channels.flat_map(|channel| {
        let messages = channel.messages();
        messages.into_iter().map(move |message| (channel.clone(), message))
    })
}
