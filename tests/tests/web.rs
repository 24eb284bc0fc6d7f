//! The page's canister behind the network's HTTP gateway: what a browser gets, and what it never gets.
//!
//! Without npm there is no page, and `scripts/build` leaves the canister out: these tests then say so and pass.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use candid::Principal;
use ddsx_tests::World;
use ddsx_types::web::{PageVariable, WebArgs, WebConfiguration};
use ic_http_certification::{HttpRequest, HttpResponse, StatusCode};
use ic_response_verification::verify_request_response_pair;
use pocket_ic::CanisterSettings;
use reqwest::blocking::{Client, Response};
use reqwest::header::HeaderMap;

const LEDGER: &str = "PUBLIC_CANISTER_ID:dst_ledger";
const REGISTRY: &str = "PUBLIC_CANISTER_ID:stream_registry";
const FIVE_MINUTES_NS: u128 = 300_000_000_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn variable(name: &str, value: &str) -> PageVariable {
    PageVariable {
        name: name.into(),
        value: value.into(),
    }
}

/// The page on a live network.
struct Page {
    world: World,
    id: Principal,
    /// Where the gateway listens.
    address: String,
    port: u16,
    client: Client,
}

impl Page {
    /// Installs the page with these canister environment variables, and lets the network follow the clock.
    fn open(environment: &[(&str, &str)], args: WebArgs) -> Option<Self> {
        if !root().join("target/canisters/web.wasm.gz").is_file() {
            println!("skipped: there is no page; scripts/build makes it where npm is");
            return None;
        }
        let mut world = World::new();
        let id = world.create();
        set_environment(&world, id, environment);
        world.install_at(id, "web", (Some(args),));
        let port = world.pic.make_live(None).port().unwrap();
        Some(Self {
            world,
            id,
            address: format!("http://127.0.0.1:{port}"),
            port,
            client: Client::builder().no_proxy().build().unwrap(),
        })
    }

    fn upgrade(&self, args: WebArgs) -> Result<(), pocket_ic::RejectResponse> {
        self.world.upgrade(self.id, "web", (Some(args),))
    }

    /// Through the verifying gateway.
    fn send(&self, method: reqwest::Method, path: &str, encodings: &str) -> Response {
        self.client
            .request(method, format!("{}{path}", self.address))
            .header("host", format!("{}.localhost:{}", self.id, self.port))
            .header("accept-encoding", encodings)
            .send()
            .unwrap()
    }

    fn get(&self, path: &str, encodings: &str) -> Response {
        self.send(reqwest::Method::GET, path, encodings)
    }

    fn cookie(&self) -> String {
        let document = self.get("/", "identity");
        assert_eq!(document.status().as_u16(), 200);
        header(document.headers(), "set-cookie").unwrap().to_owned()
    }

    /// What the canister itself answers, with its certificate.
    fn answer(&self, path: &str) -> Answer {
        let request = HttpRequest::get(path).with_certificate_version(2).build();
        let response: HttpResponse<'static> = self.world.query(self.id, "http_request", (request,));
        Answer {
            status: response.status_code().as_u16(),
            headers: response.headers().to_vec(),
            body: response.body().to_vec(),
        }
    }

    fn verify(&self, path: &str, answer: &Answer) -> Result<(), String> {
        verify_as(path, answer, self.id, &self.world.pic.root_key().unwrap())
    }
}

fn verify_as(path: &str, answer: &Answer, id: Principal, root_key: &[u8]) -> Result<(), String> {
    let response = HttpResponse::builder()
        .with_status_code(StatusCode::from_u16(answer.status).unwrap())
        .with_headers(answer.headers.clone())
        .with_body(answer.body.clone())
        .build();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    verify_request_response_pair(
        HttpRequest::get(path).build(),
        response,
        id.as_slice(),
        now.as_nanos(),
        FIVE_MINUTES_NS,
        root_key,
        2,
    )
    .map(|info| assert_eq!(info.verification_version, 2))
    .map_err(|error| error.to_string())
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header_mut(&mut self, name: &str) -> &mut String {
        let found = self
            .headers
            .iter_mut()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        &mut found.unwrap_or_else(|| panic!("no {name}")).1
    }
}

