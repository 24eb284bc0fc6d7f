//! The page through the network's HTTP gateway, and a forgery of it.

use anyhow::{Context as _, Result, bail, ensure};
use candid::Principal;
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::verify_request_response_pair;
use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, HOST, HeaderMap};

use crate::story::Scene;

/// The version of response verification in which status and headers are certified too.
const VERSION: u8 = 2;
/// How old a certificate may be, as the gateways have it: five minutes.
const MAX_AGE_NS: u128 = 300_000_000_000;

/// Fetches the page as a browser would, then verifies a file by hand and forges it.
pub async fn check(scene: &Scene, page: &str) -> Result<()> {
    let gateway = Gateway {
        // What a browser does by itself with every name below localhost.
        address: scene.place.url.replace("localhost", "127.0.0.1"),
        host: page.trim_start_matches("http://").trim_end_matches('/').to_owned(),
        client: Client::builder().no_proxy().build()?,
    };
    let (document, headers) = gateway.fetch("/", "identity", 200).await?;
    let policy = header(&headers, "content-security-policy")?;
    ensure!(
        policy.starts_with("default-src 'none';"),
        "a policy that allows anything: {policy}"
    );
    ensure!(header(&headers, "x-content-type-options")? == "nosniff");
    let cookie = header(&headers, "set-cookie")?;
    ensure!(
        cookie.starts_with("ic_env=") && cookie.contains(&scene.place.registry.to_text()),
        "the page is not told where the registry is: {cookie}"
    );
    let script = between(&document, "src=\"", "\"").context("the page names no script")?;
    println!("   {page}   {} bytes, headers and all certified", document.len());

    let (plain, headers) = gateway.fetch(script, "identity", 200).await?;
    ensure!(header(&headers, "cache-control")?.contains("immutable"));
    let (_, headers) = gateway.fetch(script, "gzip", 200).await?;
    ensure!(header(&headers, "content-encoding")? == "gzip");
    let (_, headers) = gateway.fetch(script, "gzip, br", 200).await?;
    ensure!(header(&headers, "content-encoding")? == "br");
    println!(
        "   {script}   {} bytes, in Brotli and gzip, to be kept for ever",
        plain.len()
    );
    gateway.fetch("/assets/of-an-older-page.js", "identity", 404).await?;
    gateway.fetch("/streams/0", "identity", 200).await?;

    let web = scene.place.web.context("there is no page")?;
    let honest = ask(scene, web, script).await?;
    verify(scene, web, script, honest.clone())?;
    let mut body = honest.body().to_vec();
    *body.last_mut().context("an empty script")? ^= 1;
    let forged = with_body(&honest, body);
    match verify(scene, web, script, forged) {
        Ok(()) => bail!("a forged script was accepted"),
        Err(refusal) => println!("   one bit of the script flipped            refused: {refusal}"),
    }
    Ok(())
}

/// The network's HTTP gateway, as seen from a browser at the page's host.
struct Gateway {
    address: String,
    host: String,
    client: Client,
}

impl Gateway {
    async fn fetch(&self, path: &str, encodings: &str, status: u16) -> Result<(String, HeaderMap)> {
        let response = self
            .client
            .get(format!("{}{path}", self.address))
            .header(HOST, &self.host)
            .header(ACCEPT_ENCODING, encodings)
            .send()
            .await?;
        ensure!(
            response.status().as_u16() == status,
            "{path} is answered with {}, not {status}",
            response.status()
        );
        let headers = response.headers().clone();
        let body = response.bytes().await?;
        Ok((String::from_utf8_lossy(&body).into_owned(), headers))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    Ok(headers
        .get(name)
        .with_context(|| format!("no header {name}"))?
        .to_str()?)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

fn request(path: &str) -> HttpRequest<'static> {
    HttpRequest::get(path).with_certificate_version(VERSION.into()).build()
}

/// Asks the canister itself.
async fn ask(scene: &Scene, web: Principal, path: &str) -> Result<HttpResponse<'static>> {
    let network = scene.registry_as("buyer").await?.network().clone();
    let reply = network
        .agent()
        .query(&web, "http_request")
        .with_arg(candid::encode_one(request(path))?)
        .call()
        .await?;
    let response: HttpResponse<'_> = candid::decode_one(&reply)?;
    Ok(with_body(&response, response.body().to_vec()))
}

fn with_body(response: &HttpResponse<'_>, body: Vec<u8>) -> HttpResponse<'static> {
    HttpResponse::builder()
        .with_status_code(response.status_code())
        .with_headers(response.headers().to_vec())
        .with_body(body)
        .build()
}

fn verify(scene: &Scene, web: Principal, path: &str, response: HttpResponse<'_>) -> Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    verify_request_response_pair(
        request(path),
        response,
        web.as_slice(),
        now.as_nanos(),
        MAX_AGE_NS,
        &scene.place.root_key,
        VERSION,
    )?;
    Ok(())
}
