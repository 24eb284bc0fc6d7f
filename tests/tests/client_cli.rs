//! The command `ddsx` as people and programs use it, on a live network.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod client_support;

use client_support::command::Ddsx;
use client_support::{Live, Person};
use serde_json::Value;

fn events(count: usize) -> String {
    let line = |n: usize| {
        format!(
            "{{\"n\":{n},\"net\":\"{}\"}}\n",
            if n.is_multiple_of(4) { "ak" } else { "uw" }
        )
    };
    (0..count).map(line).collect::<Vec<_>>().concat()
}

#[test]
fn should_do_the_main_job_from_the_command_line() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    let definition = "name = \"quakes\"\ncontent_type = \"application/x-ndjson\"\nlicence = \"CC0-1.0\"\n\
                      contributors_share = \"70%\"\n[[contributors]]\nlabel = \"uw\"\n";
    std::fs::write(ddsx.path("quakes.toml"), definition).unwrap();
    std::fs::write(ddsx.path("events.jsonl"), events(300)).unwrap();

    let created = ddsx.json("provider", "stream create --from quakes.toml");
    assert_eq!(created["stream"], 0);
    let again = ddsx.json("provider", "stream create --from quakes.toml --exist-ok");
    assert_eq!(
        (&again["stream"], &again["existed"]),
        (&created["stream"], &Value::Bool(true))
    );

    let (code, said) = ddsx.failure("provider", "stream append 0 events.jsonl --credit-field net");
    assert_eq!(code, 2);
    assert!(said.contains("not in the contributor table of stream 0: ak"), "{said}");
    let append =
        "stream append 0 events.jsonl --credit-field net --add-contributors --chunk-records 20 --resume state.json";
    let appended = ddsx.json("provider", append);
    assert_eq!((&appended["chunks"], &appended["records"]), (&15.into(), &300.into()));
    let again = ddsx.json("provider", append);
    assert_eq!(
        (&again["chunks"], &again["next_sequence"]),
        (&0.into(), &15.into()),
        "typed again it appends nothing"
    );

    let plan = "stream plan add 0 --name always --kind perpetual --price 12.5";
    assert_eq!(ddsx.json("provider", plan)["plan"], 0);
    let contributors = ddsx.json("buyer", "stream contributors 0");
    assert_eq!(
        (&contributors[0]["weight"], &contributors[1]["weight"]),
        (&225.into(), &75.into())
    );

    let (code, said) = ddsx.failure("buyer", "stream pull 0");
    assert_eq!(code, 1);
    assert!(said.contains("buy a licence first"), "{said}");

    let quote = ddsx.json("buyer", "licence quote 0");
    assert_eq!(
        (&quote["price"]["amount"], &quote["total"]["amount"]),
        (&"12.5".into(), &"12.5002".into())
    );
    let (code, said) = ddsx.failure("buyer", "licence buy 0 --max-price 12.49DST --yes");
    assert_eq!(code, 1);
    assert!(said.contains("above --max-price"), "{said}");
    let (code, said) = ddsx.failure("buyer", "licence buy 0 --max-price 15 --yes");
    assert_eq!(code, 2, "a limit names its token");
    assert!(said.contains("--max-price 15DST"), "{said}");
    let bought = ddsx.json(
        "buyer",
        "licence buy --stream 0 --plan always --max-price 12.5DST --yes",
    );
    assert_eq!(bought["licence"]["stream"], 0);
    assert_eq!(ddsx.json("buyer", "token balance")["balance"]["amount"], "987.4998");
    assert_eq!(ddsx.json("buyer", "licence list").as_array().unwrap().len(), 1);
    assert_eq!(
        ddsx.json("anonymous", "licence show 0")["owner"],
        live.buyer.principal.to_text()
    );

    let output = ddsx.run("buyer", "stream pull 0 --until 10 --cursor c.json");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut pulled = output.stdout;
    let output = ddsx.run("buyer", "stream pull 0 --cursor c.json");
    pulled.extend(output.stdout);
    assert_eq!(
        String::from_utf8(pulled).unwrap(),
        events(300),
        "two runs with one cursor, every byte once"
    );

    let output = ddsx.run("buyer", "--json stream pull 0 --out quakes");
    assert_eq!(
        output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count(),
        15
    );
    let report = ddsx.json("anonymous", "stream verify 0 quakes");
    assert_eq!(
        (&report["chunks"], &report["records"], &report["log_size"]),
        (&15.into(), &300.into(), &15.into())
    );
    let whole = ddsx.json("buyer", "stream verify 0");
    assert_eq!(whole["root"], ddsx.json("anonymous", "stream head 0")["root"]);

    let file = ddsx.path("quakes/000000000003.jsonl");
    let altered = std::fs::read_to_string(&file).unwrap().replacen("uw", "us", 1);
    std::fs::write(&file, altered).unwrap();
    let (code, said) = ddsx.failure("anonymous", "stream verify 0 quakes");
    assert_eq!(code, 3);
    assert!(said.contains("chunk 3: its payload was altered"), "{said}");

    let revenue = ddsx.json("anonymous", "revenue show 0");
    assert_eq!(revenue["received_units"], "1250000000");
    assert_eq!(revenue["contributors"].as_array().unwrap().len(), 2);
    let income = ddsx.json("anonymous", "revenue days 0");
    let days = income["days"].as_array().unwrap();
    assert_eq!(days.len(), 1, "{income}");
    assert_eq!(
        (&days[0]["licences"], &days[0]["received_units"]),
        (&1.into(), &"1250000000".into())
    );
}

