//! `ddsx licence`: quote, buy, look.

mod buy;
mod choice;
mod offer;

use ddsx_client::all_pages;
use ddsx_types::stream_registry::Licence;
use serde_json::Value;

use crate::args::LicenceCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table;
use crate::text;
use crate::view::{kind_text, licence_json, licence_text};
use offer::Shown;

pub async fn run(context: &Context, command: LicenceCommand) -> Result<(), Failure> {
    let registry = context.registry().await?;
    match command {
        LicenceCommand::Buy(args) => buy::run(context, &registry, args).await,
        LicenceCommand::Quote { choice } => {
            let plan = choice::plan(&registry, &choice).await?;
            let shown = Shown::ask(context, &registry, plan, false).await?;
            context.output.result(&shown.json(), &shown.text())
        }
        LicenceCommand::List { owner } => {
            let owner = owner.unwrap_or_else(|| registry.network().principal());
            let licences = all_pages(|page| registry.licences_of(owner, page), |licence: &Licence| licence.id).await?;
            let json: Value = licences.iter().map(licence_json).collect();
            context.output.result(&json, &licences_text(&licences))
        }
        LicenceCommand::Show { licence } => match registry.verified_licence(licence).await? {
            Some(licence) => context.output.result(&licence_json(&licence), &licence_text(&licence)),
            None => Err(Failure::refused(format!(
                "it is proved that there is no licence {licence}"
            ))),
        },
    }
}

fn licences_text(licences: &[Licence]) -> String {
    if licences.is_empty() {
        return "no licences".into();
    }
    let mut rows = vec![
        ["licence", "stream", "plan", "sells", "ends"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(licences.iter().map(|licence| {
        vec![
            licence.id.to_string(),
            licence.stream.to_string(),
            licence.plan.to_string(),
            kind_text(licence.kind),
            licence.expires_at.map_or("never".into(), text::time),
        ]
    }));
    table(&rows)
}
