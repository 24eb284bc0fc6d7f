//! ICRC-21: what a signer shows its user before signing `icrc1_transfer`, `icrc2_approve` or `icrc2_transfer_from`.
//!
//! The titles and labels are those of the standard's own examples, which wallets and hardware signers already know. The texts are in
//! English, whatever language is asked for, and say so. A call that this ledger would refuse in any case (an argument that cannot
//! be read, another fee than the ledger's, a memo too long, …) gets no message but `UnsupportedCanisterCall`.
//!
//! `icrc-ledger-types` has a builder for these messages. It is not used, because a message is what a user relies on: it computes
//! amounts in floating point, puts memos into Markdown as they are (so that one can write the rest of the message), names a fee for
//! mints and burns, which cost none, and panics at time zones it does not know.

mod describe;
mod message;
#[cfg(test)]
mod tests;
mod text;

use candid::utils::decode_one_with_config;
use candid::{CandidType, DecoderConfig, Principal};
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;
use icrc_ledger_types::icrc21::errors::{ErrorInfo, Icrc21Error};
use icrc_ledger_types::icrc21::requests::{ConsentMessageMetadata, ConsentMessageRequest};
use icrc_ledger_types::icrc21::responses::ConsentInfo;
use serde::de::DeserializeOwned;

use crate::config::Config;

/// The longest argument described, bytes; those of the three methods take below 600 as every client writes them.
pub const MAX_ARGUMENT_BYTES: usize = 2_048;
/// What decoding an argument may cost, in the units of `candid`.
const DECODING_QUOTA: usize = 200_000;
const LANGUAGE: &str = "en";

/// `icrc21_canister_call_consent_message` for whoever asks; an anonymous caller's accounts are not known and not shown.
pub fn consent_message(
    config: &Config,
    caller: Principal,
    request: &ConsentMessageRequest,
) -> Result<ConsentInfo, Icrc21Error> {
    let message = match request.method.as_str() {
        "icrc1_transfer" => describe::transfer(config, caller, &argument::<TransferArg>(request)?),
        "icrc2_approve" => describe::approve(config, caller, &argument::<ApproveArgs>(request)?),
        "icrc2_transfer_from" => describe::transfer_from(config, caller, &argument::<TransferFromArgs>(request)?),
        _ => Err(
            "there are consent messages for icrc1_transfer, icrc2_approve and icrc2_transfer_from, no others"
                .to_owned(),
        ),
    };
    let message = message.map_err(unsupported)?;
    let preferences = &request.user_preferences;
    let (consent_message, utc_offset_minutes) = message.render(
        config,
        preferences.device_spec.as_ref(),
        preferences.metadata.utc_offset_minutes,
    );
    Ok(ConsentInfo {
        consent_message,
        metadata: ConsentMessageMetadata {
            language: LANGUAGE.to_owned(),
            utc_offset_minutes,
        },
    })
}

fn unsupported(description: String) -> Icrc21Error {
    Icrc21Error::UnsupportedCanisterCall(ErrorInfo { description })
}

fn argument<T: DeserializeOwned + CandidType>(request: &ConsentMessageRequest) -> Result<T, Icrc21Error> {
    let length = request.arg.len();
    if length > MAX_ARGUMENT_BYTES {
        return Err(unsupported(format!(
            "the argument has {length} bytes, at most {MAX_ARGUMENT_BYTES} are described"
        )));
    }
    let mut limits = DecoderConfig::new();
    limits
        .set_decoding_quota(DECODING_QUOTA)
        .set_skipping_quota(DECODING_QUOTA);
    decode_one_with_config(&request.arg, &limits)
        .map_err(|error| unsupported(format!("the argument of {} cannot be read: {error}", request.method)))
}
