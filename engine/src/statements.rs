//! The statements of a run, for whoever looks and for the log: what they say, when they ran, and how they ended. The last
//! ones are kept, without their secrets. It runs nothing.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::redact;

/// Statements that are kept.
const KEPT: usize = 500;
/// Characters of a statement that are kept.
const KEPT_CHARS: usize = 4_000;
/// Characters of a statement in the log.
const LOGGED_CHARS: usize = 100;

/// How a statement ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With so many rows, where it has any.
    Done(Option<u64>),
    Failed(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// From 1.
    pub number: u32,
    /// Where it begins in its script.
    pub line: Option<u64>,
    /// Without secrets, cut where it is long.
    pub text: String,
    /// Milliseconds since the epoch.
    pub started_at: u64,
    /// With the time; absent while it runs, and where only its jobs tell.
    pub end: Option<(u64, End)>,
    /// A program planned it and runs it when it likes: its jobs tell how it goes.
    pub by_jobs: bool,
}

#[derive(Debug, Default)]
struct Book {
    count: u32,
    of: Option<u32>,
    kept: VecDeque<Statement>,
}

#[derive(Debug, Default)]
pub(crate) struct Statements(Mutex<Book>);

impl Statements {
    /// How many there will be.
    pub(crate) fn expect(&self, count: u32) {
        self.lock().of = Some(count);
    }

    /// How many there are to be, where that is known.
    pub(crate) fn expected(&self) -> Option<u32> {
        self.lock().of
    }

    /// Begins the next one; returns its number.
    pub(crate) fn begin(&self, text: &str, line: Option<u64>) -> u32 {
        let text = cut(&redact::text(&cut(text.trim(), KEPT_CHARS * 2)), KEPT_CHARS);
        let mut book = self.lock();
        book.count += 1;
        let number = book.count;
        book.kept.push_back(Statement { number, line, text, started_at: now(), end: None, by_jobs: false });
        if book.kept.len() > KEPT {
            book.kept.pop_front();
        }
        number
    }

    /// A statement was planned; its jobs will tell the rest.
    pub(crate) fn leave_to_jobs(&self, number: u32) {
        self.change(number, |statement| statement.by_jobs = true);
    }

    pub(crate) fn end(&self, number: u32, end: End) {
        let end = match end {
            End::Failed(error) => End::Failed(redact::text(&error)),
            end => end,
        };
        self.change(number, |statement| statement.end = Some((now(), end)));
    }

    /// Those that are kept, oldest first.
    pub(crate) fn all(&self) -> Vec<Statement> {
        self.lock().kept.iter().cloned().collect()
    }

    /// `statement 3 of 7 (line 12)`.
    pub(crate) fn name(&self, number: u32) -> String {
        let book = self.lock();
        let of = book.of.map_or_else(String::new, |of| format!(" of {of}"));
        let line = book.kept.iter().find(|statement| statement.number == number).and_then(|statement| statement.line);
        format!("statement {number}{of}{}", line.map_or_else(String::new, |line| format!(" (line {line})")))
    }

    /// The beginning of a statement in one line.
    pub(crate) fn head(&self, number: u32) -> String {
        let book = self.lock();
        let statement = book.kept.iter().find(|statement| statement.number == number);
        statement.map_or_else(String::new, |statement| one_line(&statement.text, LOGGED_CHARS))
    }

    fn change(&self, number: u32, change: impl FnOnce(&mut Statement)) {
        if let Some(statement) = self.lock().kept.iter_mut().rev().find(|statement| statement.number == number) {
            change(statement);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of a text without line breaks and runs of spaces.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > limit * 4 {
            break;
        }
    }
    cut(&line, limit)
}

/// At most `limit` characters, the last an ellipsis where some were cut.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_string(),
        Some(_) => text.chars().take(limit - 1).chain(['…']).collect(),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_numbered_on() {
        let statements = Statements::default();
        statements.expect(700);
        for line in 1..=KEPT as u64 + 3 {
            statements.begin("SELECT\n  1,  2", Some(line));
        }
        let all = statements.all();
        assert_eq!((all.len(), all[0].number), (KEPT, 4));
        let last = all[KEPT - 1].number;
        statements.end(last, End::Done(Some(1)));
        assert_eq!(statements.all()[KEPT - 1].end.as_ref().expect("end").1, End::Done(Some(1)));
        assert_eq!(statements.name(last), format!("statement {last} of 700 (line {last})"));
        assert_eq!(statements.head(last), "SELECT 1, 2");
    }

    #[test]
    fn a_long_statement_is_cut_and_none_tells_a_secret() {
        let statements = Statements::default();
        let number = statements.begin(&format!("SET x.password = 'geheim'; {}", "ü".repeat(9_000)), None);
        let text = &statements.all()[0].text;
        assert!(text.chars().count() == KEPT_CHARS && text.ends_with('…') && !text.contains("geheim"));
        statements.end(number, End::Failed("token = 'abc' is wrong".into()));
        assert!(!format!("{:?}", statements.all()[0]).contains("abc"));
        assert_eq!(statements.head(number).chars().count(), LOGGED_CHARS);
    }
}
