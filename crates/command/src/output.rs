//! Results on stdout; remarks and progress on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use ddsx_client::words::{acts, visible};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::failure::Failure;

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether stdout is for programs.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// A result: JSON for programs, `text` for people.
    pub fn result(self, json: &Value, text: &str) -> Result<(), Failure> {
        if self.json { json_line(json) } else { line(text) }
    }

    /// Words for people, on stderr.
    pub fn remark(self, text: &str) {
        if !self.quiet {
            eprintln!("{}", visible(text));
        }
    }

    /// A progress bar, on a terminal only. `total` 0 makes it a spinner.
    pub fn progress(self, total: u64, what: &str) -> ProgressBar {
        let hidden = self.quiet || self.json || !io::stderr().is_terminal();
        let target = if hidden {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let (bar, template) = if total == 0 {
            (ProgressBar::no_length(), "{spinner} {msg} {pos}")
        } else {
            (ProgressBar::new(total), "{msg} [{bar:32}] {pos}/{len} {eta}")
        };
        bar.set_draw_target(target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_string());
        if !hidden {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        bar
    }
}

/// Words for people on stdout, with nothing in them that acts on a terminal.
pub fn line(text: &str) -> Result<(), Failure> {
    write_line(&visible(text.trim_end_matches('\n')))
}

/// A document for programs, on one line of stdout.
pub fn json_line(json: &Value) -> Result<(), Failure> {
    write_line(&escaped_json(json))
}

/// JSON that acts on no terminal either: JSON itself escapes some control characters only. Outside of strings it has none.
fn escaped_json(json: &Value) -> String {
    let text = json.to_string();
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) {
            safe.push_str("\\u");
            for nibble in (0..4).rev().map(|place| (u32::from(character) >> (4 * place)) & 0xf) {
                safe.extend(char::from_digit(nibble, 16));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

fn write_line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").map_err(|error| stdout_error(&error))
}

/// Bytes on stdout as they are, handed to whoever reads.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| stdout_error(&error))
}

/// Asks a yes-or-no question on the terminal. Where nobody can answer, the command must say `--yes`.
pub fn confirm(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("nobody can be asked here; give --yes to confirm"));
    }
    eprint!("{} [y/N] ", visible(question));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::local(format!("the answer cannot be read: {error}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn stdout_error(error: &io::Error) -> Failure {
    Failure::local(format!("stdout: {error}"))
}

/// Rows in columns, the first row being their names.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_write_json_that_acts_on_no_terminal_and_says_the_same() {
        let told = serde_json::json!({ "name": "a\u{1b}\u{9b}\u{202e}é\n" });
        let text = escaped_json(&told);
        assert_eq!(text, "{\"name\":\"a\\u001b\\u009b\\u202eé\\n\"}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), told);
    }

    #[test]
    fn should_align_columns() {
        let rows = [vec!["a".into(), "long".into()], vec!["bcd".into(), "x".into()]];
        assert_eq!(table(&rows), "a    long\nbcd  x\n");
        assert_eq!(table(&[]), "");
    }
}
