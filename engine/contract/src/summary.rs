//! What a driver leaves behind: a summary in its termination message, small enough for the kubelet to keep it whole, and
//! an exit code that tells who must act.

use serde::{Deserialize, Serialize};

/// The longest summary in bytes; the kubelet keeps 4,096 bytes of all containers' messages.
pub const SUMMARY_LIMIT: usize = 3_500;

/// Who must act on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorClass {
    /// The application failed while it ran: its author's to mend.
    Application,
    /// What the application was given cannot be used: a script, an argument, a bucket, a key.
    BadInput,
    /// The ground gave way: executors that never came, a store that does not answer.
    Platform,
}

impl ErrorClass {
    /// The driver's exit code: 1 for the application's error, EX_DATAERR and EX_UNAVAILABLE of sysexits(3) for the others.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Application => 1,
            Self::BadInput => 65,
            Self::Platform => 69,
        }
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Who must act.
    pub class: ErrorClass,
    /// What went wrong, in a sentence or two; for SQL with the line.
    pub message: String,
}

/// The first rows of a result, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each with one text a column; nulls are empty.
    pub rows: Vec<Vec<String>>,
}

/// What a run did. Figures that the engine could not tell are 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Absent when the run succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The result in one line, such as `Pi is roughly 3.1416`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The first rows of the last query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// Rows of the last query, also those that `preview` leaves out.
    #[serde(default)]
    pub rows: u64,
    /// Statements that ran.
    #[serde(default)]
    pub statements: u32,
    /// Stages that ran.
    #[serde(default)]
    pub stages: u64,
    /// Tasks that ran.
    #[serde(default)]
    pub tasks: u64,
    /// Bytes written to shuffle files.
    #[serde(default)]
    pub shuffle_bytes: u64,
    /// Executors that were registered when the program ended.
    #[serde(default)]
    pub executors: u32,
    /// Executors that were lost while it ran.
    #[serde(default)]
    pub executors_lost: u32,
    /// Wall time of the run from its minimum of executors to its end, in seconds.
    #[serde(default)]
    pub seconds: f64,
}

impl Summary {
    /// JSON of at most [`SUMMARY_LIMIT`] bytes: rows are dropped first, from the end, then long texts are cut.
    pub fn to_termination_message(&self) -> String {
        let mut summary = self.clone();
        loop {
            let text = serde_json::to_string(&summary).unwrap_or_default();
            if text.len() <= SUMMARY_LIMIT {
                return text;
            }
            match &mut summary.preview {
                Some(preview) if !preview.rows.is_empty() => {
                    preview.rows.pop();
                }
                Some(_) => summary.preview = None,
                None => summary.cut_texts(text.len() - SUMMARY_LIMIT),
            }
        }
    }

    /// Takes at least `excess` bytes, and always at least one, from the longest text.
    fn cut_texts(&mut self, excess: usize) {
        let result = self.result.as_ref().map_or(0, String::len);
        let message = self.failure.as_ref().map_or(0, |failure| failure.message.len());
        let text = match (&mut self.result, &mut self.failure) {
            (Some(text), _) if result >= message => text,
            (_, Some(failure)) => &mut failure.message,
            _ => return,
        };
        // The ellipsis is three bytes; an escaped character may be six in JSON, so a few rounds can be needed.
        let mut end = text.len().saturating_sub(excess + 4);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_summary_is_kept_whole() {
        let summary = Summary { result: Some("Pi is roughly 3.14".into()), rows: 1, ..Summary::default() };
        let read: Summary = serde_json::from_str(&summary.to_termination_message()).expect("JSON");
        assert_eq!(read, summary);
    }

    #[test]
    fn rows_give_way_before_the_error() {
        let message = "no such table".to_string();
        let rows = vec![vec!["x".repeat(100)]; 100];
        let summary = Summary {
            failure: Some(Failure { class: ErrorClass::BadInput, message: message.clone() }),
            preview: Some(Preview { columns: vec!["a".into()], rows }),
            ..Summary::default()
        };
        let text = summary.to_termination_message();
        let read: Summary = serde_json::from_str(&text).expect("JSON");
        assert!(text.len() <= SUMMARY_LIMIT);
        assert_eq!(read.failure.expect("failure").message, message);
        assert!((1..100).contains(&read.preview.expect("preview").rows.len()));
    }

    #[test]
    fn a_message_of_any_text_fits() {
        for unit in ["a", "\"", "ü", "\u{1}", "漢"] {
            let failure = Failure { class: ErrorClass::Application, message: unit.repeat(20_000) };
            let summary = Summary { failure: Some(failure), ..Summary::default() };
            let text = summary.to_termination_message();
            assert!(text.len() <= SUMMARY_LIMIT, "{unit}: {} bytes", text.len());
            serde_json::from_str::<Summary>(&text).expect("JSON");
        }
    }
}
