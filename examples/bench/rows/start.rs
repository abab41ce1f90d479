//! From the start of the program until `/readyz` says that it is ready, minus the time that Discord took to
//! answer.

use tributary_sandbox::Limits;

use crate::bot::Bot;
use crate::database::Database;
use crate::discord::Stage;
use crate::figure::{Figure, met};
use crate::stats::{Sorted, milliseconds};
use crate::{Failure, Report, Setup, follows};

pub(crate) async fn measure(setup: &Setup, report: &mut Report) -> Result<(), Failure> {
    let database = Database::sqlite(setup)?;
    let (mut own, mut discords) = (Vec::new(), Vec::new());
    let stage = Stage::new(Limits::off()).await?;
    let source = stage.guild.text("source");
    follows::fill(&database, &stage, &source, &stage.targets(20)?).await?;
    for _ in 0..if setup.quick { 2 } else { 20 } {
        let before = stage.took();
        let mut bot = Bot::start(setup, &stage, &database, &[])?;
        let ready = bot.wait_until_ready().await?;
        let took = stage.took().saturating_sub(before);
        bot.kill()?;
        own.push(milliseconds(ready.saturating_sub(took)));
        discords.push(milliseconds(took));
    }
    let (own, discords) = (Sorted::new(own), Sorted::new(discords));
    report.add(Figure {
        what: "start to ready on SQLite".to_owned(),
        against: format!("(Discord's answers took {:.0} ms, not counted)", discords.median()),
        expected: "under 300 ms of its own".to_owned(),
        got: format!("{:.0} ms (p95 {:.0} ms)", own.median(), own.quantile(0.95)),
        ratio: format!("{:.2} of 300 ms", own.median() / 300.0),
        met: met(setup.quick, own.quantile(0.95) < 300.0),
    });
    database.remove().await
}
