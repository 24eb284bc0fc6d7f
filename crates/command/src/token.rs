//! `ddsx token`: ICRC-1 and ICRC-2 calls.

use candid::Nat;
use ddsx_client::amount;
use ddsx_types::Account;
use icrc_ledger_types::icrc1::transfer::Memo;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use serde_json::json;

use crate::args::TokenCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::text;
use crate::view::{tokens, tokens_json, units_text};

pub async fn run(context: &Context, command: TokenCommand) -> Result<(), Failure> {
    let ledger = context.ledger().await?;
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
            let block = ledger.pay(to, amount.clone(), memo).await?;
            let json = json!({
                "block": units_text(&block), "to": to.to_string(), "sent": tokens_json(&amount, &info),
                "fee": tokens_json(&info.fee.into(), &info),
            });
            let said = format!("{} to {to} in block {block}", tokens(&amount, &info));
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
            let before = ledger.allowance(me, spender).await?;
            let args = ApproveArgs {
                from_subaccount: None,
                spender,
                amount: amount.clone(),
                expected_allowance: Some(before.allowance),
                expires_at: lasting.map(|time| now.saturating_add(time)),
                fee: None,
                memo: None,
                created_at_time: Some(now),
            };
            let expires_at = args.expires_at;
            let block = ledger.approve(args).await?;
            let json = json!({
                "block": units_text(&block), "spender": spender.to_string(), "allowance": tokens_json(&amount, &info),
                "expires_at": expires_at,
            });
            let until = expires_at.map_or(String::new(), |at| format!(" until {}", text::time(at)));
            let said = format!("{spender} may take {}{until} (block {block})", tokens(&amount, &info));
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
