//! Takes secrets out of texts that are shown or logged: statements, configuration, errors. What looks like one counts as
//! one; it keeps nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// What stands in a secret's place.
pub(crate) const HIDDEN: &str = "***";

/// Parts of names under which secrets are kept; the first ones are those of `spark.redaction.regex`.
const NAMES: &str =
    r"(?:secret|password|passwd|token|access[._-]?key|api[._-]?key|credential|private[._-]?key|signature)";

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(NAMES));
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(&format!(r#"([\w.-]*{NAMES}[\w.-]*['"]?\s*(?:=>|[=,]|\bTO\b|)\s*)(?:'(?:[^']|'')*'|"[^"]*")"#))
});
static BARE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(&format!(r#"([\w.-]*{NAMES}[\w.-]*\s*=\s*)[^\s;,)&'"]+"#)));
static IN_URL: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r#"://[^/\s@'"]+@"#));

fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).case_insensitive(true).build().ok()
}

/// Whether a setting of this name holds a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    NAME.as_ref().is_none_or(|pattern| pattern.is_match(name))
}

/// A text without the secrets in it.
pub(crate) fn text(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    let rules = [(&QUOTED, "${1}'***'"), (&BARE, "${1}***"), (&IN_URL, "://***@")];
    for (pattern, instead) in rules {
        // A pattern that could not be made hides all.
        let Some(pattern) = pattern.as_ref() else { return HIDDEN.into() };
        if let Cow::Owned(changed) = pattern.replace_all(&text, instead) {
            text = Cow::Owned(changed);
        }
    }
    text.into_owned()
}

/// A setting's value, hidden where its name says that it is a secret.
pub(crate) fn value(name: &str, value: &str) -> String {
    if is_secret(name) { HIDDEN.into() } else { text(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_statements_are_hidden() {
        let sql = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 's3a://u:p@b/x' \
                   OPTIONS ('aws.access_key_id' 'AKIA', 'aws.secret_access_key' 'it''s', 'format.delimiter' ';')";
        let shown = text(sql);
        assert!(!shown.contains("AKIA") && !shown.contains("it''s") && !shown.contains("u:p"), "{shown}");
        assert!(shown.contains("'format.delimiter' ';'") && shown.contains("'aws.access_key_id' '***'"), "{shown}");
        assert_eq!(text("SET fs.s3a.session.token = abc;"), "SET fs.s3a.session.token = ***;");
        assert_eq!(text("SET fs.password TO 'abc'"), "SET fs.password TO '***'");
        assert_eq!(text("https://b/k?X-Amz-Signature=0f&a=1"), "https://b/k?X-Amz-Signature=***&a=1");
    }

    #[test]
    fn other_text_stays() {
        for sql in ["SELECT a, 'b' FROM t WHERE k = 'x'", "SELECT '<b>' AS t", "s3a://bucket/key@2"] {
            assert_eq!(text(sql), sql);
        }
    }

    #[test]
    fn settings_are_judged_by_their_names() {
        assert_eq!(value("spark.hadoop.fs.s3a.secret.key", "x"), HIDDEN);
        assert_eq!(value("spark.hadoop.fs.s3a.access.key", "x"), HIDDEN);
        assert_eq!(value("spark.app.name", "x"), "x");
        assert_eq!(value("spark.hadoop.fs.s3a.endpoint", "http://u:p@s:9"), "http://***@s:9");
    }
}
