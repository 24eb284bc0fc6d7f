//! `ddsx identity`: keys.

use ddsx_client::identity::{self, KeyKind};
use serde_json::{Value, json};

use crate::args::{IdentityCommand, Scheme};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

pub fn run(context: &Context, command: IdentityCommand) -> Result<(), Failure> {
    match command {
        IdentityCommand::New { name, scheme } => create(context, &name, scheme),
        IdentityCommand::Show { name, principal } => show(context, name.as_deref(), principal),
        IdentityCommand::List => list(context),
    }
}

fn create(context: &Context, name: &str, scheme: Scheme) -> Result<(), Failure> {
    let kind = match scheme {
        Scheme::Secp256k1 => KeyKind::Secp256k1,
        Scheme::Ed25519 => KeyKind::Ed25519,
    };
    let path = context.identities().create(name, kind)?;
    let principal = principal_of(&*identity::load(&path)?)?;
    context
        .output
        .remark("The key in this file is all there is to this identity. Keep a copy; show it to nobody.");
    let json = json!({ "name": name, "principal": principal, "file": path });
    context
        .output
        .result(&json, &format!("{name}: {principal}\n  key in {}", path.display()))
}

fn show(context: &Context, name: Option<&str>, only_principal: bool) -> Result<(), Failure> {
    let (name, identity) = match name {
        Some(name) => (name, context.identities().load(name)?),
        None => (context.identity_name(), context.identity()?),
    };
    let principal = principal_of(&*identity)?;
    if only_principal && !context.output.is_json() {
        return output::line(&principal);
    }
    let file = context.identities().file(name).ok().filter(|file| file.exists());
    let place = file.as_ref().map(|file| format!("\n  key in {}", file.display()));
    let json = json!({ "name": name, "principal": principal, "file": file });
    context
        .output
        .result(&json, &format!("{name}: {principal}{}", place.unwrap_or_default()))
}

fn list(context: &Context) -> Result<(), Failure> {
    let identities = context.identities();
    let mut rows = Vec::new();
    for name in identities.names()? {
        let principal = identities
            .load(&name)
            .map_err(Failure::from)
            .and_then(|identity| principal_of(&*identity))
            .unwrap_or_else(|failure| failure.message().to_string());
        rows.push((name, principal));
    }
    let json: Value = rows
        .iter()
        .map(|(name, principal)| json!({ "name": name, "principal": principal }))
        .collect();
    let text: Vec<String> = rows
        .iter()
        .map(|(name, principal)| format!("{name}: {principal}"))
        .collect();
    let text = if text.is_empty() {
        "no identities; make one: ddsx identity new".into()
    } else {
        text.join("\n")
    };
    context.output.result(&json, &text)
}

fn principal_of(identity: &dyn ddsx_client::Identity) -> Result<String, Failure> {
    identity
        .sender()
        .map(|principal| principal.to_text())
        .map_err(Failure::local)
}
