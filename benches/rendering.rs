//! What it costs to turn a message into what a webhook posts.
//!
//! ```text
//! cargo bench --bench rendering
//! ```

use divan::{Bencher, black_box};
use tributary::domain::limits;
use tributary::domain::message::Content;
use tributary::domain::rendering::{PartLimit, RenderContext, ThreadCaption, render};

fn main() {
    divan::main();
}

/// A text of this many characters, with a bit of everything.
#[divan::bench(args = [40, 400, 4_000])]
fn a_text(bencher: Bencher<'_, '_>, length: usize) {
    let text: String = "**Hello** <@123456789012345678>, see `code` and https://example.com 🎉\n"
        .chars()
        .cycle()
        .take(length)
        .collect();
    let content = Content {
        author: "Ada".to_owned(),
        text,
        link: "https://discord.com/channels/1/2/3".to_owned(),
        ..Content::default()
    };
    let context = RenderContext {
        part_limit: PartLimit::New,
        same_server: false,
        published_only: false,
        answered: None,
        thread: ThreadCaption::All,
        starter: None,
        namesake: false,
        file_limit: limits::FILE_BYTES,
    };
    bencher.bench(|| render(black_box(&content), black_box(&context)));
}
