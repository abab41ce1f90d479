//! Pages of lists: by number, or by a cursor that keeps its place while items come and go.

use std::fmt::Display;

use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderName};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::paging::{Cursor, LongPage, PageSize, PageStart};
use crate::domain::public_url::PublicUrl;
use crate::domain::text;
use crate::http::problem::{Problem, ProblemCode};

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageOf<T: ToSchema> {
    items: Vec<T>,
    /// The number of this page, if it was asked for by number: from 1.
    page: Option<u64>,
    /// How many items a page has at most.
    page_size: u64,
    /// How many items there are on all pages.
    total: u64,
    /// How many pages they fill.
    total_pages: u64,
    /// The cursor of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Which page of a list was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageQuery {
    /// Where it begins.
    pub(super) start: PageStart,
    /// How much it has.
    pub(super) size: PageSize,
}

impl PageQuery {
    /// Reads `pageSize` alone.
    pub(super) fn read_size(size: Option<&str>) -> Result<PageSize, Problem> {
        match size {
            Some(size) => text::number(size)
                .and_then(PageSize::new)
                .ok_or_else(|| Problem::new(ProblemCode::InvalidPage)),
            None => Ok(PageSize::default()),
        }
    }

    /// Reads `page`, `pageSize` and `cursor`.
    pub(super) fn read(
        page: Option<&str>,
        size: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Self, Problem> {
        let invalid = || Problem::new(ProblemCode::InvalidPage);
        let size = Self::read_size(size)?;
        let start = match (page, cursor) {
            (Some(_), Some(_)) => return Err(invalid().with_detail("Give either page or cursor, not both.")),
            (None, Some(cursor)) => PageStart::At(cursor.parse::<Cursor>().map_err(|_| invalid())?),
            (page, None) => {
                let number = text::number(page.unwrap_or("1"));
                // The description says so: 63 bits.
                let fits = number.filter(|number: &std::num::NonZeroU64| i64::try_from(number.get()).is_ok());
                PageStart::Number(fits.ok_or_else(invalid)?)
            }
        };
        Ok(Self { start, size })
    }

    /// Answers with a page, and with links to its neighbours. `id` is what cursors count by.
    pub(super) fn answer<S, T: ToSchema + Serialize>(
        self,
        page: impl Into<LongPage<S>>,
        id: impl Fn(&S) -> i64,
        view: impl Fn(S) -> T,
        at: (&PublicUrl, &Uri),
    ) -> Response {
        let page = page.into();
        let older = page.items.last().filter(|_| page.has_older).map(|last| Cursor::OlderThan(id(last)));
        let newer = page.items.first().filter(|_| page.has_newer).map(|first| Cursor::NewerThan(id(first)));
        let links = [("next", older), ("prev", newer), ("first", newer.map(|_| Cursor::Newest))];
        let links = links.into_iter().filter_map(|(rel, cursor)| Some((rel, cursor?)));
        let links: Vec<String> =
            links.map(|(rel, cursor)| format!("<{}>; rel=\"{rel}\"", address(at, cursor))).collect();
        let number = match self.start {
            PageStart::Number(number) => Some(number.get()),
            PageStart::At(_) => None,
        };
        let body = PageOf {
            page: number,
            page_size: self.size.get(),
            total: page.total,
            total_pages: self.size.pages_of(page.total),
            next_cursor: older.map(|cursor| cursor.to_string()),
            items: page.items.into_iter().map(view).collect(),
        };
        let link: Option<(HeaderName, HeaderValue)> = (!links.is_empty())
            .then(|| HeaderValue::from_str(&links.join(", ")).ok())
            .flatten()
            .map(|links| (LINK, links));
        let mut answer = Json(body).into_response();
        answer.headers_mut().extend(link);
        answer
    }
}

/// The address of another page of the same list.
pub(super) fn address((url, uri): (&PublicUrl, &Uri), cursor: impl Display) -> String {
    let is_place = |part: &&str| !["page=", "cursor="].iter().any(|name| part.starts_with(name));
    let kept = uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty()).filter(is_place);
    let cursor = format!("cursor={cursor}");
    let query: Vec<&str> = kept.chain([cursor.as_str()]).collect();
    url.join(&format!("{}?{}", uri.path(), query.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read() {
        let read = |page, size, cursor| {
            PageQuery::read(page, size, cursor).ok().map(|query| (query.start, query.size.get()))
        };
        let number = |number: u64| PageStart::Number(number.try_into().unwrap());
        let cursor = Cursor::OlderThan(7);
        let text = cursor.to_string();
        assert_eq!(read(None, None, None), Some((number(1), 20)));
        assert_eq!(read(Some("3"), Some("100"), None), Some((number(3), 100)));
        assert_eq!(read(None, None, Some(&text)), Some((PageStart::At(cursor), 20)));
        for (page, size) in [("0", "20"), ("-1", "20"), ("+1", "20"), ("x", "20"), ("1", "0"), ("1", "101")] {
            assert_eq!(read(Some(page), Some(size), None), None, "{page} {size}");
        }
        assert_eq!(read(Some("1"), None, Some(&text)), None);
        assert_eq!(read(None, None, Some("x")), None);
    }

    #[test]
    fn other_pages_keep_the_filters() {
        let url = PublicUrl::new(true, "bot.example.org", None);
        let uri: Uri = "/api/v1/x?state=broken&page=2&pageSize=5".parse().unwrap();
        let cursor = Cursor::OlderThan(7);
        let expected = format!("https://bot.example.org/api/v1/x?state=broken&pageSize=5&cursor={cursor}");
        assert_eq!(address((&url, &uri), cursor), expected);
    }
}