#[test]
fn should_take_up_an_append_that_was_killed_after_its_call_was_executed() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    std::fs::write(ddsx.path("events.jsonl"), events(100)).unwrap();
    let create =
        "stream create quakes --content-type application/x-ndjson --licence MIT --contributor uw --contributor ak";
    ddsx.json("provider", create);
    let append = "stream append 0 events.jsonl --credit-field net --chunk-records 10 --resume state.json";
    ddsx.json("provider", append);
    let output = ddsx.run("provider", "--json stream pull 0");
    let first: Value = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .next()
        .unwrap()
        .unwrap();

    // The state as it was before the reply came: a batch is on its way, nothing is settled.
    let mut state: Value = serde_json::from_slice(&std::fs::read(ddsx.path("state.json")).unwrap()).unwrap();
    state["in_flight"] = serde_json::json!({
        "provider_timestamp": first["provider_time"],
        "end": state["read"],
    });
    state["read"] = serde_json::json!({ "line": 0, "offset": 0, "hash": null });
    state["next"] = 0.into();
    std::fs::write(ddsx.path("state.json"), state.to_string()).unwrap();
    // Meanwhile the file grew.
    std::fs::write(ddsx.path("events.jsonl"), events(115)).unwrap();
    let resumed = ddsx.json("provider", append);
    assert_eq!(
        (&resumed["next_sequence"], &resumed["tree_size"]),
        (&12.into(), &12.into())
    );
    let output = ddsx.run("provider", "stream pull 0");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        events(115),
        "nothing twice, nothing lost"
    );
}

#[test]
fn should_go_on_appending_beside_another_publisher_and_refuse_a_rotated_file() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    let create =
        "stream create quakes --content-type application/x-ndjson --licence MIT --contributor uw --contributor ak";
    ddsx.json("provider", create);
    let append = "stream append 0 events.jsonl --credit-field net --chunk-records 10 --resume state.json";
    std::fs::write(ddsx.path("events.jsonl"), events(30)).unwrap();
    ddsx.json("provider", append);
    // Another run, which knows nothing of the first.
    std::fs::write(ddsx.path("others.jsonl"), "{\"net\":\"uw\"}\n").unwrap();
    ddsx.json("provider", "stream append 0 others.jsonl --credit-field net");
    std::fs::write(ddsx.path("events.jsonl"), events(50)).unwrap();
    let resumed = ddsx.json("provider", append);
    assert_eq!((&resumed["chunks"], &resumed["next_sequence"]), (&2.into(), &6.into()));

    let rotated = events(60).split_off(events(50).len());
    std::fs::write(ddsx.path("events.jsonl"), &rotated).unwrap();
    let (code, said) = ddsx.failure("provider", append);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("events.jsonl") && said.contains("--new-file"), "{said}");
    let begun = ddsx.json("provider", &format!("{append} --new-file"));
    assert_eq!((&begun["records"], &begun["next_sequence"]), (&10.into(), &7.into()));
}

