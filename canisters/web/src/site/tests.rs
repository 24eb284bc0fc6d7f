//! Answers without a subnet: what they say. That they verify is tested on a network (`tests/tests/web.rs`).

use super::*;

const FILES: &[File] = &[
    File {
        path: "assets/app-0a1b.js",
        plain: b"plain script",
        brotli: Some(b"brotli script"),
        gzip: Some(b"gzip script"),
    },
    File {
        path: "assets/font.woff2",
        plain: b"font",
        brotli: None,
        gzip: None,
    },
    File {
        path: "index.html",
        plain: b"plain document",
        brotli: Some(b"brotli document"),
        gzip: None,
    },
];

fn site(settings: &Settings) -> Site {
    Site::new(FILES, settings, "ic_env=x; Path=/").unwrap()
}

fn get(site: &Site, url: &str, headers: &[(&str, &str)]) -> HttpResponse<'static> {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let request = HttpRequest::get(url).with_headers(headers.collect()).build();
    site.respond(request, b"certificate")
}

fn header<'a>(headers: &'a [HeaderField], name: &str) -> Option<&'a str> {
    let found: Vec<&str> = headers
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect();
    assert!(found.len() <= 1, "{name} twice");
    found.first().copied()
}

#[test]
fn should_answer_in_the_best_encoding_that_is_there() {
    let site = site(&Settings::default());
    for (url, accepted, body, encoding) in [
        (
            "/assets/app-0a1b.js",
            "gzip, deflate, br, zstd",
            "brotli script",
            Some("br"),
        ),
        ("/assets/app-0a1b.js?x=1", "br", "brotli script", Some("br")),
        ("/assets/app-0a1b.js", "gzip, identity", "gzip script", Some("gzip")),
        ("/assets/app-0a1b.js", "identity", "plain script", None),
        ("/assets/app-0a1b.js", "", "plain script", None),
        ("/assets/font.woff2", "br, gzip", "font", None),
        ("/", "br", "brotli document", Some("br")),
        ("/", "gzip", "plain document", None),
    ] {
        let answer = get(&site, url, &[("Accept-Encoding", accepted)]);
        assert_eq!(answer.status_code(), StatusCode::OK, "{url}");
        assert_eq!(std::str::from_utf8(answer.body()), Ok(body), "{url} {accepted}");
        assert_eq!(
            header(answer.headers(), "content-encoding"),
            encoding,
            "{url} {accepted}"
        );
        assert!(header(answer.headers(), "ic-certificate").is_some());
    }
}

#[test]
fn should_lead_every_address_to_the_document_and_missing_files_to_a_404() {
    let site = site(&Settings::default());
    for (url, status, body) in [
        ("/index.html", 200, "plain document"),
        ("/streams/3", 200, "plain document"),
        ("/streams/3/buy?plan=1", 200, "plain document"),
        ("/assetsx", 200, "plain document"),
        ("/assets/old-ffff.js", 404, "Not found"),
        ("/assets/app-0a1b.js.br", 404, "Not found"),
        ("/assets/app-0a1b.js.gz", 404, "Not found"),
        ("/assets/a/b/c.js", 404, "Not found"),
        ("/.well-known/ic-domains", 404, "Not found"),
        ("/.well-known/ii-alternative-origins", 404, "Not found"),
    ] {
        let answer = get(&site, url, &[]);
        assert_eq!(answer.status_code().as_u16(), status, "{url}");
        let text = std::str::from_utf8(answer.body()).unwrap();
        assert!(text.contains(body), "{url}: {text}");
    }
}

#[test]
fn should_tell_where_the_canisters_are_with_the_document_only() {
    let site = site(&Settings::default());
    for (url, cookie, caching, document) in [
        ("/", Some("ic_env=x; Path=/"), "no-cache", true),
        ("/wallet", Some("ic_env=x; Path=/"), "no-cache", true),
        (
            "/assets/app-0a1b.js",
            None,
            "public, max-age=31536000, immutable",
            false,
        ),
        ("/assets/missing.js", None, "no-cache", true),
    ] {
        let answer = get(&site, url, &[]);
        assert_eq!(header(answer.headers(), "set-cookie"), cookie, "{url}");
        assert_eq!(header(answer.headers(), "cache-control"), Some(caching), "{url}");
        assert_eq!(header(answer.headers(), "x-content-type-options"), Some("nosniff"));
        let policy = header(answer.headers(), "content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self';"), "{policy}");
        // What only documents need is not sent with each of their files.
        assert_eq!(
            header(answer.headers(), "permissions-policy").is_some(),
            document,
            "{url}"
        );
    }
}

#[test]
fn should_name_domains_and_origins() {
    let site = site(&Settings {
        domains: vec!["ddsx.example".into()],
        alternative_origins: vec!["https://ddsx.example".into()],
        ..Settings::default()
    });
    for (url, body, media_type) in [
        ("/.well-known/ic-domains", "ddsx.example\n", "text/plain; charset=utf-8"),
        (
            "/.well-known/ii-alternative-origins",
            "{\"alternativeOrigins\":[\"https://ddsx.example\"]}\n",
            "application/json",
        ),
    ] {
        let answer = get(&site, url, &[]);
        assert_eq!(std::str::from_utf8(answer.body()), Ok(body));
        assert_eq!(header(answer.headers(), "content-type"), Some(media_type));
        assert_eq!(header(answer.headers(), "access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn should_answer_a_range_with_the_whole() {
    let site = site(&Settings::default());
    for range in ["bytes=0-3", "bytes=5-", "bytes=-2", "nonsense"] {
        let answer = get(&site, "/assets/font.woff2", &[("Range", range)]);
        assert_eq!(
            (answer.status_code().as_u16(), answer.body()),
            (200, b"font".as_slice())
        );
    }
}

#[test]
fn should_answer_other_methods_by_an_update_call() {
    let site = site(&Settings::default());
    for (method, url, status, length) in [
        (Method::HEAD, "/", 200, Some("14")),
        (Method::HEAD, "/assets/missing.js", 404, Some("137")),
        (Method::POST, "/", 405, None),
        (Method::DELETE, "/assets/app-0a1b.js", 405, None),
        (Method::GET, "/%ff%zz", 400, None),
    ] {
        let request = || HttpRequest::builder().with_method(method.clone()).with_url(url);
        let first = site.respond(request().build(), b"certificate");
        assert_eq!(first.upgrade(), Some(true), "{method} {url}");
        let answer = site.respond_to_update(&request().build_update());
        assert_eq!(answer.status_code().as_u16(), status, "{method} {url}");
        if method == Method::HEAD {
            assert_eq!(header(answer.headers(), "content-length"), length);
            assert!(answer.body().is_empty());
        }
        assert_eq!(header(answer.headers(), "ic-certificate"), None);
        assert_eq!(header(answer.headers(), "x-content-type-options"), Some("nosniff"));
        let allowed = (status == 405).then_some("GET, HEAD");
        assert_eq!(header(answer.headers(), "allow"), allowed);
    }
}

#[test]
fn should_lead_from_a_host_that_nobody_verifies_to_one_that_is() {
    let site = site(&Settings::default());
    let headers = [("host", "7tjcv-pp777-77776-qaaaa-cai.raw.icp0.io")];
    let answer = get(&site, "/wallet", &headers);
    assert_eq!(answer.status_code(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(
        header(answer.headers(), "location"),
        Some("https://7tjcv-pp777-77776-qaaaa-cai.icp0.io/wallet")
    );
    assert_eq!(header(answer.headers(), "set-cookie"), None);
    assert!(answer.body().is_empty());
}
