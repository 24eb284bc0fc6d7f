//! Instructions are counted as PocketIC counts them: within 3 % or 500, whichever is more.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{anonymous, install, number, pocket_ic};

#[test]
fn should_count_instructions_as_pocketic_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metering");
    let golden = std::fs::read(folder.join("golden.json")).unwrap();
    let golden: BTreeMap<String, u64> = serde_json::from_slice(&golden).unwrap();
    assert_eq!(golden.len(), 13);
    let pic = pocket_ic();
    let mut wrong = Vec::new();
    for (name, expected) in golden {
        let wat = std::fs::read_to_string(folder.join(format!("{name}.wat"))).unwrap();
        let canister = install(&pic, &wat);
        let reply = if wat.contains("canister_query run") {
            pic.query_call(canister, anonymous(), "run", vec![])
        } else {
            pic.update_call(canister, anonymous(), "run", vec![])
        };
        let reply = reply.unwrap();
        let counted = number(&reply[reply.len() - 8..]);
        println!("{name}: {counted}, expected {expected}");
        if counted.abs_diff(expected) > (expected * 3 / 100).max(500) {
            wrong.push((name, counted, expected));
        }
    }
    assert_eq!(wrong, []);
}