fn set_environment(world: &World, id: Principal, environment: &[(&str, &str)]) {
    let variables = environment
        .iter()
        .map(|(name, value)| ic_management_canister_types::EnvironmentVariable {
            name: (*name).into(),
            value: (*value).into(),
        });
    let settings = CanisterSettings {
        environment_variables: Some(variables.collect()),
        ..CanisterSettings::default()
    };
    world
        .pic
        .update_canister_settings(id, Some(world.controller), settings)
        .unwrap();
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// The files that `scripts/build` embedded, relative to the page's root, without their encodings.
fn embedded() -> Vec<String> {
    let page = root().join("target/web");
    let mut folders = vec![page.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&page).unwrap().to_str().unwrap().to_owned();
            if !matches!(name.rsplit_once('.'), Some((_, "br" | "gz"))) {
                files.push(name);
            }
        }
    }
    files
}

/// The first script that the document names.
fn script() -> String {
    let mut names = embedded();
    names.sort();
    let document = std::fs::read_to_string(root().join("target/web/index.html")).unwrap();
    let found = names
        .iter()
        .find(|name| Path::new(name).extension().is_some_and(|kind| kind == "js") && document.contains(*name));
    format!("/{}", found.unwrap())
}

#[test]
fn should_serve_every_file_verified_in_every_encoding() {
    let Some(page) = Page::open(&[], WebArgs::default()) else {
        return;
    };
    let files = embedded();
    assert!(files.len() > 10);
    for file in &files {
        let plain = std::fs::read(root().join("target/web").join(file)).unwrap();
        for (accepted, extension, encoding) in [("gzip, br", "br", "br"), ("gzip", "gz", "gzip"), ("identity", "", "")]
        {
            let stored = root().join(format!("target/web/{file}.{extension}"));
            let expected = std::fs::read(&stored).unwrap_or_else(|_| plain.clone());
            let response = page.get(&format!("/{file}"), accepted);
            assert_eq!(response.status().as_u16(), 200, "{file} in {accepted}");
            let encoded = stored.is_file().then_some(encoding);
            assert_eq!(
                header(response.headers(), "content-encoding"),
                encoded,
                "{file} in {accepted}"
            );
            let caching = header(response.headers(), "cache-control").unwrap().to_owned();
            assert_eq!(
                caching.contains("immutable"),
                file.starts_with("assets/"),
                "{file}: {caching}"
            );
            let bytes = response.bytes().unwrap();
            assert!(bytes == expected, "{file} in {accepted}: {} bytes", bytes.len());
            if encoded == Some("gzip") {
                let mut unpacked = Vec::new();
                flate2::read::GzDecoder::new(&bytes[..])
                    .read_to_end(&mut unpacked)
                    .unwrap();
                assert!(unpacked == plain, "{file}");
            }
        }
    }
}

