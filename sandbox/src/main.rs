//! Runs a sandbox with a small world, until Ctrl-C.

use clap::Parser;
use tributary_sandbox::{Config, Limits, Permissions, Sandbox, open_in_browser};

/// A Discord on loopback, to point a bot at.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The port of the page on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    page_port: u16,
    /// An address to which people may be sent back after they authorized the application (OAuth2). May be
    /// given several times.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Open the page in the browser.
    #[arg(long)]
    open: bool,
    /// Enforce the rate limits that Discord is observed to enforce.
    #[arg(long)]
    limits: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter("warn").init();
    let arguments = Arguments::parse();
    let limits = if arguments.limits { Limits::real() } else { Limits::off() };
    let redirect_uris = arguments.redirect_uris;
    let config = Config { port: arguments.port, limits, redirect_uris, ..Config::default() };
    let sandbox = Sandbox::start(config).await?;

    let harbour = sandbox.create_guild("Harbour");
    let releases = harbour.announcement("releases");
    let general = harbour.text("general");
    let island = sandbox.create_guild("Island");
    island.text("news");
    let alice = harbour.member("Alice", Permissions::MANAGE_CHANNELS | Permissions::MANAGE_WEBHOOKS);
    alice.post(&releases, "Version 1.0 is out.")?;
    alice.post(&general, "Hello, everyone!")?;

    let page = sandbox.serve_page(arguments.page_port).await?;
    let url = page.url_as(&alice, &[&general]);

    println!("Discord on loopback: {}", sandbox.base());
    println!("As people see it:    {url}");
    println!("Bot token:           {}", sandbox.token());
    println!("Application id:      {}", sandbox.application_id());
    println!("Client secret:       {}", sandbox.client_secret());
    println!();
    println!("Point a bot at it: use this address in place of https://discord.com, and the token above.");
    println!(
        "With serenity: HttpBuilder::new(token).proxy(\"{}\").ratelimiter_disabled(true)",
        sandbox.base()
    );
    println!();
    for guild in sandbox.guilds() {
        println!("{}", guild.render_text());
    }
    if arguments.open && !open_in_browser(&url) {
        println!("There seems to be no browser here: open the link above yourself.");
    }
    println!("Ctrl-C ends it.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
