//! Pages of canisters, through the gateway.

use std::fmt::Write as _;

use candid::{CandidType, Encode, Principal};
use ic_agent::agent::EnvelopeContent;
use ic_agent::identity::AnonymousIdentity;

use super::world::{World, envelope, soon};
use crate::common;

/// What `http_request` replies (HTTP Gateway Protocol specification, *Canister HTTP Interface*).
#[derive(CandidType, Default)]
struct Reply {
    status_code: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    upgrade: Option<bool>,
    streaming_strategy: Option<Strategy>,
}

#[derive(CandidType)]
enum Strategy {
    Callback { callback: Callback, token: u8 },
}

candid::define_function!(Callback : (u8) -> (Piece) query);

/// What a streaming callback replies.
#[derive(CandidType)]
struct Piece {
    body: Vec<u8>,
    token: Option<u8>,
}

fn page(body: &str) -> Reply {
    Reply {
        status_code: 200,
        headers: vec![("content-type".into(), "text/plain".into())],
        body: body.into(),
        ..Reply::default()
    }
}

/// A canister whose `http_request` and `http_request_update` reply as given, and whose `piece` replies with the piece that
/// its token (a `nat8`, the last byte of the argument) numbers.
fn module(query: &Reply, update: Option<&Reply>, pieces: &[Piece]) -> Vec<u8> {
    let replies: Vec<Vec<u8>> = [Some(query), update]
        .into_iter()
        .flatten()
        .map(|reply| Encode!(reply).expect("Candid"))
        .chain(pieces.iter().map(|piece| Encode!(piece).expect("Candid")))
        .collect();
    let mut text = String::from(
        r#"(module
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (memory 16)
  (func $token (result i32)
    (call $arg_copy (i32.const 0) (i32.sub (call $arg_size) (i32.const 1)) (i32.const 1))
    (i32.load8_u (i32.const 0)))
"#,
    );
    let mut at = 16;
    let mut places = Vec::new();
    for reply in &replies {
        let data: String = reply.iter().fold(String::new(), |mut data, byte| {
            write!(data, "\\{byte:02x}").expect("memory");
            data
        });
        writeln!(text, "  (data (i32.const {at}) \"{data}\")").expect("memory");
        places.push((at, reply.len()));
        at += reply.len();
    }
    let mut send = |name: &str, (at, length): (usize, usize)| {
        writeln!(
            text,
            "  (func (export \"{name}\") (call $append (i32.const {at}) (i32.const {length})) (call $reply))"
        )
        .expect("memory");
    };
    send("canister_query http_request", places[0]);
    if update.is_some() {
        send("canister_update http_request_update", places[1]);
    }
    text.push_str("  (func (export \"canister_query piece\")\n");
    for (token, (at, length)) in places.iter().skip(1 + usize::from(update.is_some())).enumerate() {
        writeln!(
            text,
            "    (if (i32.eq (call $token) (i32.const {token}))
      (then (call $append (i32.const {at}) (i32.const {length})) (call $reply) (return)))"
        )
        .expect("memory");
    }
    text.push_str("    (unreachable)))");
    common::wasm(&text)
}

impl World {
    /// A canister that is empty.
    async fn another(&self) -> Principal {
        let canister = self.pic.create_canister().await;
        self.pic.add_cycles(canister, common::CYCLES).await;
        canister
    }

    async fn page_canister(&self, query: &Reply, update: Option<&Reply>) -> Principal {
        let canister = self.another().await;
        let module = module(query, update, &[]);
        self.pic.install_canister(canister, module, vec![], None).await;
        canister
    }

    /// Asks the gateway as a browser would that resolves every name to it.
    async fn browse(&self, host: &str, path: &str, headers: &[(&str, String)]) -> reqwest::Response {
        let mut request = reqwest::Client::new()
            .get(format!("{}{path}", self.url))
            .header("host", host);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.expect("an answer")
    }

    async fn see(&self, host: &str, path: &str, headers: &[(&str, String)]) -> (u16, String) {
        let response = self.browse(host, path, headers).await;
        (response.status().as_u16(), response.text().await.expect("text"))
    }
}

#[tokio::test]
async fn should_refuse_what_is_not_certified_and_pass_it_on_from_raw_hosts() {
    let world = World::new().await;
    let id = world.page_canister(&page("hello"), None).await;
    let (status, text) = world.see(&format!("{id}.localhost"), "", &[]).await;
    assert_eq!(status, 500);
    assert!(text.to_lowercase().contains("verif"), "{text}");
    assert!(!text.contains("hello"), "{text}");
    let (status, text) = world.see(&format!("{id}.raw.localhost"), "", &[]).await;
    assert_eq!((status, text.as_str()), (200, "hello"));
}

#[tokio::test]
async fn should_make_an_update_call_where_the_canister_asks_for_it() {
    let world = World::new().await;
    let upgrade = Reply {
        upgrade: Some(true),
        ..page("not this")
    };
    let mut update = page("from consensus");
    update.status_code = 203;
    let id = world.page_canister(&upgrade, Some(&update)).await;
    let response = world.browse(&format!("{id}.localhost"), "anything?x=1", &[]).await;
    assert_eq!(response.status().as_u16(), 203);
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert_eq!(response.text().await.expect("text"), "from consensus");
}

