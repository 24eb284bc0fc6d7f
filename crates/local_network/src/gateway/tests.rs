//! Which canister a request names, and that no text becomes markup.

use axum::body::{Body, to_bytes};
use axum::http::Request;

use super::address::{InvalidId, cookie, find};
use super::*;

const A: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
const B: &str = "ryjl3-tyaaa-aaaaa-aaaba-cai";

fn request(uri: &str, headers: &[(&str, String)]) -> Request<Body> {
    let builder = headers
        .iter()
        .fold(Request::builder().uri(uri), |builder, (name, value)| {
            builder.header(*name, value)
        });
    builder.body(Body::empty()).expect("a request")
}

fn host(name: &str) -> (&'static str, String) {
    ("host", name.to_owned())
}

/// The canister, whether raw, whether from the query.
fn found(uri: &str, headers: &[(&str, String)]) -> Option<(String, bool, bool)> {
    let domains = ["localhost".to_owned(), "example.org".to_owned()];
    find(&domains, &request(uri, headers))
        .expect("a valid id")
        .map(|address| (address.canister.to_text(), address.raw, address.from_query))
}

#[test]
fn should_find_the_canister_in_host_then_query_then_referrer_then_cookie() {
    let in_query = format!("/?canisterId={B}");
    let kept = ("cookie", format!("a=b; {}", cookie(B)));
    for (uri, headers, expected) in [
        ("/", vec![host(&format!("{A}.localhost:4943"))], Some((A, false, false))),
        ("/", vec![host(&format!("{A}.localhost"))], Some((A, false, false))),
        ("/", vec![host(&format!("{A}.elsewhere.net"))], Some((A, false, false))),
        (
            "/",
            vec![host(&format!("{A}.raw.localhost:4943"))],
            Some((A, true, false)),
        ),
        ("/", vec![host(&format!("{A}.raw.Example.org"))], Some((A, true, false))),
        // Only the gateway's own domains have raw hosts.
        (
            "/",
            vec![host(&format!("{A}.raw.elsewhere.net"))],
            Some((A, false, false)),
        ),
        (
            &in_query,
            vec![host(&format!("{A}.localhost"))],
            Some((A, false, false)),
        ),
        (&in_query, vec![host("localhost:4943")], Some((B, false, true))),
        (&in_query, vec![host("127.0.0.1:4943")], Some((B, false, true))),
        (
            &in_query,
            vec![host("localhost"), ("referer", format!("http://{A}.localhost/"))],
            Some((B, false, true)),
        ),
        (
            "/assets/a.js",
            vec![host("localhost"), ("referer", format!("http://{A}.localhost:4943/"))],
            Some((A, false, false)),
        ),
        (
            "/assets/a.js",
            vec![
                host("localhost"),
                ("referer", format!("http://localhost/?x=1&canisterId={A}")),
            ],
            Some((A, false, false)),
        ),
        (
            "/assets/a.js",
            vec![
                host("localhost"),
                ("referer", format!("http://localhost/?canisterId={A}")),
                kept.clone(),
            ],
            Some((A, false, false)),
        ),
        (
            "/assets/a.js",
            vec![
                host("localhost"),
                ("referer", "http://localhost/assets/b.js".into()),
                kept,
            ],
            Some((B, false, false)),
        ),
        ("/", vec![host("localhost:4943")], None),
        ("/", vec![], None),
        ("/", vec![host("[::1]:4943")], None),
    ] {
        let expected = expected.map(|(id, raw, query): (&str, bool, bool)| (id.to_owned(), raw, query));
        assert_eq!(found(uri, &headers), expected, "{uri} {headers:?}");
    }
}

#[test]
fn should_refuse_an_id_that_is_none() {
    let refused = find(&[], &request("/?canisterId=nonsense", &[host("localhost")]));
    assert_eq!(refused, Err(InvalidId("nonsense".into())));
}

#[tokio::test]
async fn should_not_let_text_become_markup() {
    let response = page::invalid_id("<script>\"&'</script>");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        response.headers()["content-security-policy"],
        "default-src 'none'; base-uri 'none'; form-action 'none'"
    );
    let body = to_bytes(response.into_body(), 10_000).await.expect("a body");
    let text = String::from_utf8(body.to_vec()).expect("text");
    assert!(text.contains("&lt;script&gt;&quot;&amp;'&lt;/script&gt;"), "{text}");
    assert!(!text.contains("<script>"), "{text}");
}
