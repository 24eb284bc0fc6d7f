//! Federated learning from the command line, on a live network: create, train, kill, go on, report, predict.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod client_support;

use std::io::{BufRead, BufReader, Read as _};

use client_support::command::Ddsx;
use client_support::{Live, LossyProxy};
use ddsx_types::federated_aggregator::StorageFee;
use serde_json::Value;

const ROUNDS: u64 = 4;
/// What a round pays, and what a client deposits, in the smallest unit.
const PER_ROUND: u64 = 100_000_000;
const STAKE: u64 = 50_000_000;

const DEFINITION: &str = r#"
name = "digits"
strategy = "FedAvg"
norm_bound = 100.0
[model]
input_shape = [64]
output = { Classes = 10 }
layers = [
  { name = "fc1", layer = { Linear = { inputs = 64, outputs = 32, bias = true } } },
  { name = "relu", layer = "Relu" },
  { name = "fc2", layer = { Linear = { inputs = 32, outputs = 10, bias = true } } },
]
[rounds]
count = 4
min_updates = 3
max_updates = 3
duration_s = 600
[join]
rule = "open"
max_clients = 3
[evaluation]
file = "held-out.csv"
tolerance = 0.05
[reward]
per_round = "1"
stake = "0.5"
[client]
learning_rate = 0.05
batch = 16
epochs = 3
scale = 16
"#;

/// UCI's digits as rows: the first 200 held out, the rest to train on.
fn write_files(ddsx: &Ddsx<'_>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/uci-digits.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let rows: Vec<&str> = text.lines().collect();
    std::fs::write(ddsx.path("held-out.csv"), rows[..200].join("\n")).unwrap();
    std::fs::write(ddsx.path("train.csv"), rows[200..].join("\n")).unwrap();
    std::fs::write(ddsx.path("first.csv"), rows[200..900].join("\n")).unwrap();
    std::fs::write(ddsx.path("second.csv"), rows[900..1_600].join("\n")).unwrap();
    std::fs::write(ddsx.path("few.csv"), rows[..20].join("\n")).unwrap();
    std::fs::write(ddsx.path("digits.toml"), DEFINITION).unwrap();
}