#[tokio::test]
async fn should_stream_what_comes_in_pieces() {
    let world = World::new().await;
    let id = world.another().await;
    // As many as nobody verifies together (ic-http-gateway: more than four).
    let pieces: Vec<Piece> = (0..7_u8)
        .map(|number| Piece {
            body: vec![b'a' + number; 1000],
            token: (number < 6).then_some(number + 1),
        })
        .collect();
    let mut first = page("start ");
    first.streaming_strategy = Some(Strategy::Callback {
        callback: Callback::new(id, "piece".into()),
        token: 0,
    });
    let module = module(&first, None, &pieces);
    world.pic.install_canister(id, module, vec![], None).await;
    let expected: String = (0..7_u8).fold("start ".to_owned(), |text, number| {
        text + &char::from(b'a' + number).to_string().repeat(1000)
    });
    for host in [format!("{id}.localhost"), format!("{id}.raw.localhost")] {
        let (status, text) = world.see(&host, "", &[]).await;
        assert_eq!((status, text == expected), (200, true), "{host}: {} bytes", text.len());
    }
}

#[tokio::test]
async fn should_find_the_canister_in_the_query_and_in_the_referrer() {
    let world = World::new().await;
    let upgrade = |text: &str| {
        let query = Reply {
            upgrade: Some(true),
            ..page("")
        };
        (query, page(text))
    };
    let (query, update) = upgrade("one");
    let one = world.page_canister(&query, Some(&update)).await;
    let (query, update) = upgrade("two");
    let two = world.page_canister(&query, Some(&update)).await;
    let referrer = |url: String| vec![("referer", url)];
    for (host, path, headers, expected) in [
        ("localhost".to_owned(), format!("?canisterId={one}"), vec![], "one"),
        (
            "127.0.0.1".to_owned(),
            format!("a/b?canisterId={one}&x=1"),
            vec![],
            "one",
        ),
        (format!("{two}.localhost"), format!("?canisterId={one}"), vec![], "two"),
        (
            "localhost".to_owned(),
            "a.js".to_owned(),
            referrer(format!("http://localhost/?canisterId={two}")),
            "two",
        ),
        (
            "localhost".to_owned(),
            "a.js".to_owned(),
            referrer(format!("http://{two}.localhost/")),
            "two",
        ),
        (
            "localhost".to_owned(),
            format!("a.js?canisterId={one}"),
            referrer(format!("http://{two}.localhost/")),
            "one",
        ),
    ] {
        let seen = world.see(&host, &path, &headers).await;
        assert_eq!(seen, (200, expected.to_owned()), "{host} /{path} {headers:?}");
    }
}

#[tokio::test]
async fn should_say_why_there_is_no_page() {
    let world = World::new().await;
    // This network has none of that number.
    let mut absent = world.canister.as_slice().to_vec();
    absent[6] = 0xee;
    let absent = Principal::from_slice(&absent);
    let (status, text) = world.see(&format!("{absent}.localhost"), "", &[]).await;
    assert_eq!(status, 404, "{text}");
    assert!(text.contains(&absent.to_text()), "{text}");
    // This one has no http_request.
    let (status, text) = world.see(&format!("{}.localhost", world.canister), "", &[]).await;
    assert_eq!(status, 502, "{text}");
    assert!(text.contains("http_request"), "{text}");
    for path in ["", "some/where", "?canisterId=nonsense"] {
        let (status, _) = world.see("localhost", path, &[]).await;
        assert_eq!(status, 400, "{path}");
    }
}

#[tokio::test]
async fn should_serve_the_interface_on_a_canisters_host() {
    let world = World::new().await;
    let content = EnvelopeContent::Query {
        nonce: None,
        ingress_expiry: soon(),
        sender: Principal::anonymous(),
        canister_id: world.canister,
        method_name: "whoami".into(),
        arg: vec![],
        sender_info: None,
    };
    let url = format!("{}api/v3/canister/{}/query", world.url, world.canister);
    let response = reqwest::Client::new()
        .post(url)
        .header("host", format!("{}.localhost", world.canister))
        .header("content-type", "application/cbor")
        .body(envelope(&AnonymousIdentity, &content))
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let status = world
        .browse(&format!("{}.localhost", world.canister), "api/v2/status", &[])
        .await;
    assert_eq!(status.status().as_u16(), 200);
    assert_eq!(status.headers()["content-type"], "application/cbor");
}

#[tokio::test]
async fn should_let_pages_of_other_origins_read_a_canisters_answers() {
    let world = World::new().await;
    let id = world.page_canister(&page("hello"), None).await;
    let host = format!("{id}.raw.localhost");
    let response = world
        .browse(&host, "", &[("origin", "http://localhost:3000".into())])
        .await;
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let preflight = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, &world.url)
        .header("host", &host)
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "range")
        .send()
        .await
        .expect("an answer");
    assert!(preflight.status().is_success());
    let allowed = preflight.headers()["access-control-allow-headers"]
        .to_str()
        .expect("text")
        .to_lowercase();
    assert!(allowed == "*" || allowed.contains("range"), "{allowed}");
}
