//! The canisters' records as JSON for programs and as text for people.

use candid::{Nat, Principal};
use ddsx_client::{LedgerInfo, amount};
use ddsx_types::stream_registry::{
    Balance, ContributorInfo, ContributorRevenue, DayOfIncome, Head, Licence, LicenceTerms, Plan, PlanKind, Publisher,
    StorageState, StreamInfo, StreamRevenue, StreamStatus, StreamStorage,
};
use serde_json::{Value, json};

use crate::output::table;
use crate::text;

/// An amount as `12.5 DST`.
pub fn tokens(units: &Nat, info: &LedgerInfo) -> String {
    info.show(units)
}

/// An amount for programs: exact text, never a floating-point number.
pub fn tokens_json(units: &Nat, info: &LedgerInfo) -> Value {
    json!({
        "amount": amount::units(units).map(|units| amount::plain(units, info.decimals)),
        "units": units_text(units),
        "symbol": info.symbol,
    })
}

/// A number of smallest units as digits alone.
pub fn units_text(units: &Nat) -> String {
    units.0.to_string()
}

pub fn stream_json(info: &StreamInfo) -> Value {
    json!({
        "id": info.id,
        "owner": info.owner.to_text(),
        "name": info.name,
        "description": info.description,
        "tags": info.tags,
        "content_type": info.content_type,
        "schema": info.schema,
        "licence_terms": match &info.licence_terms {
            LicenceTerms::Spdx(id) => json!({ "spdx": id }),
            LicenceTerms::Text(text) => json!({ "text": text }),
        },
        "contact": info.contact,
        "provider_account": info.provider_account.to_string(),
        "contributors_share_bps": info.contributors_share_bps,
        "status": status(info.status),
        "created_at": info.created_at,
        "last_append_at": info.last_append_at,
        "chunks": info.chunks,
        "records": info.records,
        "bytes": info.bytes,
        "contributors": info.contributors,
        "root": info.root.to_string(),
        "open_to_everyone": info.open_to_everyone,
        "storage": info.storage.as_ref().map(storage_json),
    })
}

fn storage_json(storage: &StreamStorage) -> Value {
    json!({
        "ledger": storage.ledger.to_text(),
        "state": storage_state(storage.state),
        "bytes": storage.bytes,
        "paid_until": storage.paid_until,
        "covered_until": storage.covered_until,
        "kept_from": storage.kept_from,
        "deposit_units": units_text(&storage.deposit),
        "per_month_units": units_text(&storage.per_month),
        "from_income_units": units_text(&storage.from_income),
        "suspended": storage.suspended,
    })
}

fn storage_state(state: StorageState) -> &'static str {
    match state {
        StorageState::Paid => "paid",
        StorageState::Expiring => "expiring",
        StorageState::Dropping => "dropping",
        StorageState::Dropped => "dropped",
    }
}

fn storage_text(storage: &StreamStorage) -> String {
    let until = text::time(storage.paid_until);
    match storage.state {
        StorageState::Paid => format!("paid until {until}, {}", text::size(storage.bytes)),
        StorageState::Expiring => {
            format!("EXPIRING: paid until {until}, then the payloads are dropped; ddsx balance top-up")
        }
        StorageState::Dropping | StorageState::Dropped => {
            format!(
                "payloads before chunk {} were dropped; their proofs stay",
                storage.kept_from
            )
        }
    }
}

fn status(status: StreamStatus) -> &'static str {
    match status {
        StreamStatus::Open => "open",
        StreamStatus::Closed => "closed",
    }
}

