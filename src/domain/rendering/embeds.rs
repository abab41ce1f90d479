//! Embeds within Discord's limits: cut, without what would be refused, and grouped into as many messages as
//! they need.

use chrono::{DateTime, Datelike, FixedOffset, Timelike};

use crate::domain::{
    limits,
    message::{Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedMedia},
    text,
};

use super::{address, mentions::Mentions};
use crate::domain::text::shortened;

/// The text where Discord requires one and there is none. Discord trims white space, but keeps this.
const EMPTY: &str = "\u{200B}";

/// The embeds of a message as they can be sent.
#[derive(Debug, Default)]
pub(super) struct GroupedEmbeds {
    /// In order, each group for one message.
    pub(super) groups: Vec<Vec<Embed>>,
    /// How many fields were left out.
    pub(super) lost_fields: usize,
}

/// Brings embeds within the limits. Those that show nothing are left out.
pub(super) fn grouped<'a>(embeds: impl Iterator<Item = &'a Embed>, mentions: Mentions<'_>) -> GroupedEmbeds {
    let mut grouped = GroupedEmbeds::default();
    let mut used = 0;
    for embed in embeds {
        let (embed, lost_fields) = within_limits(embed, mentions);
        grouped.lost_fields += lost_fields;
        let Some(embed) = embed else { continue };
        let length = length(&embed);
        match grouped.groups.last_mut() {
            Some(group) if group.len() < limits::EMBEDS && used + length <= limits::EMBEDS_TOTAL => {
                group.push(embed);
                used += length;
            }
            _ => {
                grouped.groups.push(vec![embed]);
                used = length;
            }
        }
    }
    grouped
}

/// An embed as it can be sent, if it shows anything, and the number of fields that were left out. Where the
/// total is too long, what comes first is kept: title, author, description, fields, footer.
fn within_limits(embed: &Embed, mentions: Mentions<'_>) -> (Option<Embed>, usize) {
    let mut budget = Budget(limits::EMBEDS_TOTAL);
    let title = embed.title.as_deref().and_then(|title| budget.take(title, limits::EMBED_TITLE));
    let author = embed.author.as_ref().and_then(|author| within(author, &mut budget));
    let description = embed
        .description
        .as_deref()
        .and_then(|text| budget.take(&mentions.named(text), limits::EMBED_DESCRIPTION));
    let fields: Vec<_> = embed
        .fields
        .iter()
        .take(limits::EMBED_FIELDS)
        .map_while(|field| budget.field(field, mentions))
        .collect();
    let lost_fields = embed.fields.len() - fields.len();
    let footer = embed.footer.as_ref().and_then(|footer| {
        let icon_url = footer.icon_url.as_deref().and_then(address::picture);
        Some(EmbedFooter { text: budget.take(&footer.text, limits::EMBED_FOOTER)?, icon_url })
    });
    let image = embed.image.as_ref().and_then(picture);
    let thumbnail = embed.thumbnail.as_ref().and_then(picture);
    let shows = title.is_some()
        || author.is_some()
        || description.is_some()
        || footer.is_some()
        || image.is_some()
        || thumbnail.is_some()
        || fields.iter().any(|field| text::is_visible(&field.name) || text::is_visible(&field.value));
    let embed = shows.then(|| Embed {
        title,
        description,
        url: embed.url.as_deref().and_then(address::public),
        timestamp: embed.timestamp.clone().filter(|timestamp| is_timestamp(timestamp)),
        color: embed.color.filter(|color| *color <= limits::COLOR),
        footer,
        image,
        thumbnail,
        author,
        fields,
    });
    (embed, lost_fields)
}

fn within(author: &EmbedAuthor, budget: &mut Budget) -> Option<EmbedAuthor> {
    Some(EmbedAuthor {
        name: budget.take(&author.name, limits::EMBED_AUTHOR)?,
        url: author.url.as_deref().and_then(address::public),
        icon_url: author.icon_url.as_deref().and_then(address::picture),
    })
}

