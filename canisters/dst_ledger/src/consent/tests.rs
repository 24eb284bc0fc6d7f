use candid::{Nat, encode_one};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc21::requests::{ConsentMessageSpec, DisplayMessageType};
use icrc_ledger_types::icrc21::responses::{ConsentMessage, FieldsDisplay, Value};
use proptest::prelude::*;

use super::*;
use crate::ledger::test_support::{NOW, account, approve, args, transfer, transfer_from, user};

fn config() -> Config {
    Config::new(args(&[])).unwrap()
}

fn request(
    method: &str,
    arg: Vec<u8>,
    device: Option<DisplayMessageType>,
    offset: Option<i16>,
) -> ConsentMessageRequest {
    ConsentMessageRequest {
        method: method.into(),
        arg,
        user_preferences: ConsentMessageSpec {
            metadata: ConsentMessageMetadata {
                language: "de-CH".into(),
                utc_offset_minutes: offset,
            },
            device_spec: device,
        },
    }
}

fn markdown(
    caller: Principal,
    method: &str,
    arg: impl CandidType,
    offset: Option<i16>,
) -> (String, ConsentMessageMetadata) {
    let request = request(method, encode_one(arg).unwrap(), None, offset);
    let info = consent_message(&config(), caller, &request).unwrap();
    match info.consent_message {
        ConsentMessage::GenericDisplayMessage(text) => (text, info.metadata),
        ConsentMessage::FieldsDisplayMessage(fields) => panic!("expected Markdown, got {fields:?}"),
    }
}

fn fields(caller: Principal, method: &str, arg: impl CandidType) -> (FieldsDisplay, ConsentMessageMetadata) {
    let device = Some(DisplayMessageType::FieldsDisplay);
    let request = request(method, encode_one(arg).unwrap(), device, Some(60));
    let info = consent_message(&config(), caller, &request).unwrap();
    match info.consent_message {
        ConsentMessage::FieldsDisplayMessage(fields) => (fields, info.metadata),
        ConsentMessage::GenericDisplayMessage(text) => panic!("expected fields, got {text}"),
    }
}

fn sub(n: u8) -> Account {
    Account {
        subaccount: Some([n; 32]),
        ..account(n)
    }
}

fn full_transfer() -> TransferArg {
    TransferArg {
        from_subaccount: Some([1; 32]),
        fee: Some(10_000_u64.into()),
        memo: Some(b"invoice 17".to_vec().into()),
        created_at_time: Some(NOW),
        ..transfer(sub(2), 123_456_789)
    }
}

fn full_approve() -> ApproveArgs {
    ApproveArgs {
        from_subaccount: Some([1; 32]),
        fee: Some(10_000_u64.into()),
        expected_allowance: Some(50_000_000_u64.into()),
        expires_at: Some(NOW),
        memo: Some(vec![0xff, 0].into()),
        ..approve(sub(2), 123_456_789)
    }
}

fn full_transfer_from() -> TransferFromArgs {
    TransferFromArgs {
        spender_subaccount: Some([3; 32]),
        memo: Some(b"invoice 17".to_vec().into()),
        ..transfer_from(sub(1), sub(2), 123_456_789)
    }
}

#[test]
fn should_describe_a_transfer() {
    let (text, metadata) = markdown(user(1), "icrc1_transfer", full_transfer(), Some(60));
    let expected = format!(
        "# Send Data Stream Token\n\nYou are approving a transfer of funds from your account.\n\n**From:**  \n`{from}`\n\n\
         **Amount:** `1.23456789 DST`\n\n**To:**  \n`{to}`\n\n**Fees:** `0.0001 DST`  \nCharged for processing the transfer.\n\n\
         **Memo:**  \n`invoice 17`",
        from = sub(1),
        to = sub(2),
    );
    assert_eq!(text, expected);
    let (language, offset) = (metadata.language.as_str(), metadata.utc_offset_minutes);
    assert_eq!((language, offset), ("en", None), "it tells no time");

    let (text, _) = markdown(Principal::anonymous(), "icrc1_transfer", transfer(account(2), 5), None);
    let expected = format!(
        "# Send Data Stream Token\n\nYou are approving a transfer of funds from your account.\n\n\
         **Amount:** `0.00000005 DST`\n\n**To:**  \n`{to}`\n\n**Fees:** `0.0001 DST`  \nCharged for processing the transfer.",
        to = account(2),
    );
    assert_eq!(text, expected, "whose account it is, is not known");
}