fn units(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn balance(ddsx: &Ddsx<'_>, who: &str) -> u64 {
    units(&ddsx.json("anonymous", &format!("token balance {who}"))["balance"]["units"])
}

#[test]
fn should_train_from_the_command_line_though_it_is_killed_and_replies_are_lost() {
    let live = Live::start_federated();
    let ddsx = Ddsx::new(&live);
    write_files(&ddsx);

    // Nobody can be asked: no task is made.
    let (code, said) = ddsx.failure("provider", "task create digits.toml");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--yes") && said.contains("budget   4 DST"), "{said}");
    assert_eq!(ddsx.json("anonymous", "task list"), serde_json::json!([]));
    // Nor is one by somebody who cannot pay it.
    ddsx.json("provider", "identity new poor");
    let poor = ddsx.json("provider", "identity show poor")["principal"]
        .as_str()
        .unwrap()
        .to_owned();
    ddsx.json("provider", &format!("token transfer {poor} --amount 3"));
    let (code, said) = ddsx.failure("provider", "--identity poor task create digits.toml --yes");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("the account holds 3 DST, and 4.0002 DST is needed"),
        "{said}"
    );
    assert_eq!(ddsx.json("anonymous", "task list"), serde_json::json!([]));
    assert_eq!(balance(&ddsx, &poor), 300_000_000);
    let held = balance(&ddsx, &live.provider.principal.to_text());
    let proxy = LossyProxy::start(&live.url);
    ddsx.connect(&proxy.url);
    proxy.lose(3);
    let created = ddsx.json("provider", "task create digits.toml --yes");
    assert_eq!((&created["task"], &created["stage"]), (&0.into(), &"running".into()));
    assert_eq!(units(&created["budget_units"]), ROUNDS * PER_ROUND);
    let owner = live.provider.principal.to_text();
    let spent = held - balance(&ddsx, &owner);
    assert_eq!(
        spent,
        ROUNDS * PER_ROUND + 20_000,
        "the budget once, an approval and a transfer"
    );
    let tasks = ddsx.json("anonymous", "task list");
    assert_eq!(tasks.as_array().unwrap().len(), 1);

    // Three clients, killed after the first round, with replies lost on the way.
    let train = "train 0 --data train.csv --clients 3 --dirichlet 1 --seed 1 --interval 200ms --max-stake 0.5DST --yes";
    let before = balance(&ddsx, &live.buyer.principal.to_text());
    for (line, code, words) in [
        ("train 0 --data train.csv", 2, "takes a stake of 0.5 DST"),
        (
            "train 0 --data train.csv --yes --max-stake 0.4DST",
            1,
            "above --max-stake 0.4DST",
        ),
        ("train 0 --data train.csv --yes --max-stake 1", 2, "--max-stake 1DST"),
        ("task join 0 --yes --max-stake 0.4DST", 1, "above --max-stake 0.4DST"),
        (
            "--identity poor train 0 --data train.csv --clients 4 --yes",
            1,
            "more do not fit",
        ),
    ] {
        let (got, said) = ddsx.failure("buyer", line);
        assert_eq!(got, code, "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
    assert_eq!(
        balance(&ddsx, &live.buyer.principal.to_text()),
        before,
        "nothing was charged"
    );
    let mut running = ddsx.start("buyer", &format!("--json {train}"));
    proxy.lose(2);
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["round"]), (&"round".into(), &1.into()));
    running.kill().unwrap();
    running.wait().unwrap();

    proxy.lose(3);
    let events = ddsx.lines("buyer", train);
    let (summary, rounds) = events.split_last().unwrap();
    assert_eq!(rounds.last().unwrap()["round"], ROUNDS);
    assert_eq!(summary["event"], "summary");
    let clients = summary["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 3);
    let mut earned = 0;
    for client in clients {
        assert_eq!(client["updates"], ROUNDS, "one update a round, though killed: {client}");
        assert_eq!(client["faults"], 0);
        assert_eq!(units(&client["in_flight_units"]) + units(&client["stake_units"]), 0);
        earned += units(&client["earned_units"]);
    }
    assert!(earned > 0 && earned <= ROUNDS * PER_ROUND);
    assert!(proxy.lost() >= 3);
    // Each stake was sent once: with the fees of its approval and of its transfer, and the ledger's for sending it.
    let buyer = live.buyer.principal.to_text();
    let staked = client_support::BALANCE - balance(&ddsx, &buyer);
    assert_eq!(staked, 3 * (STAKE + 3 * 10_000));

    let shown = ddsx.json("anonymous", "task show 0");
    assert_eq!(shown["stage"]["ended"], "completed");
    assert_eq!(shown["audit"]["conserved"], true);
    let reports = shown["reports"].as_array().unwrap();
    assert_eq!(reports.len() as u64, ROUNDS);
    assert!(
        reports.last().unwrap()["accuracy"].as_f64().unwrap() > 0.8,
        "{reports:?}"
    );
    let report = ddsx.json("anonymous", "task report 0 2");
    assert_eq!(report["clients"].as_array().unwrap().len(), 3);
    assert_eq!(report["parent_model"], reports[0]["model"]);

    let there = ddsx.json("anonymous", "predict 0 --input few.csv");
    let here = ddsx.json("anonymous", "predict 0 --input few.csv --verified");
    let classes = |predicted: &Value| -> Vec<Value> {
        let predictions = predicted["predictions"].as_array().unwrap();
        predictions.iter().map(|one| one["class"].clone()).collect()
    };
    assert_eq!((classes(&there).len(), classes(&there)), (20, classes(&here)));

    for (line, code, words) in [
        ("task report 0 99", 1, "no report of round 99"),
        ("task show 7", 1, "no task 7"),
        ("predict 0 --input 1,2", 2, "2 inputs a sample, the model has 64"),
        ("predict 0 --input none.csv", 5, "none.csv"),
        ("train 0 --data train.csv", 1, "task 0 is over"),
        ("task stop 0 --yes", 1, "owner"),
        ("task join 0", 1, "the task has ended"),
    ] {
        let (got, said) = ddsx.failure("buyer", line);
        assert_eq!(got, code, "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}

#[test]
fn should_train_on_a_licensed_stream_and_name_it_in_every_report() {
    let live = Live::start_federated();
    let ddsx = Ddsx::new(&live);
    write_files(&ddsx);
    ddsx.json(
        "provider",
        "stream create digits --content-type text/csv --licence CC-BY-4.0 --contributor uci",
    );
    let appended = ddsx.json(
        "provider",
        "stream append 0 first.csv second.csv --raw --credit uci --records 700",
    );
    assert_eq!((&appended["chunks"], &appended["records"]), (&2.into(), &1_400.into()));
    ddsx.json("provider", "stream plan add 0 --name always --kind perpetual --price 1");
    ddsx.json("provider", "task create digits.toml --yes");

    let train = "train 0 --stream 0 --clients 3 --dirichlet 1 --seed 1 --interval 200ms --yes";
    let (code, said) = ddsx.failure("buyer", train);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("buy a licence first"), "{said}");
    ddsx.json("buyer", "licence buy 0 --max-price 1DST --yes");
    let events = ddsx.lines("buyer", train);
    let summary = events.last().unwrap();
    let clients = summary["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 3);

    let head = ddsx.json("anonymous", "stream head 0");
    for round in 1..=ROUNDS {
        let report = ddsx.json("anonymous", &format!("task report 0 {round}"));
        let clients = report["clients"].as_array().unwrap();
        let samples: u64 = clients.iter().map(|client| client["samples"].as_u64().unwrap()).sum();
        assert_eq!((clients.len(), samples), (3, 1_400), "every record of the stream, once");
        for client in clients {
            let origin = &client["lineage"];
            assert_eq!(origin.as_array().unwrap().len(), 1, "{client}");
            assert_eq!(origin[0]["registry"], live.registry.to_text());
            assert_eq!((&origin[0]["stream"], &origin[0]["size"]), (&0.into(), &2.into()));
            assert_eq!(origin[0]["root"], head["root"]);
        }
    }
    let last = ddsx.json("anonymous", &format!("task report 0 {ROUNDS}"));
    assert!(last["accuracy"].as_f64().unwrap() > 0.8, "{last}");
}

#[test]
fn should_pay_a_task_in_one_confirmation_from_the_balance_first() {
    let live = Live::start_federated();
    let ddsx = Ddsx::new(&live);
    write_files(&ddsx);
    let aggregator = live.aggregator.unwrap();
    let fee = StorageFee {
        ledger: Some(live.ledger),
        per_mib: 10_000_000_u64.into(),
        cycles_per_mib: 0_u8.into(),
    };
    let world = &live.world;
    world
        .try_call::<_, ()>(world.controller, aggregator, "set_storage_fee", (fee,))
        .unwrap();
    world
        .try_call::<_, ()>(
            world.controller,
            aggregator,
            "set_draft_deposit",
            (candid::Nat::from(1_000_u32),),
        )
        .unwrap();
    let provider = live.provider.principal.to_text();
    ddsx.json("provider", "balance top-up 1 --of aggregator --yes");
    let (code, said) = ddsx.failure("provider", "task create digits.toml");
    assert_eq!(code, 2, "{said}");
    for words in [
        "total ",
        "back     at most",
        "1 DST of your prepaid balance",
        "leave your account",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(
        ddsx.json("anonymous", "task list"),
        serde_json::json!([]),
        "nothing is made before"
    );
    let held = balance(&ddsx, &provider);
    let created = ddsx.json("provider", "task create digits.toml --yes");
    let cost = |part: &str| units(&created["cost"][part]["units"]);
    assert_eq!(cost("total"), cost("storage") + ROUNDS * PER_ROUND);
    assert_eq!(cost("from_balance"), 100_000_000);
    assert_eq!(
        held - balance(&ddsx, &provider),
        cost("from_account") + 20_000,
        "one approval and one transfer"
    );
    assert_eq!(cost("from_account"), cost("total") - 100_000_000);
    let left = ddsx.json("provider", "balance --of aggregator");
    assert_eq!(units(&left[0]["free"]["units"]), 0, "{left}");
    ddsx.json("provider", "task keep 0 --off");
    ddsx.json("provider", "balance top-up 2 --of aggregator --yes");
    ddsx.json("provider", "balance withdraw --of aggregator --yes");
}

#[test]
fn should_train_though_every_query_is_answered_by_a_node_that_lags() {
    // An idle network has a round every 50 ms: queries lag by a second or less.
    let live = Live::start_lagging(20);
    let ddsx = Ddsx::new(&live);
    write_files(&ddsx);
    let created = ddsx.json("provider", "task create digits.toml --yes");
    assert_eq!((&created["task"], &created["stage"]), (&0.into(), &"running".into()));
    let events = ddsx.lines(
        "buyer",
        "train 0 --data train.csv --clients 3 --seed 1 --interval 200ms --max-stake 0.5DST --yes",
    );
    let (summary, rounds) = events.split_last().unwrap();
    assert_eq!(rounds.len() as u64, ROUNDS);
    for client in summary["clients"].as_array().unwrap() {
        assert_eq!(
            (&client["updates"], &client["faults"]),
            (&ROUNDS.into(), &0.into()),
            "{client}"
        );
    }
}