#[test]
fn should_tell_browsers_what_to_allow() {
    let Some(page) = Page::open(&[], WebArgs::default()) else {
        return;
    };
    let always = [
        ("content-security-policy", "default-src 'none'; script-src 'self';"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    let documents = [
        ("x-frame-options", "DENY"),
        ("permissions-policy", "accelerometer=()"),
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
    ];
    for (path, of_documents) in [
        ("/", &documents[..]),
        ("/streams/3?x=1", &documents),
        (&script(), &[]),
        ("/assets/missing.js", &documents),
    ] {
        let response = page.get(path, "br");
        for (name, expected) in always.iter().chain(of_documents) {
            let value = header(response.headers(), name).unwrap_or_default();
            assert!(value.starts_with(expected), "{path}: {name}: {value}");
        }
    }
}

#[test]
fn should_lead_every_address_to_the_document_and_missing_files_to_a_404() {
    let Some(page) = Page::open(&[], WebArgs::default()) else {
        return;
    };
    let document = std::fs::read_to_string(root().join("target/web/index.html")).unwrap();
    for (path, status) in [
        ("/", 200),
        ("/index.html", 200),
        ("/streams/0", 200),
        ("/streams/0/buy?plan=1", 200),
        ("/assets/of-an-older-page.js", 404),
        ("/assets/", 404),
        ("/.well-known/ic-domains", 404),
    ] {
        let response = page.get(path, "identity");
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.text().unwrap() == document, status == 200, "{path}");
    }
}

#[test]
fn should_answer_other_methods_too() {
    use reqwest::Method;
    let Some(page) = Page::open(&[], WebArgs::default()) else {
        return;
    };
    for (method, path, status) in [
        (Method::HEAD, "/", 200),
        (Method::HEAD, "/assets/missing.js", 404),
        (Method::POST, "/", 405),
        (Method::PUT, "/assets/missing.js", 405),
    ] {
        let response = page.send(method.clone(), path, "identity");
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(header(response.headers(), "x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn should_tell_the_page_where_the_canisters_are() {
    let environment = [
        (REGISTRY, "7uieb-cx777-77776-qaaaq-cai"),
        (LEDGER, "aaaaa-aa"),
        ("SECRET", "not for the page"),
    ];
    let args = WebArgs {
        variables: Some(vec![variable(LEDGER, "7tjcv-pp777-77776-qaaaa-cai")]),
        ..WebArgs::default()
    };
    let Some(page) = Page::open(&environment, args) else {
        return;
    };
    let root_key = hex::encode(page.world.pic.root_key().unwrap());
    let cookie = |registry: &str| {
        format!(
            "ic_env=ic_root_key%3D{root_key}%26PUBLIC_CANISTER_ID%3Adst_ledger%3D7tjcv-pp777-77776-qaaaa-cai\
             %26PUBLIC_CANISTER_ID%3Astream_registry%3D{registry}; Path=/; SameSite=Lax"
        )
    };
    assert_eq!(page.cookie(), cookie("7uieb-cx777-77776-qaaaq-cai"));
    assert_eq!(header(page.get(&script(), "br").headers(), "set-cookie"), None);

    // A change of the environment is told from the next upgrade on.
    set_environment(&page.world, page.id, &[(REGISTRY, "7bjpl-3x777-77776-qaaba-cai")]);
    assert_eq!(page.cookie(), cookie("7uieb-cx777-77776-qaaaq-cai"));
    page.upgrade(WebArgs::default()).unwrap();
    assert_eq!(page.cookie(), cookie("7bjpl-3x777-77776-qaaba-cai"));
}

#[test]
fn should_keep_its_settings_and_certify_again_after_an_upgrade() {
    let args = WebArgs {
        variables: Some(vec![variable("PUBLIC_A", "1")]),
        domains: Some(vec!["ddsx.example".into(), "www.ddsx.example".into()]),
        alternative_origins: Some(vec!["https://ddsx.example".into()]),
    };
    let Some(page) = Page::open(&[], args) else { return };
    let domains = |page: &Page| page.get("/.well-known/ic-domains", "identity").text().unwrap();
    assert_eq!(domains(&page), "ddsx.example\nwww.ddsx.example\n");
    let before = page.cookie();
    page.upgrade(WebArgs::default()).unwrap();
    assert_eq!(page.cookie(), before);
    assert_eq!(domains(&page), "ddsx.example\nwww.ddsx.example\n");
    let origins = page.get("/.well-known/ii-alternative-origins", "identity");
    assert_eq!(header(origins.headers(), "access-control-allow-origin"), Some("*"));
    assert_eq!(header(origins.headers(), "content-type"), Some("application/json"));
    assert_eq!(
        origins.text().unwrap(),
        "{\"alternativeOrigins\":[\"https://ddsx.example\"]}\n"
    );

    page.upgrade(WebArgs {
        domains: Some(vec![]),
        ..WebArgs::default()
    })
    .unwrap();
    assert_eq!(page.get("/.well-known/ic-domains", "identity").status().as_u16(), 404);
    let configuration: WebConfiguration = page.world.query(page.id, "configuration", ());
    assert_eq!(configuration.variables, [variable("PUBLIC_A", "1")]);
    assert_eq!(configuration.domains, Vec::<String>::new());
    assert_eq!(configuration.alternative_origins, ["https://ddsx.example"]);
    assert_eq!(configuration.files as usize, embedded().len());
}

#[test]
fn should_stay_as_it_is_when_an_upgrade_is_given_what_cannot_be_used() {
    let Some(page) = Page::open(&[], WebArgs::default()) else {
        return;
    };
    let before = page.cookie();
    let refused = page.upgrade(WebArgs {
        variables: Some(vec![variable("PUBLIC_A", "1; Domain=example.org")]),
        ..WebArgs::default()
    });
    assert!(refused.unwrap_err().reject_message.contains("PUBLIC_A"));
    assert_eq!(page.cookie(), before);
    let stranger = page
        .world
        .pic
        .upgrade_canister(page.id, World::module("web"), vec![], Some(ddsx_tests::user(1)));
    assert!(stranger.is_err());
}

/// What a dishonest node could change of an answer.
type Forgery = (&'static str, fn(&mut Answer));

#[test]
fn should_never_pass_for_genuine_what_was_tampered_with() {
    let args = WebArgs {
        variables: Some(vec![variable(REGISTRY, "7uieb-cx777-77776-qaaaq-cai")]),
        ..WebArgs::default()
    };
    let Some(page) = Page::open(&[], args) else { return };
    let genuine = page.answer("/streams/0");
    page.verify("/streams/0", &genuine).unwrap();
    let forgeries: [Forgery; 7] = [
        ("the body", |answer| answer.body[0] ^= 1),
        ("the body's end", |answer| answer.body.truncate(answer.body.len() - 1)),
        ("the status", |answer| answer.status = 404),
        ("where the registry is", |answer| {
            let cookie = answer.header_mut("set-cookie");
            *cookie = cookie.replace("7uieb-cx777-77776-qaaaq-cai", "7tjcv-pp777-77776-qaaaa-cai");
        }),
        ("the policy", |answer| {
            answer.header_mut("content-security-policy").push_str("; script-src *");
        }),
        ("the certificate", |answer| {
            // A byte in the middle of the certificate, which is Base64.
            let certificate = answer.header_mut("ic-certificate");
            let at = "certificate=:".len() + 400;
            let other = if certificate.as_bytes()[at] == b'A' { "B" } else { "A" };
            certificate.replace_range(at..=at, other);
        }),
        ("no certificate", |answer| {
            answer
                .headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("ic-certificate"));
        }),
    ];
    for (name, forge) in forgeries {
        let mut forged = genuine.clone();
        forge(&mut forged);
        let verified = page.verify("/streams/0", &forged);
        assert!(verified.is_err(), "{name} was changed and nobody noticed");
    }
    // Nor what another file, another canister or another network has certified.
    let script = page.answer(&script());
    page.verify("/streams/0", &script).unwrap_err();
    page.verify("/assets/missing.js", &genuine).unwrap_err();
    let root_key = page.world.pic.root_key().unwrap();
    verify_as("/streams/0", &genuine, Principal::management_canister(), &root_key).unwrap_err();
    let mut other_key = root_key;
    *other_key.last_mut().unwrap() ^= 1;
    verify_as("/streams/0", &genuine, page.id, &other_key).unwrap_err();
}
