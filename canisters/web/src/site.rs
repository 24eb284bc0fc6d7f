//! What is answered to which request.
//!
//! HTTP Gateway Protocol specification, *Response Verification* (version 2). Every `GET` is answered with a certificate over
//! status, headers and body. What else a browser may send is answered by an update call, whose reply the subnet signs.

use std::borrow::Cow;

use ic_asset_certification::{Asset, AssetConfig, AssetEncoding, AssetFallbackConfig, AssetRouter};
use ic_http_certification::{
    HeaderField, HttpRequest, HttpResponse, HttpUpdateRequest, HttpUpdateResponse, Method, StatusCode,
};

use crate::files::{File, content_type};
use crate::headers::{self, ASK_AGAIN, FOR_AN_HOUR};
use crate::raw;
use crate::settings::Settings;

/// The document that every address of the page leads to.
const DOCUMENT: &str = "index.html";
/// Answered where a file is missing that only the page itself asks for.
const MISSING: &str = "404.html";
const MISSING_CONTENT: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Not found</title>\
<h1>Not found</h1><p>There is no such file here.</p></html>\n";
/// Below these there are files and no pages.
const FILES_ONLY: [&str; 2] = ["/assets", "/.well-known"];
/// Only whoever verifies an answer needs these.
const CERTIFICATE_HEADERS: [&str; 2] = ["ic-certificate", "ic-certificateexpression"];

/// The page, ready to be asked for.
pub struct Site {
    router: AssetRouter<'static>,
}

impl Site {
    /// Certifies everything. `cookie` is the value of the document's `set-cookie` header.
    ///
    /// # Errors
    /// A header or path that cannot be certified.
    pub fn new(files: &[File], settings: &Settings, cookie: &str) -> Result<Self, String> {
        let mut assets = vec![Asset::new(MISSING, MISSING_CONTENT)];
        let mut configs = vec![configure_missing()];
        let mut encoded = Vec::new();
        for file in files {
            assets.push(Asset::new(file.path, file.plain));
            for (bytes, extension) in [(file.brotli, ".br"), (file.gzip, ".gz")] {
                let Some(bytes) = bytes else { continue };
                let path = format!("{}{extension}", file.path);
                encoded.push(format!("/{path}"));
                assets.push(Asset::new(path, bytes));
            }
            configs.push(configure(file.path, cookie));
        }
        for (name, media_type, content) in [
            ("ic-domains", "text/plain; charset=utf-8", settings.domains_file()),
            ("ii-alternative-origins", "application/json", settings.origins_file()),
        ] {
            let Some(content) = content else { continue };
            let path = format!(".well-known/{name}");
            assets.push(Asset::new(path.clone(), Cow::Owned(content.into_bytes())));
            let mut headers = headers::of(FOR_AN_HOUR);
            // Internet Identity and the boundary nodes' registry read these from elsewhere.
            headers.push(("access-control-allow-origin".into(), "*".into()));
            configs.push(AssetConfig::File {
                path,
                content_type: Some(media_type.into()),
                headers,
                fallback_for: vec![],
                aliased_by: vec![],
                encodings: vec![],
            });
        }
        let mut router = AssetRouter::new();
        router
            .certify_assets(assets, configs)
            .map_err(|error| error.to_string())?;
        // An encoding is another form of a file and has no address of its own.
        router.delete_assets_by_path(encoded.iter().map(String::as_str));
        Ok(Self { router })
    }

    /// What the subnet must certify.
    pub fn root_hash(&self) -> [u8; 32] {
        self.router.root_hash()
    }

    /// Answers a query. `certificate` is the data certificate; there is none in a call that the subnet answers as a whole.
    pub fn respond(&self, mut request: HttpRequest<'_>, certificate: &[u8]) -> HttpResponse<'static> {
        if let Some(location) = raw::verified_address(&request) {
            return moved(location);
        }
        if request.method() != Method::GET {
            return by_update();
        }
        // Files are answered whole; a server may do so (RFC 9110, section 14.2).
        request
            .headers_mut()
            .retain(|(name, _)| !name.eq_ignore_ascii_case("range"));
        self.router
            .serve_asset(certificate, &request)
            .unwrap_or_else(|_| by_update())
    }

    /// Answers what a query could not.
    pub fn respond_to_update(&self, request: &HttpUpdateRequest<'_>) -> HttpUpdateResponse<'static> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut headers = headers::of(ASK_AGAIN);
            headers.push(("allow".into(), "GET, HEAD".into()));
            return answer(StatusCode::METHOD_NOT_ALLOWED, headers, b"Only GET and HEAD.\n");
        }
        let encodings = request
            .headers()
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
        let get = HttpRequest::get(request.url())
            .with_headers(encodings.cloned().collect())
            .build();
        match self.router.serve_asset(&[], &get) {
            Ok(found) => {
                let headers = found.headers().iter();
                let headers =
                    headers.filter(|(name, _)| !CERTIFICATE_HEADERS.iter().any(|h| name.eq_ignore_ascii_case(h)));
                answer(found.status_code(), headers.cloned().collect(), b"")
            }
            Err(_) => answer(
                StatusCode::BAD_REQUEST,
                headers::of(ASK_AGAIN),
                b"That is not an address.\n",
            ),
        }
    }
}

/// Leads from a host whose answers nobody verifies to the one whose answers are. That this answer is not certified does not matter:
/// a verifying gateway refuses it, and a `raw` host passes on whatever a node says.
fn moved(location: String) -> HttpResponse<'static> {
    let mut headers = headers::of(ASK_AGAIN);
    headers.push(("location".into(), location));
    HttpResponse::builder()
        .with_status_code(StatusCode::PERMANENT_REDIRECT)
        .with_headers(headers)
        .build()
}

/// Asks the gateway to come back with an update call.
fn by_update() -> HttpResponse<'static> {
    HttpResponse::builder().with_upgrade(true).build()
}

fn answer(status: StatusCode, headers: Vec<HeaderField>, body: &'static [u8]) -> HttpUpdateResponse<'static> {
    HttpResponse::builder()
        .with_status_code(status)
        .with_headers(headers)
        .with_body(body)
        .build_update()
}

fn configure(path: &'static str, cookie: &str) -> AssetConfig {
    let mut headers = headers::of(headers::caching(path));
    if headers::is_document(path) {
        headers.extend(headers::of_documents());
    }
    let (mut fallback_for, mut aliased_by) = (vec![], vec![]);
    if path == DOCUMENT {
        headers.push(("set-cookie".into(), cookie.into()));
        aliased_by.push("/".to_owned());
        fallback_for.push(AssetFallbackConfig {
            scope: "/".into(),
            status_code: Some(StatusCode::OK),
        });
    }
    AssetConfig::File {
        path: path.into(),
        content_type: Some(content_type(path).into()),
        headers,
        fallback_for,
        aliased_by,
        encodings: vec![
            AssetEncoding::Brotli.default_config(),
            AssetEncoding::Gzip.default_config(),
        ],
    }
}

fn configure_missing() -> AssetConfig {
    AssetConfig::File {
        path: MISSING.into(),
        content_type: Some(content_type(MISSING).into()),
        headers: [headers::of(ASK_AGAIN), headers::of_documents()].concat(),
        fallback_for: FILES_ONLY
            .map(|scope| AssetFallbackConfig {
                scope: scope.into(),
                status_code: Some(StatusCode::NOT_FOUND),
            })
            .to_vec(),
        aliased_by: vec![],
        encodings: vec![],
    }
}

#[cfg(test)]
mod tests;