fn picture(media: &EmbedMedia) -> Option<EmbedMedia> {
    address::picture(&media.url).map(|url| EmbedMedia { url })
}

/// The length of everything that counts in an embed (Discord: "Embed Limits").
fn length(embed: &Embed) -> usize {
    let single = [
        embed.title.as_deref(),
        embed.description.as_deref(),
        embed.footer.as_ref().map(|footer| footer.text.as_str()),
        embed.author.as_ref().map(|author| author.name.as_str()),
    ];
    let fields = embed.fields.iter().flat_map(|field| [field.name.as_str(), field.value.as_str()]);
    single.into_iter().flatten().chain(fields).map(text::units).sum()
}

/// How long the rest of an embed may be.
struct Budget(usize);

impl Budget {
    /// A text, cut to its limit and the budget; `None` where nothing of it can be seen.
    fn take(&mut self, raw: &str, limit: usize) -> Option<String> {
        let raw = raw.trim();
        let kept = shortened(raw, limit.min(self.0));
        (text::is_visible(raw) && !kept.is_empty()).then(|| self.spend(kept.into_owned()))
    }

    /// A field; `None` where the budget has no room for one.
    fn field(&mut self, field: &EmbedField, mentions: Mentions<'_>) -> Option<EmbedField> {
        if self.0 < 2 {
            return None;
        }
        self.0 -= 1; // of the value
        let name = self
            .take(&mentions.named(&field.name), limits::FIELD_NAME)
            .unwrap_or_else(|| self.spend(EMPTY.to_owned()));
        self.0 += 1;
        let value = self
            .take(&mentions.named(&field.value), limits::FIELD_VALUE)
            .unwrap_or_else(|| self.spend(EMPTY.to_owned()));
        Some(EmbedField { name, value, inline: field.inline })
    }

    fn spend(&mut self, text: String) -> String {
        self.0 = self.0.saturating_sub(text::units(&text));
        text
    }
}

