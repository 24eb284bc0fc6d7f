//! The `dfx` commands that the documents show, against the interfaces: a reader who pastes them gets what they say.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candid::types::Type;
use candid::types::value::{IDLArgs, IDLValue};
use candid::{Principal, TypeEnv};
use candid_parser::parse_idl_args;
use candid_parser::utils::{CandidSource, instantiate_candid};

/// Documents whose blocks hold commands that can be run as they stand.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/ledger.md"];
const FENCE: &str = "```";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A canister's id as `dfx canister id` prints one; the name must be that of a canister here.
fn canister_id(name: &str) -> String {
    let description: serde_json::Value = serde_json::from_str(&read("dfx.json")).unwrap();
    let canisters = description["canisters"].as_object().unwrap();
    let place = canisters.keys().position(|known| known == name);
    let place = u8::try_from(place.unwrap_or_else(|| panic!("dfx.json has no {name}"))).unwrap();
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, place, 1, 1]).to_text()
}

/// The part of a POSIX shell that the documents use: words, quotes, variables, `$(dfx canister id …)`.
struct Shell<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    variables: BTreeMap<String, String>,
}

impl<'a> Shell<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars().peekable(),
            variables: BTreeMap::new(),
        }
    }

    /// The next command's words; nothing at the end.
    fn command(&mut self) -> Option<Vec<String>> {
        self.rest.peek()?;
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        while let Some(character) = self.rest.next() {
            match character {
                '\n' => break,
                '#' if word.is_none() => while self.rest.next_if(|next| *next != '\n').is_some() {},
                ' ' => words.extend(word.take()),
                '\\' => {
                    let next = self.rest.next().unwrap();
                    if next != '\n' {
                        word.get_or_insert_default().push(next);
                    }
                }
                '\'' => {
                    let word = word.get_or_insert_default();
                    word.extend(self.rest.by_ref().take_while(|next| *next != '\''));
                }
                '"' => self.quoted(word.get_or_insert_default()),
                '$' => self.expand(word.get_or_insert_default()),
                other => word.get_or_insert_default().push(other),
            }
        }
        words.extend(word);
        if let Some((name, value)) = words.first().and_then(|first| first.split_once('='))
            && words.len() == 1
            && name.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
        Some(words)
    }

    fn quoted(&mut self, word: &mut String) {
        loop {
            match self.rest.next().unwrap() {
                '"' => return,
                '\\' => word.push(self.rest.next().unwrap()),
                '$' => self.expand(word),
                other => word.push(other),
            }
        }
    }

    fn expand(&mut self, word: &mut String) {
        if self.rest.next_if_eq(&'(').is_some() {
            let command: String = self.rest.by_ref().take_while(|next| *next != ')').collect();
            let name = command.strip_prefix("dfx canister id ");
            word.push_str(&canister_id(name.unwrap_or_else(|| panic!("$({command})"))));
            return;
        }
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
            name.push(letter);
        }
        let value = self.variables.get(&name);
        word.push_str(value.unwrap_or_else(|| panic!("${name} is not set")));
    }
}

/// Every command of a document's blocks. Each block is a shell of its own.
fn commands(document: &str) -> Vec<Vec<String>> {
    let blocks = document.split(FENCE).skip(1).step_by(2);
    let shown = blocks.filter(|block| block.contains("dfx canister "));
    shown
        .flat_map(|block| {
            // What follows the fence on its line is the block's language.
            let text = block.split_once('\n').unwrap().1;
            let mut shell = Shell::new(text);
            std::iter::from_fn(move || shell.command()).collect::<Vec<_>>()
        })
        .filter(|words| !words.is_empty())
        .collect()
}

/// Whether these are the arguments of `types`, with no field that the types do not have.
fn check(arguments: &str, env: &TypeEnv, types: &[Type]) -> Result<(), String> {
    let given = parse_idl_args(arguments).map_err(|error| error.to_string())?;
    if given.args.len() > types.len() {
        return Err(format!("{} arguments, not {}", given.args.len(), types.len()));
    }
    let typed: IDLArgs = given
        .clone()
        .annotate_types(true, env, types)
        .map_err(|error| error.to_string())?;
    given
        .args
        .iter()
        .zip(&typed.args)
        .try_for_each(|(given, typed)| known(given, typed))
}

