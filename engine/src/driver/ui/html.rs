//! Writes HTML so that nothing a user wrote can become markup: markup is only what stands in this program's source, every
//! value is escaped on its way in.

use std::fmt::{Display, Write};

/// A page or a part of one.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup; each `{}` in it is filled with the next value, escaped for text and attributes alike.
    pub(super) fn put(&mut self, markup: &'static str, values: &[&dyn Display]) -> &mut Self {
        let mut values = values.iter();
        let mut parts = markup.split("{}");
        self.0.push_str(parts.next().unwrap_or_default());
        for part in parts {
            if let Some(value) = values.next() {
                // Writing into a string does not fail.
                let _ = write!(Escaped(&mut self.0), "{value}");
            }
            self.0.push_str(part);
        }
        self
    }

    /// Adds what was written before.
    pub(super) fn add(&mut self, part: Html) -> &mut Self {
        self.0.push_str(&part.0);
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Characters that a page may not hold, and those that turn the direction of what follows.
                '\u{0}'..='\u{8}'
                | '\u{b}'..='\u{1f}'
                | '\u{7f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => {
                    self.0.push('\u{fffd}');
                }
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn values_never_become_markup() {
        let mut html = Html::default();
        let hostile = "</pre><script>alert('x')</script>\" onload=\"\u{202e}\u{0}{}&amp;";
        html.put("<pre title=\"{}\">{}</pre>", &[&hostile, &hostile]);
        let text = html.into_string();
        assert_eq!(text.matches('<').count(), 2, "{text}");
        assert_eq!(text.matches('"').count(), 2, "{text}");
        assert!(text.contains("&#39;x&#39;") && text.contains("{}&amp;amp;") && !text.contains('\u{202e}'), "{text}");
    }

    #[test]
    fn values_fill_their_places_in_order() {
        let mut html = Html::default();
        html.put("<b>{}</b><i>{}</i>", &[&1, &"a < b"]).put("<hr>", &[]);
        assert_eq!(html.into_string(), "<b>1</b><i>a &lt; b</i><hr>");
    }
}
