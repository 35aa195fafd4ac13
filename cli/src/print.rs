//! Text for people: tables whose columns line up, times as kubectl shows them, and a standard output that may be closed by
//! whoever reads it.

use std::{
    io::{self, ErrorKind, Write},
    process,
};

use jiff::{Timestamp, Unit};

/// Writes to standard output. When nobody reads it any more there is nothing left to do.
pub fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        let code = if error.kind() == ErrorKind::BrokenPipe { 0 } else { i32::from(crate::FAILED) };
        process::exit(code);
    }
}

/// An error with its causes, those left out that another has said already.
pub fn words(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.is_empty() {
        true => cause,
        false if said.contains(&cause) => said,
        false => format!("{said}: {cause}"),
    })
}

/// Rows in columns two spaces apart; the last column is not padded.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// How long ago, in the largest unit that says enough: 95s, 12m, 5h, 3d.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = then.until((Unit::Second, now)).map_or(0, |span| span.get_seconds()).max(0);
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A time to the second.
pub fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_do_not_end_in_spaces() {
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        let text = table(&[row(["NAME", "STATE", "REASON"]), row(["größe", "RUNNING", ""])]);
        assert_eq!(text, "NAME   STATE    REASON\ngröße  RUNNING\n");
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("no such file").context("cannot read a: no such file").context("a.yaml");
        assert_eq!(words(&error), "a.yaml: cannot read a: no such file");
    }

    #[test]
    fn times_are_as_kubectl_shows_them() {
        let now = Timestamp::UNIX_EPOCH;
        let before = |seconds: i64| Timestamp::from_second(-seconds).expect("time");
        for (seconds, shown) in [(5, "5s"), (119, "119s"), (120, "2m"), (7200, "2h"), (200_000, "2d"), (-9, "0s")] {
            assert_eq!(ago(before(seconds), now), shown);
        }
    }
}