/// Whether a text is a date and time in RFC 3339 as Discord writes it: it refuses any other. The parser also
/// takes small letters, a space, the year 0, leap seconds, and fractions of any length.
fn is_timestamp(text: &str) -> bool {
    let fraction = text.bytes().skip(20).take_while(u8::is_ascii_digit).count();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-+:.TZ".contains(&byte));
    let is_usual = |time: DateTime<FixedOffset>| time.year() > 0 && time.nanosecond() < 1_000_000_000;
    is_plain && fraction <= 9 && DateTime::parse_from_rfc3339(text).is_ok_and(is_usual)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HERE: Mentions<'_> = Mentions::HERE;

    fn described(length: usize) -> Embed {
        Embed { description: Some("x".repeat(length)), ..Embed::default() }
    }

    #[test]
    fn what_is_within_the_limits_stays_as_it_is() {
        let embed = Embed {
            title: Some("Title".to_owned()),
            description: Some("Text".to_owned()),
            url: Some("https://example.com/".to_owned()),
            timestamp: Some("2026-08-01T12:00:00.000000+00:00".to_owned()),
            color: Some(0x00FF_FFFF),
            footer: Some(EmbedFooter {
                text: "Foot".to_owned(),
                icon_url: Some("attachment://a.png".to_owned()),
            }),
            image: Some(EmbedMedia { url: "https://example.com/a.png".to_owned() }),
            thumbnail: Some(EmbedMedia { url: "https://example.com/b.png".to_owned() }),
            author: Some(EmbedAuthor { name: "Ada".to_owned(), url: None, icon_url: None }),
            fields: vec![EmbedField { name: "N".to_owned(), value: "V".to_owned(), inline: true }],
        };
        assert_eq!(grouped([&embed].into_iter(), HERE).groups, [[embed]]);
    }

    #[test]
    fn what_shows_nothing_goes() {
        let blank = Embed {
            title: Some(" \u{200B}".to_owned()),
            color: Some(1),
            url: Some("https://example.com".to_owned()),
            image: Some(EmbedMedia { url: "file:///etc/passwd".to_owned() }),
            fields: vec![EmbedField { name: " ".to_owned(), value: String::new(), inline: false }],
            ..Embed::default()
        };
        assert!(grouped([blank, Embed::default()].iter(), HERE).groups.is_empty());
    }

    #[test]
    fn fields_keep_their_place_without_name_or_value() {
        let field = |name: &str, value: &str| EmbedField {
            name: name.to_owned(),
            value: value.to_owned(),
            inline: true,
        };
        let embed = Embed { fields: vec![field(" ", "v"), field("n", "")], ..Embed::default() };
        let (shown, _) = within_limits(&embed, HERE);
        assert_eq!(shown.unwrap().fields, [field(EMPTY, "v"), field("n", EMPTY)]);
    }

    #[test]
    fn more_than_fits_is_cut_and_counted() {
        let field = EmbedField { name: "n".repeat(300), value: "v".repeat(2000), inline: false };
        let embed = Embed { fields: vec![field; 30], ..described(5000) };
        let (shown, lost) = within_limits(&embed, HERE);
        let shown = shown.unwrap();
        assert_eq!(text::units(shown.description.as_deref().unwrap()), 4096);
        assert!(shown.description.unwrap().ends_with('…') && shown.fields[0].value.ends_with('…'));
        assert_eq!((shown.fields.len(), lost), (2, 28));
    }

    #[rstest]
    #[case(&[3000, 3000], &[2])]
    #[case(&[3000, 3001, 10], &[1, 2])]
    #[case(&[4000, 4000, 4000], &[1, 1, 1])]
    #[case(&[1; 12], &[10, 2])]
    fn are_grouped_in_order(#[case] lengths: &[usize], #[case] groups: &[usize]) {
        let embeds: Vec<_> = lengths.iter().map(|length| described(*length)).collect();
        let grouped: Vec<_> = grouped(embeds.iter(), HERE).groups.iter().map(Vec::len).collect();
        assert_eq!(grouped, groups);
    }

    #[rstest]
    #[case("2024-02-29T23:59:59Z", true)]
    #[case("2026-08-01T12:00:00.5-07:00", true)]
    #[case("2023-02-29T00:00:00Z", false)]
    #[case("2026-08-01", false)]
    #[case("2026-08-01T12:00:00", false)]
    #[case("2026-08-01T12:00:00.Z", false)]
    #[case("2026-13-01T12:00:00Z", false)]
    #[case("yesterday", false)]
    #[case("", false)]
    #[case("0001-01-01T00:00:00+23:59", true)]
    #[case("0000-01-01T00:00:00Z", false)]
    #[case("9999-12-31T23:59:59.123456789-23:59", true)]
    #[case("2026-08-01T12:00:00.1234567890Z", false)]
    #[case("2026-08-01T12:00:00.000000+24:00", false)]
    #[case("2026-08-01T12:00:00+00:60", false)]
    #[case("2026-08-01T12:00:00+0000", false)]
    #[case("2026-08-01T12:00:00+00", false)]
    #[case("2026-08-01T12:00:00\u{2212}01:00", false)]
    #[case("2026-08-01T12:00:00ZZ", false)]
    #[case("2026-08-01T12:00:00z", false)]
    #[case("2026-08-01t12:00:00Z", false)]
    #[case("2026-08-01 12:00:00Z", false)]
    #[case("2026-06-30T23:59:60Z", false)]
    #[case("2026-08-01T24:00:00Z", false)]
    #[case("2026-8-01T12:00:00Z", false)]
    #[case("+2026-08-01T12:00:00Z", false)]
    fn timestamps(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(is_timestamp(text), valid);
    }
}
