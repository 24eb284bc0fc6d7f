//! A message before it is laid out, and its two layouts: Markdown for a display that scrolls, fields for a small device.

use std::fmt::Write;

use candid::Principal;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc21::requests::DisplayMessageType;
use icrc_ledger_types::icrc21::responses::{ConsentMessage, FieldsDisplay, Value};

use super::text::{code, date, decimal, memo_text};
use crate::config::Config;

/// What is told, a title and labelled values.
pub(super) struct Message {
    intent: String,
    explanation: &'static str,
    lines: Vec<Line>,
}

struct Line {
    label: &'static str,
    shown: Shown,
    /// What the value means; for the display that has room for it.
    note: &'static str,
}

/// A value, which each layout shows in its own way.
enum Shown {
    Account(Account),
    Amount(u128),
    Memo(Vec<u8>),
    /// Nanoseconds.
    Time(u64),
    Text(&'static str),
}

impl Message {
    pub(super) const fn new(intent: String, explanation: &'static str) -> Self {
        Self {
            intent,
            explanation,
            lines: Vec::new(),
        }
    }

    fn line(mut self, label: &'static str, shown: Shown, note: &'static str) -> Self {
        self.lines.push(Line { label, shown, note });
        self
    }

    /// An account; one of the anonymous principal stands for a caller who is not known yet, and is left out.
    pub(super) fn account(self, label: &'static str, account: Account) -> Self {
        if account.owner == Principal::anonymous() {
            return self;
        }
        self.line(label, Shown::Account(account), "")
    }

    /// Smallest units.
    pub(super) fn amount(self, label: &'static str, amount: u128, note: &'static str) -> Self {
        self.line(label, Shown::Amount(amount), note)
    }

    /// Nanoseconds, or in words that there is no such time.
    pub(super) fn time(self, label: &'static str, time: Option<u64>, without: &'static str) -> Self {
        self.line(label, time.map_or(Shown::Text(without), Shown::Time), "")
    }

    pub(super) fn memo(self, memo: Option<&[u8]>) -> Self {
        match memo {
            None => self,
            Some(memo) => self.line("Memo", Shown::Memo(memo.to_vec()), ""),
        }
    }

    /// The message for a device, and the offset from UTC (minutes) in which it tells times, if it tells any.
    pub(super) fn render(
        &self,
        config: &Config,
        device: Option<&DisplayMessageType>,
        utc_offset_minutes: Option<i16>,
    ) -> (ConsentMessage, Option<i16>) {
        match device {
            Some(DisplayMessageType::FieldsDisplay) => (self.fields(config), None),
            Some(DisplayMessageType::GenericDisplay) | None => self.markdown(config, utc_offset_minutes.unwrap_or(0)),
        }
    }

    fn markdown(&self, config: &Config, utc_offset_minutes: i16) -> (ConsentMessage, Option<i16>) {
        let mut message = format!("# {}\n\n{}", self.intent, self.explanation);
        let mut offset_used = None;
        for Line { label, shown, note } in &self.lines {
            // Short values stand beside their label, long ones below it.
            let value = match shown {
                Shown::Amount(amount) => format!(" {}", code(&with_symbol(*amount, config))),
                Shown::Account(account) => format!("  \n{}", code(&account.to_string())),
                Shown::Memo(memo) => format!("  \n{}", code(&memo_text(memo))),
                Shown::Text(text) => format!("  \n{text}"),
                Shown::Time(time) => {
                    let (date, offset) = date(*time, utc_offset_minutes);
                    offset_used = Some(offset);
                    format!("  \n{date}")
                }
            };
            let break_before_note = if note.is_empty() { "" } else { "  \n" };
            // Writing to a `String` does not fail.
            let _ = write!(message, "\n\n**{label}:**{value}{break_before_note}{note}");
        }
        (ConsentMessage::GenericDisplayMessage(message), offset_used)
    }

    fn fields(&self, config: &Config) -> ConsentMessage {
        let text = |content: String| Value::Text { content };
        let fields = self.lines.iter().map(|Line { label, shown, .. }| {
            let value = match shown {
                Shown::Account(account) => text(account.to_string()),
                Shown::Memo(memo) => text(memo_text(memo)),
                Shown::Text(content) => text((*content).to_owned()),
                Shown::Time(time) => Value::TimestampSeconds {
                    amount: time / 1_000_000_000,
                },
                // The standard's field has 64 bits for an amount.
                Shown::Amount(amount) => match u64::try_from(*amount) {
                    Ok(amount) => Value::TokenAmount {
                        decimals: config.decimals,
                        amount,
                        symbol: config.symbol.clone(),
                    },
                    Err(_) => text(with_symbol(*amount, config)),
                },
            };
            ((*label).to_owned(), value)
        });
        ConsentMessage::FieldsDisplayMessage(FieldsDisplay {
            intent: self.intent.clone(),
            fields: fields.collect(),
        })
    }
}

fn with_symbol(amount: u128, config: &Config) -> String {
    format!("{} {}", decimal(amount, config.decimals), config.symbol)
}
