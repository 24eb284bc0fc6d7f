use super::*;
use crate::testing::*;

fn get(world: &World, url: &str) -> (u16, String) {
    let response = respond(&world.host, &HttpRequest::get(url));
    (
        response.status_code,
        String::from_utf8(response.body.into_vec()).unwrap(),
    )
}

#[test]
fn should_show_figures_and_books() {
    let (world, _, plan) = World::with_plan(1_000);
    world.fund(10_000);
    world.buy(world.buy_args(plan, 1)).unwrap().unwrap();
    let (status, text) = get(&world, "/metrics?x=1");
    assert_eq!(status, 200);
    for line in [
        "registry_streams_total 1",
        "registry_chunks_total 2",
        "registry_licences_total 1",
        "registry_payments_pending 0",
        "registry_payments_quarantined 0",
        &format!("registry_received_total{{asset=\"DST\",ledger=\"{LEDGER}\"}} 1000"),
        &format!("registry_conserved{{asset=\"DST\",ledger=\"{LEDGER}\"}} 1"),
    ] {
        assert!(
            text.lines().any(|other| other.starts_with(&format!("{line} "))),
            "{line} is not in:\n{text}"
        );
    }
    assert!(text.contains("\nregistry_cycles_days_left 365 "), "{text}");
    assert!(!text.contains("\nregistry_cycles "), "the balance is for controllers");
    assert_eq!(get(&world, "/").0, 404);
}
