//! `ddsx identity`: keys.

use ddsx_client::identity::{self, IdentityError, KeyKind};
use serde_json::{Value, json};

use crate::args::{IdentityCommand, Scheme};
use crate::context::{Context, open};
use crate::failure::Failure;
use crate::output;
use crate::passphrase;

pub fn run(context: &Context, command: IdentityCommand) -> Result<(), Failure> {
    match command {
        IdentityCommand::New { name, scheme, encrypt } => create(context, &name, scheme, encrypt),
        IdentityCommand::Show { name, principal } => show(context, name.as_deref(), principal),
        IdentityCommand::List => list(context),
    }
}

fn create(context: &Context, name: &str, scheme: Scheme, encrypt: bool) -> Result<(), Failure> {
    let kind = match scheme {
        Scheme::Secp256k1 => KeyKind::Secp256k1,
        Scheme::Ed25519 => KeyKind::Ed25519,
    };
    let identities = context.identities();
    let (path, identity) = if encrypt {
        if identities.file(name)?.exists() {
            return Err(IdentityError::Exists(identities.file(name)?.display().to_string()).into());
        }
        let passphrase = passphrase::new(name)?;
        let path = identities.create_encrypted(name, kind, &passphrase)?;
        let identity = identity::load_with(&path, || Ok(passphrase))?;
        (path, identity)
    } else {
        let path = identities.create(name, kind)?;
        let identity = identity::load(&path)?;
        (path, identity)
    };
    let principal = principal_of(&*identity)?;
    context.output.remark(if encrypt {
        "The key in this file, with its passphrase, is all there is to this identity. Keep a copy of both; show them to nobody."
    } else {
        "The key in this file is all there is to this identity. Keep a copy; show it to nobody."
    });
    let json = json!({ "name": name, "principal": principal, "file": path, "encrypted": encrypt });
    context
        .output
        .result(&json, &format!("{name}: {principal}\n  key in {}", path.display()))
}

fn show(context: &Context, name: Option<&str>, only_principal: bool) -> Result<(), Failure> {
    let (name, identity) = match name {
        Some(name) => (name, open(name, &context.identities().file(name)?)?),
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
        // Nobody is asked for every passphrase only to see a list.
        let principal = match identities.load(&name) {
            Err(IdentityError::Encrypted(_)) => format!("encrypted (ddsx identity show {name})"),
            loaded => loaded
                .map_err(Failure::from)
                .and_then(|identity| principal_of(&*identity))
                .unwrap_or_else(|failure| failure.message().to_string()),
        };
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
