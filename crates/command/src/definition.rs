//! What a new stream is: from a definition file, from options, or from both.

use std::path::Path;

use ddsx_client::input::read_text;
use ddsx_types::Account;
use ddsx_types::stream_registry::{CreateStreamArgs, LicenceTerms, NewContributor};
use serde::Deserialize;

use crate::args::CreateArgs;
use crate::config::parse_by_extension;
use crate::failure::Failure;
use crate::text::{parse_account, parse_contributor, parse_share};

/// A definition file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Definition {
    name: Option<String>,
    description: Option<String>,
    tags: Vec<String>,
    content_type: Option<String>,
    schema: Option<String>,
    schema_file: Option<String>,
    licence: Option<String>,
    licence_text: Option<String>,
    contact: Option<String>,
    provider_account: Option<String>,
    contributors_share: Option<String>,
    contributors: Vec<Contributor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contributor {
    label: String,
    account: Option<String>,
}

/// The arguments of `create_stream`; `provider` is paid if no account is named.
pub fn stream(args: &CreateArgs, provider: Account) -> Result<CreateStreamArgs, Failure> {
    let file = match &args.from {
        Some(path) => read_definition(path)?,
        None => Definition::default(),
    };
    let required = |what: &str, option: &str| {
        Failure::usage(format!(
            "a stream needs {what}: give {option}, or a definition file (--from)"
        ))
    };
    let schema = match (&args.schema, file.schema) {
        (Some(path), _) => Some(read_text(path)?),
        (None, schema) => schema,
    };
    Ok(CreateStreamArgs {
        payment: None,
        name: args
            .name
            .clone()
            .or(file.name)
            .ok_or_else(|| required("a name", "NAME"))?,
        description: args.description.clone().or(file.description).unwrap_or_default(),
        tags: if args.tags.is_empty() {
            file.tags
        } else {
            args.tags.clone()
        },
        content_type: args
            .content_type
            .clone()
            .or(file.content_type)
            .ok_or_else(|| required("the media type of its chunks", "--content-type"))?,
        schema,
        licence_terms: terms(args, file.licence, file.licence_text)?
            .ok_or_else(|| required("terms of use", "--licence or --licence-text"))?,
        contact: args.contact.clone().or(file.contact),
        provider_account: match (args.provider_account, file.provider_account) {
            (Some(account), _) => account,
            (None, Some(text)) => parse_account(&text).map_err(|error| Failure::usage(format!("{text}: {error}")))?,
            (None, None) => provider,
        },
        contributors_share_bps: share(args.contributors_share.as_ref().or(file.contributors_share.as_ref()))?,
        contributors: contributors(&args.contributors, file.contributors)?,
    })
}

fn terms(args: &CreateArgs, spdx: Option<String>, text: Option<String>) -> Result<Option<LicenceTerms>, Failure> {
    if let Some(id) = &args.licence {
        return Ok(Some(LicenceTerms::Spdx(id.clone())));
    }
    if let Some(path) = &args.licence_text {
        return Ok(Some(LicenceTerms::Text(read_text(path)?)));
    }
    match (spdx, text) {
        (Some(_), Some(_)) => Err(Failure::usage(
            "the definition file has licence and licence_text; one is enough",
        )),
        (Some(id), None) => Ok(Some(LicenceTerms::Spdx(id))),
        (None, text) => Ok(text.map(LicenceTerms::Text)),
    }
}

/// Nothing said means that contributors get everything after the protocol fee.
fn share(text: Option<&String>) -> Result<u16, Failure> {
    text.map_or(Ok(10_000), |text| parse_share(text).map_err(Failure::usage))
}

fn contributors(options: &[String], file: Vec<Contributor>) -> Result<Vec<NewContributor>, Failure> {
    let mut table = Vec::new();
    for contributor in file {
        let account = contributor
            .account
            .map(|text| parse_account(&text).map_err(|error| Failure::usage(format!("{text}: {error}"))))
            .transpose()?;
        table.push(NewContributor {
            label: contributor.label,
            account,
        });
    }
    table.extend(options.iter().map(|option| {
        let (label, account) = parse_contributor(option);
        NewContributor { label, account }
    }));
    Ok(table)
}

fn read_definition(path: &Path) -> Result<Definition, Failure> {
    let mut definition: Definition = parse_by_extension(path, &read_text(path)?)?;
    if let Some(file) = definition.schema_file.take() {
        let beside = path.parent().unwrap_or(Path::new("")).join(file);
        definition.schema = Some(read_text(&beside)?);
    }
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;

    const ID: &str = "ryjl3-tyaaa-aaaaa-aaaba-cai";

    fn me() -> Account {
        Principal::from_slice(&[1; 29]).into()
    }

    #[test]
    fn should_read_a_definition_and_let_options_take_precedence() {
        let folder = tempfile::tempdir().unwrap();
        // As Windows writes them.
        std::fs::write(folder.path().join("event.json"), "\u{feff}{}").unwrap();
        let path = folder.path().join("quakes.toml");
        let text = format!(
            "\u{feff}name = \"quakes\"\r\ntags = [\"geo\"]\ncontent_type = \"application/x-ndjson\"\nlicence = \"CC0-1.0\"\n\
             schema_file = \"event.json\"\ncontributors_share = \"70%\"\n\
             [[contributors]]\nlabel = \"uw\"\n[[contributors]]\nlabel = \"ak\"\naccount = \"{ID}\"\n"
        );
        std::fs::write(&path, text).unwrap();
        let args = CreateArgs {
            name: Some("other".into()),
            from: Some(path),
            contributors: vec!["nc".into()],
            ..CreateArgs::default()
        };
        let stream = stream(&args, me()).unwrap();
        assert_eq!((stream.name.as_str(), stream.contributors_share_bps), ("other", 7_000));
        assert_eq!((stream.schema.as_deref(), stream.provider_account), (Some("{}"), me()));
        assert_eq!(stream.licence_terms, LicenceTerms::Spdx("CC0-1.0".into()));
        let labels: Vec<&str> = stream.contributors.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels, ["uw", "ak", "nc"]);
        assert_eq!(
            stream.contributors[1].account,
            Some(Principal::from_text(ID).unwrap().into())
        );
    }

    #[test]
    fn should_say_what_a_stream_lacks() {
        let complete = CreateArgs {
            name: Some("a".into()),
            content_type: Some("text/csv".into()),
            licence: Some("MIT".into()),
            ..CreateArgs::default()
        };
        assert_eq!(stream(&complete, me()).unwrap().contributors_share_bps, 10_000);
        for (args, words) in [
            (
                CreateArgs {
                    name: None,
                    ..copy(&complete)
                },
                "a name",
            ),
            (
                CreateArgs {
                    content_type: None,
                    ..copy(&complete)
                },
                "media type",
            ),
            (
                CreateArgs {
                    licence: None,
                    ..copy(&complete)
                },
                "terms of use",
            ),
            (
                CreateArgs {
                    contributors_share: Some("2".repeat(9)),
                    ..copy(&complete)
                },
                "share",
            ),
        ] {
            let failure = stream(&args, me()).unwrap_err();
            assert_eq!(failure.code(), crate::failure::USAGE);
            assert!(failure.message().contains(words), "{}", failure.message());
        }
    }

    fn copy(args: &CreateArgs) -> CreateArgs {
        CreateArgs {
            name: args.name.clone(),
            content_type: args.content_type.clone(),
            licence: args.licence.clone(),
            ..CreateArgs::default()
        }
    }
}