pub fn stream_text(info: &StreamInfo) -> String {
    let terms = match &info.licence_terms {
        LicenceTerms::Spdx(id) => text::one_line(id),
        LicenceTerms::Text(text) => format!("{} bytes of text", text.len()),
    };
    let mut lines = vec![
        format!(
            "stream {}: {} ({})",
            info.id,
            text::one_line(&info.name),
            status(info.status)
        ),
        format!("  {}", text::one_line(&info.description)),
        format!("  tags            {}", text::one_line(&info.tags.join(", "))),
        format!("  content         {}", text::one_line(&info.content_type)),
        format!("  terms of use    {terms}"),
        format!("  owner           {}", info.owner),
        format!("  provider        {}", info.provider_account),
        format!(
            "  contributors    {}, sharing {} of what is left after the protocol fee",
            info.contributors,
            text::share(info.contributors_share_bps)
        ),
        format!("  created         {}", text::time(info.created_at)),
        format!(
            "  last chunk      {}",
            info.last_append_at.map_or("none yet".into(), text::time)
        ),
        format!(
            "  so far          {} chunks, {} records, {}",
            info.chunks,
            info.records,
            text::size(info.bytes)
        ),
        format!("  root            {}", info.root),
    ];
    if let Some(storage) = &info.storage {
        lines.push(format!("  storage         {}", storage_text(storage)));
        if storage.suspended {
            lines.push("  suspended by governance: it sells nothing".into());
        }
    }
    if let Some(contact) = &info.contact {
        lines.push(format!("  contact         {}", text::one_line(contact)));
    }
    if info.open_to_everyone {
        lines.push("  open to everyone: no licence is needed".into());
    }
    lines.retain(|line| !line.trim().is_empty());
    lines.join("\n")
}