#[test]
fn should_describe_an_approval() {
    let (text, metadata) = markdown(user(1), "icrc2_approve", full_approve(), Some(120));
    let expected = format!(
        "# Approve spending\n\nYou are authorizing another address to withdraw funds from your account.\n\n\
         **From:**  \n`{from}`\n\n**Approve to spender:**  \n`{spender}`\n\n\
         **Requested allowance:** `1.23456789 DST`  \nThis is the withdrawal limit that will apply upon approval.\n\n\
         **Existing allowance:** `0.5 DST`  \nUntil approval, this allowance remains in effect.\n\n\
         **Approval expiration:**  \nMon, 21 Sep 2026 16:13:20 +0200\n\n\
         **Approval fees:** `0.0001 DST`  \nCharged for processing the approval.\n\n**Fees paid by:**  \n`{from}`\n\n\
         **Memo:**  \n`0xff00`",
        from = sub(1),
        spender = sub(2),
    );
    assert_eq!((text, metadata.utc_offset_minutes), (expected, Some(120)));

    let (text, metadata) = markdown(Principal::anonymous(), "icrc2_approve", approve(account(2), 7), None);
    let expected = format!(
        "# Approve spending\n\nYou are authorizing another address to withdraw funds from your account.\n\n\
         **Approve to spender:**  \n`{spender}`\n\n\
         **Requested allowance:** `0.00000007 DST`  \nThis is the withdrawal limit that will apply upon approval.\n\n\
         **Approval expiration:**  \nThis approval does not have an expiration.\n\n\
         **Approval fees:** `0.0001 DST`  \nCharged for processing the approval.",
        spender = account(2),
    );
    assert_eq!((text, metadata.utc_offset_minutes), (expected, None));
}

#[test]
fn should_say_when_an_approval_is_without_limit_or_ends() {
    let everything = ApproveArgs {
        amount: Nat::from(u128::MAX) + 1_u8,
        ..approve(account(2), 0)
    };
    let (text, _) = markdown(user(1), "icrc2_approve", everything, None);
    assert!(text.contains("**Requested allowance:** `3402823669209384634633746074317.68211455 DST`  \nThis withdrawal limit exceeds all tokens there can be: the spender can withdraw everything."), "{text}");
    let (text, _) = markdown(user(1), "icrc2_approve", approve(account(2), 0), None);
    assert!(
        text.starts_with("# Remove spending approval\n\nYou are ending the permission"),
        "{text}"
    );
    assert!(
        text.contains("**Requested allowance:** `0 DST`  \nUpon approval, the spender can withdraw nothing."),
        "{text}"
    );
}

#[test]
fn should_describe_a_transfer_on_an_allowance() {
    let (text, _) = markdown(user(3), "icrc2_transfer_from", full_transfer_from(), None);
    let expected = format!(
        "# Spend Data Stream Token\n\nYou are approving a transfer of funds from a withdrawal account.\n\n**From:**  \n`{from}`\n\n\
         **Amount:** `1.23456789 DST`\n\n**Spender:**  \n`{spender}`\n\n**To:**  \n`{to}`\n\n\
         **Fees:** `0.0001 DST`  \nCharged for processing the transfer.\n\n**Memo:**  \n`invoice 17`",
        from = sub(1),
        to = sub(2),
        spender = sub(3),
    );
    assert_eq!(text, expected);
    let (text, _) = markdown(
        Principal::anonymous(),
        "icrc2_transfer_from",
        full_transfer_from(),
        None,
    );
    assert!(!text.contains("Spender"), "{text}");
}

#[test]
fn should_say_that_the_minting_account_mints_and_burns_without_a_fee() {
    let (mint, _) = markdown(user(0), "icrc1_transfer", transfer(account(2), 5), None);
    let (burn, _) = markdown(user(1), "icrc1_transfer", transfer(account(0), 5), None);
    let (draw, _) = markdown(
        user(1),
        "icrc2_transfer_from",
        transfer_from(account(2), account(0), 5),
        None,
    );
    assert!(
        mint.starts_with("# Mint Data Stream Token\n\nYou are approving the creation of new tokens."),
        "{mint}"
    );
    for text in [&burn, &draw] {
        assert!(
            text.starts_with("# Burn Data Stream Token\n\nYou are approving the destruction of funds"),
            "{text}"
        );
    }
    for text in [mint, burn, draw] {
        assert!(!text.contains("Fee"), "{text}");
    }
}

