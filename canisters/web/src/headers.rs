//! What browsers are told with every answer.
//!
//! OWASP *HTTP Security Response Headers*; W3C *Content Security Policy Level 3*.

use ic_http_certification::HeaderField;

/// Scripts, styles, fonts, pictures and connections: this origin's, nothing else. Pictures may also lie in the page itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
     img-src 'self' data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Nothing of the device but the clipboard, for ids and addresses.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), \
     encrypted-media=(), fullscreen=(self), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), \
     payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=(), \
     clipboard-read=(self), clipboard-write=(self)";

/// Its name changes with its content: it never has to be asked for again.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// To be asked for each time: it names the other files, and sets the cookie.
pub const ASK_AGAIN: &str = "no-cache";
/// Asked for again after an hour.
pub const FOR_AN_HOUR: &str = "public, max-age=3600";

/// The headers of every answer, with its caching. A policy comes with all of them: workers take theirs from their script.
pub fn of(cache_control: &str) -> Vec<HeaderField> {
    named(&[
        ("cache-control", cache_control),
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        // The page's own requests name it, for gateways that read the canister's id from `?canisterId=`.
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        // The encodings of a file are different answers to one address.
        ("vary", "accept-encoding"),
    ])
}

/// What only a document needs besides: it says what a page may do, and a script or a picture is none.
pub fn of_documents() -> Vec<HeaderField> {
    named(&[
        ("permissions-policy", PERMISSIONS_POLICY),
        ("x-frame-options", "DENY"),
        // Internet Identity signs in from a window that the page opens and talks to.
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
    ])
}

fn named(headers: &[(&str, &str)]) -> Vec<HeaderField> {
    let owned = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    owned.collect()
}

/// How long a file of the page may be kept.
pub fn caching(path: &str) -> &'static str {
    if path.starts_with("assets/") {
        FOR_EVER
    } else if is_document(path) {
        ASK_AGAIN
    } else {
        FOR_AN_HOUR
    }
}

/// Whether a browser shows it as a page.
pub fn is_document(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension == "html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_what_is_named_by_its_content_for_ever() {
        for (path, expected) in [
            ("assets/index-iCYzhGse.js", FOR_EVER),
            ("index.html", ASK_AGAIN),
            ("icon.svg", FOR_AN_HOUR),
        ] {
            assert_eq!(caching(path), expected, "{path}");
        }
    }

    #[test]
    fn should_allow_nothing_inline_and_nobody_elses() {
        let policy = CONTENT_SECURITY_POLICY;
        for forbidden in ["unsafe", "http", "*", "blob:"] {
            assert!(!policy.contains(forbidden), "{forbidden}");
        }
        assert!(policy.starts_with("default-src 'none'; "));
    }

    #[test]
    fn should_name_each_header_once() {
        let all = of(ASK_AGAIN).into_iter().chain(of_documents());
        let mut names: Vec<String> = all.map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
