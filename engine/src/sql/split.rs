//! Splits a script into statements, each with the line it begins on. The parser does it, so comments and semicolons in
//! strings are no trap; nothing runs before the whole script has parsed.

use datafusion::common::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

use crate::{Error, Result};

/// A statement, the line it begins on, and its text as it was written.
#[derive(Debug)]
pub(crate) struct Located {
    pub line: u64,
    pub text: String,
    pub statement: Statement,
}

/// The statements of `script`.
pub(crate) fn split(script: &str) -> Result<Vec<Located>> {
    let mut parser = DFParserBuilder::new(script).build().map_err(|error| located(&error, 1))?;
    let mut statements = Vec::new();
    loop {
        while parser.parser.consume_token(&Token::SemiColon) {}
        let first = parser.parser.peek_token();
        if first.token == Token::EOF {
            break;
        }
        let (start, line) = (first.span.start, first.span.start.line);
        let statement = parser.parse_statement().map_err(|error| located(&error, line))?;
        let next = parser.parser.peek_token();
        let end = (next.token != Token::EOF).then_some(next.span.start);
        statements.push(Located { line, text: between(script, start, end), statement });
        if !matches!(next.token, Token::SemiColon | Token::EOF) {
            let message = format!("expected a semicolon or the end of the script, found: {}", next.token);
            return Err(Error::bad_input(message).at_line(next.span.start.line));
        }
    }
    if statements.is_empty() {
        return Err(Error::bad_input("the script holds no statement"));
    }
    Ok(statements)
}

/// The text from one place to another, or to the end. Lines and columns count from 1, columns in characters.
fn between(script: &str, start: Location, end: Option<Location>) -> String {
    let mut lines = script.split_inclusive('\n').skip(start.line.saturating_sub(1) as usize);
    let mut text = String::new();
    let mut line_number = start.line;
    while let Some(line) = lines.next().filter(|_| end.is_none_or(|end| line_number <= end.line)) {
        let from = if line_number == start.line { start.column.saturating_sub(1) as usize } else { 0 };
        let to = match end {
            Some(end) if end.line == line_number => end.column.saturating_sub(1) as usize,
            _ => usize::MAX,
        };
        text.extend(line.chars().take(to).skip(from));
        line_number += 1;
    }
    text.trim_end().to_string()
}

/// The parser says where in words; a line comes first here, as in every other message.
pub(crate) fn located(error: &DataFusionError, line: u64) -> Error {
    let line = match error.diagnostic().and_then(|diagnostic| diagnostic.span) {
        Some(span) if span.start.line > 0 => span.start.line,
        _ => line,
    };
    let error = Error::planning(error);
    let Some((message, place)) =
        error.to_string().rsplit_once(" at Line: ").map(|(m, p)| (m.to_string(), p.to_string()))
    else {
        return error.at_line(line);
    };
    let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
    let message = message.trim_start_matches("ParserError(\"").to_string();
    Error::bad_input(message).at_line(digits.parse().unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(script: &str) -> Vec<u64> {
        split(script).expect("statements").iter().map(|located| located.line).collect()
    }

    fn message(script: &str) -> String {
        split(script).expect_err("an error").to_string()
    }

    #[test]
    fn comments_strings_and_empty_statements_are_no_trap() {
        let script = "-- a; comment\n;;\nSELECT ';' AS a; /* one;\n two */ SELECT 2\n;\n\nSELECT 'it''s; fine' -- end;";
        assert_eq!(lines(script), [3, 4, 7]);
    }

    #[test]
    fn a_statements_text_is_as_it_was_written() {
        let script = "SELECT 'ü;' AS a -- one\n  ;; SELECT\n  2;\nSELECT 3 -- end\n";
        let texts: Vec<String> = split(script).expect("statements").into_iter().map(|located| located.text).collect();
        assert_eq!(texts, ["SELECT 'ü;' AS a -- one", "SELECT\n  2", "SELECT 3 -- end"]);
    }

    #[test]
    fn datafusions_own_statements_parse() {
        let script = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3a://b/t/';\nCOPY (SELECT 1) TO 's3a://b/o/' STORED AS PARQUET;\n\
                      INSERT INTO t SELECT 1;\nSET datafusion.execution.batch_size = 10;\nCREATE VIEW v AS SELECT 1";
        assert_eq!(lines(script), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_error_tells_its_line() {
        assert!(message("SELECT 1;\n\nSELEC 2").starts_with("line 3: "), "{}", message("SELECT 1;\n\nSELEC 2"));
        assert!(message("SELECT 1\nSELECT 2").starts_with("line 2: "), "{}", message("SELECT 1\nSELECT 2"));
        assert!(message("SELECT\n'open").starts_with("line 2: "), "{}", message("SELECT\n'open"));
    }

    #[test]
    fn a_script_without_a_statement_is_refused() {
        assert_eq!(message("-- nothing\n;"), "the script holds no statement");
    }
}
