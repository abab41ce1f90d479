//! Plots, as SVG.

/// Deliveries a second, by the number of followers: the bot's, and the bare loop's.
#[derive(Debug, Default)]
pub(crate) struct Throughput(pub(crate) Vec<(usize, f64, f64)>);

impl Throughput {
    pub(crate) fn add(&mut self, followers: usize, bot: f64, bare: f64) {
        self.0.push((followers, bot, bare));
    }
}