#[test]
fn should_lay_out_fields_for_small_devices() {
    let text = |content: String| Value::Text { content };
    let amount = |amount| Value::TokenAmount {
        decimals: 8,
        amount,
        symbol: "DST".into(),
    };
    let field = |label: &str, value: Value| (label.to_owned(), value);
    let (display, metadata) = fields(user(1), "icrc1_transfer", full_transfer());
    let expected = vec![
        field("From", text(sub(1).to_string())),
        field("Amount", amount(123_456_789)),
        field("To", text(sub(2).to_string())),
        field("Fees", amount(10_000)),
        field("Memo", text("invoice 17".into())),
    ];
    assert_eq!(
        (display.intent.as_str(), display.fields),
        ("Send Data Stream Token", expected)
    );
    assert_eq!(metadata.utc_offset_minutes, None);

    let (display, metadata) = fields(user(1), "icrc2_approve", full_approve());
    let expected = vec![
        field("From", text(sub(1).to_string())),
        field("Approve to spender", text(sub(2).to_string())),
        field("Requested allowance", amount(123_456_789)),
        field("Existing allowance", amount(50_000_000)),
        field("Approval expiration", Value::TimestampSeconds { amount: 1_790_000_000 }),
        field("Approval fees", amount(10_000)),
        field("Fees paid by", text(sub(1).to_string())),
        field("Memo", text("0xff00".into())),
    ];
    assert_eq!(
        (display.intent.as_str(), display.fields),
        ("Approve spending", expected)
    );
    assert_eq!(
        metadata.utc_offset_minutes, None,
        "the device tells the time in its own zone"
    );

    let (display, _) = fields(user(3), "icrc2_transfer_from", full_transfer_from());
    let labels: Vec<&str> = display.fields.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(
        (display.intent.as_str(), labels),
        (
            "Spend Data Stream Token",
            vec!["From", "Amount", "Spender", "To", "Fees", "Memo"]
        )
    );

    let (display, _) = fields(
        user(1),
        "icrc1_transfer",
        transfer(account(2), u128::from(u64::MAX) + 1),
    );
    assert_eq!(
        display.fields[1],
        field("Amount", text("184467440737.09551616 DST".into()))
    );
}

#[test]
fn should_refuse_what_the_ledger_would_refuse_anyway() {
    let too_large = Nat::from(u128::MAX) + 1_u8;
    let table: Vec<(u8, &str, Vec<u8>, &str)> = vec![
        (1, "icrc1_balance_of", encode_one(account(1)).unwrap(), "no others"),
        (1, "icrc1_transfer", vec![], "cannot be read"),
        (1, "icrc1_transfer", encode_one("text").unwrap(), "cannot be read"),
        (
            1,
            "icrc2_approve",
            encode_one(full_transfer()).unwrap(),
            "cannot be read",
        ),
        (1, "icrc1_transfer", vec![0; 2_049], "at most 2048 are described"),
        (
            1,
            "icrc1_transfer",
            encode_one(TransferArg {
                fee: Some(9_u8.into()),
                ..full_transfer()
            })
            .unwrap(),
            "names a fee of 9, this call costs 10000",
        ),
        (
            0,
            "icrc1_transfer",
            encode_one(TransferArg {
                fee: Some(10_000_u64.into()),
                ..transfer(account(1), 5)
            })
            .unwrap(),
            "this call costs 0",
        ),
        (
            1,
            "icrc1_transfer",
            encode_one(TransferArg {
                memo: Some(vec![1; 33].into()),
                ..full_transfer()
            })
            .unwrap(),
            "at most 32 are taken",
        ),
        (
            1,
            "icrc1_transfer",
            encode_one(TransferArg {
                amount: too_large.clone(),
                ..full_transfer()
            })
            .unwrap(),
            "larger than any balance",
        ),
        (
            0,
            "icrc1_transfer",
            encode_one(transfer(account(0), 5)).unwrap(),
            "both ends",
        ),
        (
            0,
            "icrc2_approve",
            encode_one(approve(account(1), 5)).unwrap(),
            "holds no tokens",
        ),
        (
            1,
            "icrc2_approve",
            encode_one(approve(sub(1), 5)).unwrap(),
            "the caller itself",
        ),
        (
            1,
            "icrc2_approve",
            encode_one(ApproveArgs {
                expected_allowance: Some(too_large),
                ..full_approve()
            })
            .unwrap(),
            "larger than any allowance",
        ),
        (
            2,
            "icrc2_transfer_from",
            encode_one(transfer_from(account(0), account(1), 5)).unwrap(),
            "holds no tokens",
        ),
    ];
    for (caller, method, arg, expected) in table {
        let answer = consent_message(&config(), user(caller), &request(method, arg, None, None));
        match answer {
            Err(Icrc21Error::UnsupportedCanisterCall(ErrorInfo { description })) => {
                assert!(description.contains(expected), "{method}: {description}");
            }
            other => panic!("{method} ({expected}): {other:?}"),
        }
    }
}

