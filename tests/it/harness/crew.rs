//! Several processes of one bot on one PostgreSQL, and servers that are divided among them.

use tributary_sandbox::{Channel, Config, Guild, Options, Person};

use super::{Backend, Bot, World, admin};

/// Some gateway processes, and some workers.
pub struct Crew {
    pub world: World,
    /// Ordered by their shards.
    pub gateways: Vec<Bot>,
    pub workers: Vec<Bot>,
}

impl Crew {
    /// This many gateways, each with one shard, and this many workers, all of them ready; `None` if there is
    /// no PostgreSQL.
    pub async fn start(gateways: u32, workers: usize) -> Option<Self> {
        Self::with(gateways, workers, &[]).await
    }

    /// The same with these environment variables of the bot's.
    pub async fn with(gateways: u32, workers: usize, settings: &[(&str, &str)]) -> Option<Self> {
        let config = Config { shards: gateways, ..Config::default() };
        let world = World::configured(Backend::Postgres, config).await?.with_settings(settings);
        let mut crew = Self { world, gateways: Vec::new(), workers: Vec::new() };
        for shard in 0..gateways {
            let gateway = crew.spawn_gateway(shard, gateways);
            crew.gateways.push(gateway);
        }
        for _ in 0..workers {
            let worker = crew.spawn_worker();
            crew.workers.push(worker);
        }
        for bot in crew.gateways.iter_mut().chain(&mut crew.workers) {
            crew.world.ready(bot).await;
        }
        Some(crew)
    }

    /// Another gateway, with one shard.
    pub fn spawn_gateway(&self, shard: u32, total: u32) -> Bot {
        self.world.spawn_with(&["--role", "gateway", "--shards", &format!("{shard}/{total}")])
    }

    /// Another worker.
    pub fn spawn_worker(&self) -> Bot {
        self.world.spawn_with(&["--role", "worker"])
    }

    /// A server whose events arrive through this shard, with somebody who manages it. Discord: "Sharding", by
    /// the server's id.
    pub fn server(&self, shard: u64, name: &str) -> (Guild, Person) {
        let total = self.gateways.len() as u64;
        loop {
            let guild = self.world.sandbox.create_guild(name);
            if (guild.id().0 >> 22) % total == shard {
                let keeper = admin(&guild, &format!("{name}'s keeper"));
                return (guild, keeper);
            }
            // Ids count milliseconds.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// The number of the process that holds a target's lane at the moment.
    pub async fn holder(&self, target: &Channel) -> Option<u32> {
        let query = format!(
            "SELECT split_part(lease_owner, '-', 1) FROM lanes WHERE target_channel_id = {}",
            target.id()
        );
        self.world.database.text(&query).await?.parse().ok()
    }

    /// Ends the leases of a process.
    pub async fn expire(&self, process: u32) {
        // Row by row, in the order in which everybody else locks them.
        let pass = format!(
            "UPDATE lanes SET lease_until = lease_until - interval '1 minute' WHERE target_channel_id IN \
            (SELECT target_channel_id FROM lanes WHERE lease_owner LIKE '{process}-%' ORDER BY target_channel_id FOR UPDATE)"
        );
        self.world.database.execute(&pass).await;
    }

    /// Opens a channel to all servers, and lets somebody from another server see it.
    pub async fn publish(&self, keeper: &Person, guild: &Guild, source: &Channel, to: &Person) {
        let options = Options::new().set("channel", source).set("audience", "servers");
        let reply = keeper.run(source, "/publish", options).await.expect("an answer");
        assert!(!reply.text().is_empty());
        guild.join(to, tributary_sandbox::Permissions::empty());
    }
}

impl World {
    /// Starts the bot's process with these arguments.
    pub fn spawn_with(&self, arguments: &[&str]) -> Bot {
        let mut command = self.command();
        command.args(arguments);
        Bot::run(command)
    }

    /// Waits until a process says that it is ready.
    pub async fn ready(&self, bot: &mut Bot) {
        self.answers(bot, 200).await;
    }

    /// Waits until a process's `/readyz` answers with this status. Returns the text.
    pub async fn answers(&self, bot: &mut Bot, status: u16) -> String {
        let address = bot.http().await;
        let started = std::time::Instant::now();
        loop {
            let (answer, body) = Bot::fetch(address, "/readyz").await;
            if answer == status {
                return body;
            }
            assert!(started.elapsed() < super::SOON, "{body}; its log:\n{}", bot.log());
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }
}