pub fn streams_text(streams: &[StreamInfo]) -> String {
    if streams.is_empty() {
        return "no streams".into();
    }
    let mut rows = vec![
        ["stream", "name", "status", "chunks", "records", "size", "content"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(streams.iter().map(|info| {
        vec![
            info.id.to_string(),
            text::one_line(&info.name),
            status(info.status).into(),
            info.chunks.to_string(),
            info.records.to_string(),
            text::size(info.bytes),
            text::one_line(&info.content_type),
        ]
    }));
    table(&rows)
}

pub fn head_json(stream: u64, head: &Head, certified_at: u64) -> Value {
    json!({
        "stream": stream,
        "tree_size": head.tree_size,
        "root": head.root.to_string(),
        "timestamp": head.timestamp,
        "certified_at": certified_at,
    })
}

pub fn contributors_json(contributors: &[ContributorInfo]) -> Value {
    contributors
        .iter()
        .map(|contributor| {
            json!({
                "number": contributor.number,
                "label": contributor.label,
                "weight": contributor.weight,
                "account": contributor.account.as_ref().map(|bound| bound.account.to_string()),
                "payable_from": contributor.account.as_ref().map(|bound| bound.payable_from),
            })
        })
        .collect()
}

pub fn contributors_text(contributors: &[ContributorInfo]) -> String {
    let mut rows = vec![["number", "label", "records", "account"].map(String::from).to_vec()];
    rows.extend(contributors.iter().map(|contributor| {
        vec![
            contributor.number.to_string(),
            text::one_line(&contributor.label),
            contributor.weight.to_string(),
            contributor
                .account
                .as_ref()
                .map_or("none yet".into(), |bound| bound.account.to_string()),
        ]
    }));
    table(&rows)
}

pub fn publishers_json(publishers: &[Publisher]) -> Value {
    publishers
        .iter()
        .map(|publisher| json!({ "principal": publisher.principal.to_text(), "expires_at": publisher.expires_at }))
        .collect()
}

pub fn kind_text(kind: PlanKind) -> String {
    match kind {
        PlanKind::Subscription { duration_ns } => format!("subscription for {}", text::duration(duration_ns)),
        PlanKind::Perpetual => "perpetual".into(),
        PlanKind::Free => "free".into(),
    }
}

fn kind_json(kind: PlanKind) -> Value {
    match kind {
        PlanKind::Subscription { duration_ns } => json!({ "subscription": { "duration_ns": duration_ns } }),
        PlanKind::Perpetual => json!("perpetual"),
        PlanKind::Free => json!("free"),
    }
}

pub fn plan_json(plan: &Plan) -> Value {
    json!({
        "id": plan.id,
        "stream": plan.stream,
        "name": plan.name,
        "kind": kind_json(plan.kind),
        "prices": plan.prices.iter().map(|price| json!({
            "ledger": price.ledger.to_text(),
            "units": units_text(&price.amount),
        })).collect::<Value>(),
        "offered": plan.offered,
    })
}

/// Plans with their prices; `known` are the ledgers whose units are known.
pub fn plans_text(plans: &[Plan], known: &[(Principal, LedgerInfo)]) -> String {
    let price = |ledger: &Principal, units: &Nat| match known.iter().find(|(id, _)| id == ledger) {
        Some((_, info)) => tokens(units, info),
        None => format!("{} of the smallest units of {ledger}", units.0),
    };
    let mut rows = vec![["plan", "name", "sells", "price", ""].map(String::from).to_vec()];
    rows.extend(plans.iter().map(|plan| {
        let prices: Vec<String> = plan.prices.iter().map(|at| price(&at.ledger, &at.amount)).collect();
        vec![
            plan.id.to_string(),
            text::one_line(&plan.name),
            kind_text(plan.kind),
            prices.join(" or "),
            if plan.offered { "" } else { "not offered any more" }.into(),
        ]
    }));
    table(&rows)
}

pub fn licence_json(licence: &Licence) -> Value {
    json!({
        "id": licence.id,
        "owner": licence.owner.to_string(),
        "stream": licence.stream,
        "plan": licence.plan,
        "kind": kind_json(licence.kind),
        "terms_hash": licence.terms_hash.to_string(),
        "ledger": licence.ledger.map(|ledger| ledger.to_text()),
        "price_units": units_text(&licence.price),
        "bought_at": licence.bought_at,
        "expires_at": licence.expires_at,
    })
}

pub fn licence_text(licence: &Licence) -> String {
    format!(
        "licence {}: stream {}, {} (plan {})\n  owner   {}\n  bought  {}\n  ends    {}",
        licence.id,
        licence.stream,
        kind_text(licence.kind),
        licence.plan,
        licence.owner,
        text::time(licence.bought_at),
        licence.expires_at.map_or("never".into(), text::time),
    )
}

fn balance_json(balance: &Balance) -> Value {
    json!({
        "due_units": units_text(&balance.due),
        "in_flight_units": units_text(&balance.in_flight),
        "paid_units": units_text(&balance.paid),
        "ledger_fees_units": units_text(&balance.ledger_fees),
    })
}

pub fn revenue_json(revenue: &StreamRevenue, contributors: &[ContributorRevenue], info: &LedgerInfo) -> Value {
    json!({
        "symbol": info.symbol,
        "decimals": info.decimals,
        "received_units": units_text(&revenue.received),
        "protocol_fee_units": units_text(&revenue.protocol_fee),
        "provider": balance_json(&revenue.provider),
        "contributors_together": balance_json(&revenue.contributors),
        "held_units": units_text(&revenue.held),
        "carried_units": units_text(&revenue.carried),
        "contributors": contributors.iter().map(|contributor| json!({
            "number": contributor.number,
            "label": contributor.label,
            "weight": contributor.weight,
            "account": contributor.account.map(|account| account.to_string()),
            "balance": balance_json(&contributor.balance),
        })).collect::<Value>(),
    })
}

pub fn revenue_text(revenue: &StreamRevenue, contributors: &[ContributorRevenue], info: &LedgerInfo) -> String {
    let show = |units: &Nat| tokens(units, info);
    let row = |name: &str, records: String, balance: &Balance| {
        vec![
            name.to_string(),
            records,
            show(&balance.paid),
            show(&balance.in_flight),
            show(&balance.due),
            show(&balance.ledger_fees),
        ]
    };
    let mut rows = vec![
        ["payee", "records", "paid", "on its way", "due", "ledger fees"]
            .map(String::from)
            .to_vec(),
    ];
    rows.push(row("provider", String::new(), &revenue.provider));
    rows.extend(contributors.iter().map(|contributor| {
        row(
            &text::one_line(&contributor.label),
            contributor.weight.to_string(),
            &contributor.balance,
        )
    }));
    format!(
        "received {}; protocol fee {}; held {}; carried {}\n{}",
        show(&revenue.received),
        show(&revenue.protocol_fee),
        show(&revenue.held),
        show(&revenue.carried),
        table(&rows)
    )
}

pub fn income_json(days: &[DayOfIncome], info: &LedgerInfo) -> Value {
    json!({
        "symbol": info.symbol,
        "decimals": info.decimals,
        "days": days.iter().map(|day| json!({
            "day": text::day(day.day),
            "licences": day.licences,
            "received_units": units_text(&day.received),
        })).collect::<Value>(),
    })
}

pub fn income_text(days: &[DayOfIncome], info: &LedgerInfo) -> String {
    let mut rows = vec![["day (UTC)", "licences", "received"].map(String::from).to_vec()];
    rows.extend(days.iter().map(|day| {
        vec![
            text::day(day.day),
            day.licences.to_string(),
            tokens(&day.received, info),
        ]
    }));
    table(&rows)
}