#[test]
fn should_say_by_its_exit_code_what_kind_of_failure_it_was() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    for (who, line, code, words) in [
        ("buyer", "stream show 7", 1, "no stream 7"),
        (
            "anonymous",
            "stream create a --content-type text/csv --licence MIT",
            1,
            "sign in first",
        ),
        ("buyer", "stream create a", 2, "media type"),
        ("buyer", "licence buy 0", 1, "no plan"),
        (
            "buyer",
            "token transfer aaaaa-aa --amount 1.123456789",
            2,
            "more than 8 decimal places",
        ),
        (
            "buyer",
            "token transfer aaaaa-aa --amount 100000",
            1,
            "the account holds 1000 DST, and 100000.0001 DST is needed",
        ),
        (
            "buyer",
            "--network http://127.0.0.1:1 --registry aaaaa-aa stream list",
            4,
            "root key",
        ),
        (
            "buyer",
            "--network https://x.invalid --registry aaaaa-aa stream list",
            2,
            "not a loopback address",
        ),
        (
            "buyer",
            "--registry aaaaa-aa --network ic --root-key zz stream list",
            2,
            "hexadecimal",
        ),
        ("buyer", "stream append 0 none.jsonl --credit me", 5, "none.jsonl"),
        ("nobody", "stream list", 5, "nobody.pem"),
    ] {
        let (got, said) = ddsx.failure(who, line);
        assert_eq!(got, code, "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}

#[test]
fn should_keep_identities_and_move_tokens_between_them() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    let made = ddsx.json("buyer", "identity new carol --scheme ed25519");
    let carol = made["principal"].as_str().unwrap().to_string();
    let (code, said) = ddsx.failure("buyer", "identity new carol");
    assert_eq!(code, 2);
    assert!(said.contains("never overwritten"), "{said}");
    assert_eq!(ddsx.json("buyer", "identity show carol")["principal"], carol.as_str());

    ddsx.json("buyer", &format!("token transfer {carol} --amount 2.5 --memo hello"));
    assert_eq!(
        ddsx.json("buyer", &format!("token balance {carol}"))["balance"]["units"],
        "250000000"
    );
    let provider: &Person = &ddsx.live.provider;
    ddsx.json(
        "buyer",
        &format!("token approve {} --amount 3 --expires-in 1h", provider.principal),
    );
    let allowance = ddsx.json("buyer", &format!("token allowance {}", provider.principal));
    assert_eq!(allowance["allowance"]["amount"], "3");
    let text = ddsx.run("buyer", &format!("--identity carol token balance {carol}"));
    assert_eq!(String::from_utf8(text.stdout).unwrap(), "2.5 DST\n");
}

#[test]
fn should_create_a_stream_in_one_confirmation_and_give_its_deposit_back() {
    let live = Live::start_paid();
    let ddsx = Ddsx::new(&live);
    let create = "stream create quakes --content-type application/x-ndjson --licence CC0-1.0 --contributors-share 70% \
                  --contributor uw --prepay 2";
    let (code, said) = ddsx.failure("provider", create);
    assert_eq!(code, 2, "nobody can be asked here");
    assert!(said.contains("deposit         1 DST (comes back"), "{said}");
    assert!(
        said.contains("total           3.01488421 DST"),
        "with one transfer fee; {said}"
    );
    let (code, said) = ddsx.failure("provider", &format!("{create} --max-price 3 --yes"));
    assert_eq!(code, 2);
    assert!(said.contains("--max-price 3DST"), "{said}");
    let (code, said) = ddsx.failure("provider", &format!("{create} --max-price 3DST --yes"));
    assert_eq!(code, 1);
    assert!(said.contains("above --max-price 3DST; nothing was charged"), "{said}");
    assert_eq!(ddsx.json("provider", "token balance")["balance"]["amount"], "1000");

    let created = ddsx.json("provider", &format!("{create} --max-price 3.1DST --yes"));
    assert_eq!(created["stream"], 0);
    assert_eq!(
        ddsx.json("provider", "token balance")["balance"]["amount"],
        "996.98511579"
    );
    let balance = ddsx.json("provider", "balance");
    assert_eq!(
        (&balance[0]["deposits"]["amount"], &balance[0]["free"]["amount"]),
        (&"1".into(), &"2".into())
    );
    let shown = ddsx.json("provider", "stream show 0");
    assert_eq!(shown["storage"]["state"], "paid");

    // A name that is taken is said before an approval costs a fee.
    let (code, said) = ddsx.failure("provider", &format!("{create} --yes"));
    assert_eq!(code, 1);
    assert!(said.contains("you have a stream of this name already"), "{said}");
    assert_eq!(
        ddsx.json("provider", "token balance")["balance"]["amount"],
        "996.98511579"
    );

    ddsx.json("provider", "stream close 0 --yes");
    let balance = ddsx.json("provider", "balance");
    assert_eq!(
        (&balance[0]["deposits"]["amount"], &balance[0]["free"]["amount"]),
        (&"0".into(), &"3".into())
    );
    let paid = ddsx.json("provider", "balance withdraw --yes");
    assert_eq!(paid["arrived"]["amount"], "2.9999");
    let balance = ddsx.json("provider", "balance top-up 0.5 --yes");
    assert_eq!(balance["free"]["amount"], "0.5");
}

#[test]
fn should_charge_nothing_where_it_can_be_seen_that_the_purchase_fails() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    for name in ["quakes", "weather"] {
        let create = format!("stream create {name} --content-type text/csv --licence MIT --contributor uw");
        ddsx.json("provider", &create);
    }
    for (stream, name, price) in [(0, "always", "12.5"), (1, "monthly", "3"), (1, "always", "30")] {
        let add = format!("stream plan add {stream} --name {name} --kind perpetual --price {price}");
        ddsx.json("provider", &add);
    }
    let made = ddsx.json("buyer", "identity new carol");
    let carol = made["principal"].as_str().unwrap().to_string();
    ddsx.json("buyer", &format!("token transfer {carol} --amount 5"));
    let balance = |who: &str| ddsx.json("anonymous", &format!("token balance {who}"))["balance"]["amount"].clone();
    let registry = live.registry.to_text();
    for (line, code, words) in [
        (
            "licence buy 0 --yes",
            1,
            "the account holds 5 DST, and 12.5002 DST is needed, fees included; nothing was charged",
        ),
        ("licence buy 1 --yes --recipient aaaaa-aa", 2, "cannot own a licence"),
        ("licence buy --stream 1 --yes", 2, "monthly"),
        (
            "licence buy --stream 1 --plan yearly --yes",
            2,
            "which plan of stream 1?",
        ),
        ("licence buy --stream 9 --yes", 1, "no stream 9"),
        ("licence buy 3 --yes", 1, "there is no plan 3"),
        (
            "stream plan add 0 --name short --kind subscription --duration 12s --price 1",
            2,
            "not 12s",
        ),
    ] {
        let (got, said) = ddsx.failure("buyer", &format!("--identity carol {line}"));
        assert_eq!(got, code, "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
        assert_eq!(balance(&carol), "5", "{line}: no fee was paid");
    }
    let open = ddsx.json("anonymous", &format!("token allowance {registry} --from {carol}"));
    assert_eq!(open["allowance"]["units"], "0");

    let bought = ddsx.json("buyer", "--identity carol licence buy --stream 1 --plan monthly --yes");
    assert_eq!(
        (&bought["licence"]["plan"], &bought["licence"]["stream"]),
        (&1.into(), &1.into())
    );
    assert_eq!(balance(&carol), "1.9998");
}

#[test]
fn should_name_the_plans_of_a_stream_whose_number_was_given_for_a_plans() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    for name in ["a", "b"] {
        let create = format!("stream create {name} --content-type text/csv --licence MIT --contributor uw");
        ddsx.json("provider", &create);
    }
    ddsx.json(
        "provider",
        "stream plan add 1 --name yearly --kind subscription --duration 1y --price 7",
    );
    let (code, said) = ddsx.failure("buyer", "licence buy 1 --yes");
    assert_eq!(code, 1, "{said}");
    for words in [
        "there is no plan 1",
        "stream 1 (b)",
        "yearly",
        "7 DST",
        "ddsx licence buy 0",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn should_name_a_config_file_that_was_found_before_money_is_spent() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    let folder = ddsx.path("place");
    std::fs::create_dir_all(folder.join("below")).unwrap();
    std::fs::copy(ddsx.path("ddsx.json"), folder.join("ddsx.toml")).unwrap();
    let json: Value = serde_json::from_slice(&std::fs::read(ddsx.path("ddsx.json")).unwrap()).unwrap();
    let toml = format!(
        "network = {}\nregistry = {}\nledger = {}\n",
        json["network"], json["registry"], json["ledger"]
    );
    std::fs::write(folder.join("ddsx.toml"), toml).unwrap();
    let output = ddsx.run_in(&folder.join("below"), "buyer", "-q token transfer aaaaa-aa --amount 1");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("on network") && said.contains("place/ddsx.toml says"),
        "{said}"
    );
}

