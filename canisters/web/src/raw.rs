//! Hosts of the form `<canister>.raw.<domain>`, whose answers no gateway verifies: a single node could answer with any page. They lead
//! to `<canister>.<domain>`, as those of the ecosystem's asset canister do unless raw access is allowed.

use candid::Principal;
use ic_http_certification::HttpRequest;

/// Where a request to a `raw` host is to go instead; nothing for other hosts, and for what is no host or path.
pub fn verified_address(request: &HttpRequest<'_>) -> Option<String> {
    let host = request
        .headers()
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.as_str())?;
    let (canister, rest) = host.split_once('.')?;
    let domain = rest.strip_prefix("raw.")?;
    Principal::from_text(canister).ok()?;
    let (name, port) = domain.split_once(':').unwrap_or((domain, "443"));
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let path = request.url();
    let usable = !name.is_empty()
        && name.bytes().all(in_name)
        && port.parse::<u16>().is_ok()
        && path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    let local = name == "localhost" || name.ends_with(".localhost");
    let scheme = if local { "http" } else { "https" };
    usable.then(|| format!("{scheme}://{canister}.{domain}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, path: &str) -> Option<String> {
        let headers = vec![("Host".to_owned(), host.to_owned())];
        verified_address(&HttpRequest::get(path).with_headers(headers).build())
    }

    #[test]
    fn should_lead_to_the_host_whose_answers_are_verified() {
        for (host, path, expected) in [
            (
                "7tjcv-pp777-77776-qaaaa-cai.raw.icp0.io",
                "/streams/3?x=1",
                "https://7tjcv-pp777-77776-qaaaa-cai.icp0.io/streams/3?x=1",
            ),
            (
                "7tjcv-pp777-77776-qaaaa-cai.raw.localhost:4943",
                "/",
                "http://7tjcv-pp777-77776-qaaaa-cai.localhost:4943/",
            ),
            // It stays at the host, whatever the path looks like.
            (
                "7tjcv-pp777-77776-qaaaa-cai.raw.icp0.io",
                "//evil.example/",
                "https://7tjcv-pp777-77776-qaaaa-cai.icp0.io//evil.example/",
            ),
        ] {
            assert_eq!(asked(host, path).as_deref(), Some(expected), "{host}{path}");
        }
    }

    #[test]
    fn should_leave_every_other_host_alone() {
        for (host, path) in [
            ("7tjcv-pp777-77776-qaaaa-cai.icp0.io", "/"),
            ("ddsx.example", "/"),
            ("raw.ddsx.example", "/"),
            ("www.raw.ddsx.example", "/"),
            ("7tjcv-pp777-77776-qaaaa-cai.raw.", "/"),
            ("7tjcv-pp777-77776-qaaaa-cai.raw.evil.example/x", "/"),
            ("7tjcv-pp777-77776-qaaaa-cai.raw.a.example:99999", "/"),
            ("7tjcv-pp777-77776-qaaaa-cai.raw.a.example", "x"),
            ("7tjcv-pp777-77776-qaaaa-cai.raw.a.example", "/a\r\nset-cookie: b"),
        ] {
            assert_eq!(asked(host, path), None, "{host}{path}");
        }
        assert_eq!(verified_address(&HttpRequest::get("/").build()), None);
    }
}