/// A device of a later version of the standard: Candid reads what it does not know in an `opt` as absent.
#[test]
fn should_answer_an_unknown_device_with_markdown() {
    #[derive(CandidType)]
    enum Device {
        Hologram,
    }
    #[derive(CandidType)]
    struct Spec {
        metadata: ConsentMessageMetadata,
        device_spec: Option<Device>,
    }
    #[derive(CandidType)]
    struct Request {
        method: String,
        arg: Vec<u8>,
        user_preferences: Spec,
    }
    let bytes = encode_one(Request {
        method: "icrc1_transfer".into(),
        arg: encode_one(transfer(account(2), 5)).unwrap(),
        user_preferences: Spec {
            metadata: ConsentMessageMetadata {
                language: "en".into(),
                utc_offset_minutes: None,
            },
            device_spec: Some(Device::Hologram),
        },
    })
    .unwrap();
    let request: ConsentMessageRequest = candid::decode_one(&bytes).unwrap();
    let info = consent_message(&config(), user(1), &request).unwrap();
    assert!(matches!(info.consent_message, ConsentMessage::GenericDisplayMessage(_)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Random bytes, and good arguments with bytes changed, cut or added.
    #[test]
    fn should_answer_any_argument(
        method in prop::sample::select(vec!["icrc1_transfer", "icrc2_approve", "icrc2_transfer_from", ""]),
        random in prop::collection::vec(any::<u8>(), 0..300),
        which in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        fields in any::<bool>(),
        offset in prop::option::of(any::<i16>()),
        anonymous in any::<bool>(),
    ) {
        let mut arg = match which {
            0 => encode_one(full_transfer()).unwrap(),
            1 => encode_one(full_approve()).unwrap(),
            2 => encode_one(full_transfer_from()).unwrap(),
            _ => [b"DIDL".to_vec(), random].concat(),
        };
        for (at, value) in changes {
            let at = at.index(arg.len());
            arg[at] = value;
        }
        if let Some(cut) = cut {
            arg.truncate(cut.index(arg.len()));
        }
        let device = if fields { DisplayMessageType::FieldsDisplay } else { DisplayMessageType::GenericDisplay };
        let caller = if anonymous { Principal::anonymous() } else { user(1) };
        let answer = consent_message(&config(), caller, &request(method, arg, Some(device), offset));
        if let Ok(info) = answer {
            prop_assert_eq!(info.metadata.language, "en");
        }
    }

    /// Whatever stands in it, a memo is one code span at the end.
    #[test]
    fn should_keep_a_memo_in_its_place(memo in prop::collection::vec(any::<u8>(), 0..=32), text in "\\PC{0,10}[`*#\n\\[\\]()]{0,6}") {
        let (plain, _) = markdown(user(1), "icrc1_transfer", transfer(account(2), 5), None);
        for memo in [memo, text.into_bytes()] {
            if memo.len() > 32 {
                continue;
            }
            let arg = TransferArg { memo: Some(memo.into()), ..transfer(account(2), 5) };
            let (with_memo, _) = markdown(user(1), "icrc1_transfer", arg, None);
            let added = with_memo.strip_prefix(&plain).unwrap();
            let span = added.strip_prefix("\n\n**Memo:**  \n`").and_then(|rest| rest.strip_suffix('`')).unwrap();
            prop_assert!(!span.contains(['`', '\n']), "{}", span);
        }
    }
}
