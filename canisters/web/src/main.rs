//! Endpoints of the page's canister. The rules are in the library; here a call is decoded and handed on.
#![allow(
    missing_docs,
    reason = "the endpoints are documented by their argument types and by the Candid file"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "an endpoint owns the argument decoded for it"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "root key, environment, certified data and certificate are read and set here only; the library is given them as values"
)]

use std::cell::RefCell;

use ddsx_types::web::{PageVariable, WebArgs, WebConfiguration};
use ic_cdk::{init, post_upgrade, query, update};
use ic_http_certification::{HttpRequest, HttpResponse, HttpUpdateRequest, HttpUpdateResponse};
use web::files::EMBEDDED;
use web::site::Site;
use web::{environment, storage};

thread_local! {
    /// Built at install and at each upgrade.
    static SITE: RefCell<Option<Site>> = const { RefCell::new(None) };
}

#[init]
fn init(args: Option<WebArgs>) {
    or_trap(set_up(args));
}

#[post_upgrade]
fn post_upgrade(args: Option<WebArgs>) {
    or_trap(set_up(args));
}

fn or_trap<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|message| ic_cdk::trap(message))
}

/// Keeps what is given and certifies everything.
fn set_up(args: Option<WebArgs>) -> Result<(), String> {
    let settings = storage::settings()?.with(args.unwrap_or_default())?;
    storage::keep(&settings)?;
    let told = environment::merge(&settings.variables, canister_environment());
    let cookie = environment::cookie(&ic_cdk::api::root_key(), &told)?;
    let site = Site::new(EMBEDDED, &settings, &cookie)?;
    ic_cdk::api::certified_data_set(site.root_hash());
    SITE.set(Some(site));
    Ok(())
}

fn canister_environment() -> Vec<PageVariable> {
    (0..ic_cdk::api::env_var_count())
        .map(|index| {
            let name = ic_cdk::api::env_var_name(index);
            let value = ic_cdk::api::env_var_value(&name);
            PageVariable { name, value }
        })
        .collect()
}

fn with_site<T>(answer: impl FnOnce(&Site) -> T) -> T {
    SITE.with_borrow(|site| match site {
        Some(site) => answer(site),
        None => ic_cdk::trap("the page is not set up"),
    })
}

#[query(hidden = true)]
fn http_request(request: HttpRequest<'static>) -> HttpResponse<'static> {
    let certificate = ic_cdk::api::data_certificate().unwrap_or_default();
    with_site(|site| site.respond(request, &certificate))
}

#[update(hidden = true)]
fn http_request_update(request: HttpUpdateRequest<'static>) -> HttpUpdateResponse<'static> {
    with_site(|site| site.respond_to_update(&request))
}

#[query]
fn configuration() -> WebConfiguration {
    let settings = or_trap(storage::settings());
    WebConfiguration {
        variables: environment::merge(&settings.variables, canister_environment()),
        domains: settings.domains,
        alternative_origins: settings.alternative_origins,
        files: u32::try_from(EMBEDDED.len()).unwrap_or(u32::MAX),
        bytes: EMBEDDED.iter().map(|file| file.plain.len() as u64).sum(),
    }
}

fn main() {}

ic_cdk::export_candid!();

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_CANDID=1` writes the file anew.
    #[test]
    fn should_have_the_interface_of_the_committed_candid_file() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../candid/web.did");
        let generated = __export_service();
        if std::env::var_os("UPDATE_CANDID").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(committed, generated, "run: UPDATE_CANDID=1 cargo test -p web --bin web");
    }
}
