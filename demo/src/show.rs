//! How the scene is printed: one line for what somebody does, and the result below it.

use tributary_sandbox::{Arg, Channel, Guild, MessageFlags, Person, Reply, Sandbox, SeenMessage, UserId};

use crate::plain;

/// The column at which text wraps.
const WIDTH: usize = 106;
/// The column at which what somebody says or does begins.
const INDENT: usize = 28;

/// A step of the scene.
pub(crate) fn heading(number: usize, text: &str) {
    println!("\n{number}. {text}");
}

/// Somebody writes something in a channel, a message or a command.
pub(crate) fn act(person: &Person, channel: &Channel, text: &str) {
    let who = format!("{} in {}", person.name(), name(channel));
    println!("{}", block(&format!("   {who:<25}"), text));
}

/// The bot's answer, which only the person who ran the command sees.
pub(crate) fn answer(sandbox: &Sandbox, reply: &Reply) {
    println!("{}", block(&format!("{:>27} ", "Tributary ┃"), &rendered(sandbox, &reply.text())));
}

/// Something that happened without anybody typing it.
pub(crate) fn note(text: &str) {
    println!("{}", block(&format!("{:>27} ", "→"), text));
}

/// A command as it is typed.
pub(crate) fn command(sandbox: &Sandbox, command: &str, options: &[(&str, Arg)]) -> String {
    let typed = options.iter().map(|(name, value)| match value {
        Arg::Channel(id) => format!(" {name}:#{}", sandbox.channel(*id).name()),
        Arg::User(id) => format!(" {name}:@{}", person(sandbox, *id)),
        Arg::Text(text) => format!(" {name}:{}", link(sandbox, text).unwrap_or_else(|| text.clone())),
        Arg::Boolean(flag) => format!(" {name}:{flag}"),
        _ => format!(" {name}:…"),
    });
    std::iter::once(command.to_owned()).chain(typed).collect()
}

/// The name of one of the sandbox's people.
fn person(sandbox: &Sandbox, id: UserId) -> String {
    let people = sandbox.people().into_iter();
    people.filter(|person| person.id() == id).map(|person| person.name()).next().unwrap_or_default()
}

/// A channel's link, which people paste, in words: the link itself is long and made of numbers.
fn link(sandbox: &Sandbox, text: &str) -> Option<String> {
    let guilds = sandbox.guilds().into_iter();
    let mut all = guilds.flat_map(|guild| guild.channels().into_iter().map(move |one| (guild.clone(), one)));
    let (guild, channel) = all.find(|(_, channel)| channel.link() == text)?;
    Some(format!("(the link of {} in {})", name(&channel), guild.name()))
}

/// A server with its channels and what they show.
pub(crate) fn server(sandbox: &Sandbox, guild: &Guild) {
    println!("\n   {}", guild.name());
    for channel in guild.channels() {
        let (messages, threads) = (channel.messages(), channel.threads());
        println!("     {}", name(&channel));
        if messages.is_empty() && threads.is_empty() {
            println!("       (nothing yet)");
        }
        messages.iter().for_each(|message| println!("{}", line(sandbox, message)));
        // The posts of a forum.
        for thread in threads {
            println!("       › {}", thread.name());
            for message in thread.messages() {
                println!("  {}", line(sandbox, &message).replace('\n', "\n  "));
            }
        }
    }
}

/// A message as a line of its channel.
pub(crate) fn line(sandbox: &Sandbox, message: &SeenMessage) -> String {
    if message.kind == 12 {
        return format!("       (this channel now follows {})", message.content);
    }
    let tag = if message.is_app { " [APP]" } else { "" };
    let published = message.flags.contains(MessageFlags::CROSSPOSTED);
    let mark = if published { "  (published)" } else { "" };
    let text = rendered(sandbox, &message.text()).replace('\n', "\n         ");
    format!("       {}{tag}: {text}{mark}", message.author)
}

/// A channel's name, with a sign.
pub(crate) fn name(channel: &Channel) -> String {
    format!("#{}", channel.name())
}

/// What Discord shows for mentions, times and emphasis, as far as the bot uses them.
fn rendered(sandbox: &Sandbox, text: &str) -> String {
    let text = plain::without_markdown(text);
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('<') {
        shown.push_str(before);
        let token = behind.split_once('>').and_then(|(token, after)| Some((mention(sandbox, token)?, after)));
        match token {
            Some((text, after)) => {
                shown.push_str(&text);
                rest = after;
            }
            None => {
                shown.push('<');
                rest = behind;
            }
        }
    }
    shown.push_str(rest);
    shown
}

fn mention(sandbox: &Sandbox, token: &str) -> Option<String> {
    if token.starts_with("t:") {
        return Some("just now".to_owned());
    }
    if let Some(id) = token.strip_prefix('@') {
        let known = sandbox.people().into_iter().find(|person| person.id().to_string() == id);
        return known.map(|person| format!("@{}", person.name()));
    }
    let id = token.strip_prefix('#')?;
    let channels = sandbox.guilds().into_iter().flat_map(|guild| guild.channels());
    let known = channels.into_iter().find(|channel| channel.id().to_string() == id);
    known.map(|channel| name(&channel))
}

/// A text beside a first column, wrapped so that all its lines are aligned.
fn block(first: &str, text: &str) -> String {
    let bar = if first.contains('┃') { format!("{:>27} ", "┃") } else { " ".repeat(INDENT) };
    let mut lines = vec![first.to_owned()];
    for (number, paragraph) in text.lines().enumerate() {
        if number > 0 {
            lines.push(bar.clone());
        }
        for word in paragraph.split(' ') {
            let current = lines.last().map_or(0, |line| line.chars().count());
            if current > INDENT && current + 1 + word.chars().count() > WIDTH {
                lines.push(bar.clone());
            }
            if let Some(line) = lines.last_mut() {
                if line.chars().count() > INDENT {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}
