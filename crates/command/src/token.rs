//! `ddsx token`: ICRC-1 and ICRC-2 calls.

use candid::Nat;
use ddsx_client::{CallError, NetworkError, Short, amount};
use ddsx_types::Account;
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg};
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use serde_json::json;

use crate::args::TokenCommand;
use crate::balance::look_first;
use crate::context::Context;
use crate::failure::Failure;
use crate::text;
use crate::view::{tokens, tokens_json, units_text};

pub async fn run(context: &Context, command: TokenCommand) -> Result<(), Failure> {
    let ledger = context.ledger().await?;
    // Decimals decide how much an amount is: where something is sent or allowed, they and the fee are the subnet's word.
    let ledger = match command {
        TokenCommand::Transfer { .. } | TokenCommand::Approve { .. } => ledger.agreed(),
        TokenCommand::Balance { .. } | TokenCommand::Allowance { .. } => ledger,
    };
    let info = ledger.info().await?;
    let me = Account::from(ledger.network().principal());
    let parse = |text: &str| {
        amount::parse(text, info.decimals, &info.symbol)
            .map(Nat::from)
            .map_err(Failure::usage)
    };
    match command {
        TokenCommand::Balance { account } => {
            let account = account.unwrap_or(me);
            let balance = ledger.balance_of(account).await?;
            let json = json!({ "account": account.to_string(), "balance": tokens_json(&balance, &info) });
            context.output.result(&json, &tokens(&balance, &info))
        }
        TokenCommand::Transfer { to, amount, memo } => {
            let amount = parse(&amount)?;
            let memo = memo.map(|text| Memo::from(text.into_bytes()));
            let balance = ledger.balance_of(me).await?;
            let total = amount.clone() + info.fee;
            Short::check(&info, &balance, &total).map_err(Failure::refused)?;
            context.name_place(ledger.network(), &[("ledger", ledger.id())]);
            let transfer = TransferArg {
                from_subaccount: None,
                to,
                fee: Some(info.fee.into()),
                created_at_time: Some(ddsx_client::now_ns()),
                memo,
                amount: amount.clone(),
            };
            let sent = ledger.transfer(transfer).await;
            let block = sent.map_err(|error| {
                let failure = Failure::call_in(&error, &info);
                match error {
                    CallError::Network(NetworkError::OutcomeUnknown { .. }) => {
                        failure.and(&look_first("ddsx token balance"))
                    }
                    _ => failure,
                }
            })?;
            let json = json!({
                "block": units_text(&block), "to": to.to_string(), "sent": tokens_json(&amount, &info),
                "fee": tokens_json(&info.fee.into(), &info),
            });
            let said = format!("{} to {to} in block {}", tokens(&amount, &info), block.0);
            context.output.result(&json, &said)
        }
        TokenCommand::Approve {
            spender,
            amount,
            expires_in,
        } => {
            let amount = parse(&amount)?;
            let now = ddsx_client::now_ns();
            let lasting = expires_in.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
            let (before, balance) = tokio::try_join!(ledger.allowance(me, spender), ledger.balance_of(me))?;
            Short::check(&info, &balance, &info.fee.into()).map_err(Failure::refused)?;
            context.name_place(ledger.network(), &[("ledger", ledger.id())]);
            let args = ApproveArgs {
                from_subaccount: None,
                spender,
                amount: amount.clone(),
                expected_allowance: Some(before.allowance),
                expires_at: lasting.map(|time| now.saturating_add(time)),
                fee: Some(info.fee.into()),
                memo: None,
                created_at_time: Some(now),
            };
            let expires_at = args.expires_at;
            let approved = ledger.approve(args).await;
            let block = approved.map_err(|error| Failure::call_in(&error, &info))?;
            let json = json!({
                "block": units_text(&block), "spender": spender.to_string(), "allowance": tokens_json(&amount, &info),
                "expires_at": expires_at,
            });
            let until = expires_at.map_or(String::new(), |at| format!(" until {}", text::time(at)));
            let said = format!(
                "{spender} may take {}{until} (block {})",
                tokens(&amount, &info),
                block.0
            );
            context.output.result(&json, &said)
        }
        TokenCommand::Allowance { spender, from } => {
            let from = from.unwrap_or(me);
            let allowance = ledger.allowance(from, spender).await?;
            let json = json!({
                "from": from.to_string(), "spender": spender.to_string(),
                "allowance": tokens_json(&allowance.allowance, &info), "expires_at": allowance.expires_at,
            });
            let until = allowance
                .expires_at
                .map_or(String::new(), |at| format!(" until {}", text::time(at)));
            context
                .output
                .result(&json, &format!("{}{until}", tokens(&allowance.allowance, &info)))
        }
    }
}