/// Typing a record drops fields that its type does not have: whoever wrote them meant something by them.
fn known(given: &IDLValue, typed: &IDLValue) -> Result<(), String> {
    match (given, typed) {
        (IDLValue::Record(given), IDLValue::Record(typed)) => given.iter().try_for_each(|field| {
            let found = typed.iter().find(|other| other.id == field.id);
            let found = found.ok_or_else(|| format!("there is no field {}", field.id))?;
            known(&field.val, &found.val)
        }),
        (IDLValue::Vec(given), IDLValue::Vec(typed)) => given
            .iter()
            .zip(typed)
            .try_for_each(|(given, typed)| known(given, typed)),
        (IDLValue::Opt(given), IDLValue::Opt(typed)) => known(given, typed),
        (IDLValue::Variant(given), IDLValue::Variant(typed)) => known(&given.0.val, &typed.0.val),
        _ => Ok(()),
    }
}

/// Checks `dfx canister call NAME METHOD ARGUMENTS` and `dfx canister install NAME … --argument ARGUMENTS`; others are not looked at.
fn check_command(words: &[String]) -> Result<bool, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["dfx", "canister", what @ ("call" | "install"), canister, rest @ ..] = words.as_slice() else {
        return Ok(false);
    };
    canister_id(canister);
    let interface = root().join(format!("candid/{canister}.did"));
    let source = CandidSource::File(&interface);
    let (init, (env, service)) = instantiate_candid(source).map_err(|error| error.to_string())?;
    match (*what, rest) {
        ("call", [method, arguments]) => {
            let function = env.get_method(&service, method).map_err(|error| error.to_string())?;
            check(arguments, &env, &function.args)?;
        }
        ("install", [options @ .., "--argument", arguments]) => {
            if options.iter().any(|option| option.starts_with('(')) {
                return Err("an argument without its option".to_owned());
            }
            check(arguments, &env, &init)?;
        }
        _ => return Err(format!("this test cannot read {rest:?}")),
    }
    Ok(true)
}

#[test]
fn should_show_calls_that_the_interfaces_take() {
    for (document, least) in DOCUMENTS.into_iter().zip([3, 2]) {
        let mut checked = 0;
        for words in commands(&read(document)) {
            match check_command(&words) {
                Ok(looked_at) => checked += usize::from(looked_at),
                Err(reason) => panic!("{document}: {}: {reason}", words.join(" ")),
            }
        }
        assert!(checked >= least, "{document} shows {checked} calls");
    }
}

#[test]
fn should_list_the_token_everywhere_and_tell_the_page_of_every_canister() {
    let commands = commands(&read("README.md"));
    for canister in ["stream_registry", "federated_aggregator"] {
        let listed = commands
            .iter()
            .any(|words| words.iter().any(|word| word == canister) && words.iter().any(|word| word == "list_asset"));
        assert!(listed, "{canister} lists no asset");
    }
    let install = commands
        .iter()
        .find(|words| words.starts_with(&["dfx", "canister", "install", "web"].map(String::from)))
        .unwrap();
    for canister in ["stream_registry", "dst_ledger", "federated_aggregator"] {
        let told = format!(
            "name = \"PUBLIC_CANISTER_ID:{canister}\"; value = \"{}\"",
            canister_id(canister)
        );
        assert!(install.last().unwrap().contains(&told), "{told}");
    }
}

#[test]
fn should_find_out_what_is_wrong_with_a_call() {
    let asset = "symbol = \"DST\"; decimals = 8 : nat8; fee = 10_000 : nat; ledger = principal \"aaaaa-aa\"; \
         dedup_first = true; payout_threshold = 20_000 : nat";
    let call = |canister: &str, method: &str, arguments: &str| {
        check_command(&["dfx", "canister", "call", canister, method, arguments].map(String::from))
    };
    assert_eq!(
        call("stream_registry", "list_asset", &format!("(record {{ {asset} }})")),
        Ok(true)
    );
    for (canister, method, arguments) in [
        ("stream_registry", "list_assets", format!("(record {{ {asset} }})")),
        (
            "stream_registry",
            "list_asset",
            "(record { symbol = \"DST\" })".to_owned(),
        ),
        (
            "stream_registry",
            "list_asset",
            format!("(record {{ {asset}; dedup = true }})"),
        ),
        ("stream_registry", "set_paused", "(\"yes\")".to_owned()),
        ("stream_registry", "set_paused", "(true, true)".to_owned()),
    ] {
        let refused = call(canister, method, &arguments);
        assert!(refused.is_err(), "{method} {arguments}: {refused:?}");
    }
}
