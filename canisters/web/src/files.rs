//! The page's files.

/// A file with its encodings, each made when the page was built, and present where it is smaller.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Relative to the page's root: `assets/index-iCYzhGse.js`.
    pub path: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// In Brotli (RFC 7932).
    pub brotli: Option<&'static [u8]>,
    /// In gzip (RFC 1952).
    pub gzip: Option<&'static [u8]>,
}

/// The files that this module holds; none unless it is compiled to Wasm.
pub static EMBEDDED: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The media type that a file's name stands for.
pub fn content_type(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/vnd.microsoft.icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_know_the_types_of_what_a_page_is_made_of() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("assets/index-iCYzhGse.js", "text/javascript; charset=utf-8"),
            ("assets/chart.min.css", "text/css; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
            ("assets/font.woff2", "font/woff2"),
            ("LICENSE", "application/octet-stream"),
            ("assets.js/LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(path), expected, "{path}");
        }
    }

    #[test]
    fn should_embed_nothing_outside_of_a_canister() {
        assert!(EMBEDDED.is_empty());
    }
}