#[test]
fn should_say_that_this_machines_clock_is_off_and_by_how_much() {
    let live = Live::start();
    let ddsx = Ddsx::new(&live);
    let create = "stream create a --content-type text/csv --licence MIT --contributor uw";
    ddsx.json("provider", create);
    let ahead = |minutes: u64| {
        let time = std::time::SystemTime::now() + std::time::Duration::from_mins(minutes);
        live.world.pic.set_time(time.into());
        // A round that is certified at the new time.
        live.world.pic.tick();
    };
    // Messages are still taken, and certificates come from the future.
    ahead(3);
    let (code, said) = ddsx.failure("buyer", "stream head 0");
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("clock is off") && said.contains("behind the network's"),
        "{said}"
    );
    // Messages signed now have expired there.
    ahead(10);
    for line in ["token balance", "stream close 0 --yes"] {
        let (code, said) = ddsx.failure("buyer", line);
        assert_eq!(code, 2, "{line}: {said}");
        assert!(said.contains("it is 10 minutes behind the network's"), "{line}: {said}");
    }
}

#[test]
fn should_do_its_work_though_every_query_is_answered_by_a_node_that_lags() {
    // An idle network has a round every 50 ms: queries lag by 1.5 s or less.
    let live = Live::start_lagging(30);
    let ddsx = Ddsx::new(&live);
    std::fs::write(ddsx.path("events.jsonl"), events(100)).unwrap();
    ddsx.json(
        "provider",
        "stream create quakes --content-type application/x-ndjson --licence MIT --contributor uw --contributor ak",
    );
    let append = "stream append 0 events.jsonl --credit-field net --chunk-records 10";
    assert_eq!(ddsx.json("provider", append)["next_sequence"], 10);
    assert_eq!(
        ddsx.json("provider", append)["next_sequence"],
        20,
        "after the last chunk, not over it"
    );
    ddsx.json("provider", "stream plan add 0 --name always --kind perpetual --price 2");
    let bought = ddsx.json("buyer", "licence buy 0 --max-price 2DST --yes");
    assert_eq!(bought["licence"]["stream"], 0);
    let (code, pulled) = {
        let output = ddsx.run("buyer", "stream pull 0");
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(code, Some(0));
    assert_eq!(pulled, events(100) + &events(100));
    ddsx.json("buyer", "token transfer aaaaa-aa --amount 997.9997");
    let (code, said) = ddsx.failure("buyer", "licence buy 0 --yes");
    assert_eq!(
        code, 1,
        "the account was just emptied, and an old balance is not believed: {said}"
    );
    assert!(said.contains("the account holds 0 DST"), "{said}");
}
