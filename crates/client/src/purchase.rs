//! Buying a licence so that a crash at any moment costs nothing twice: what is to be bought is written down, with its request
//! id, before the call; a repetition repeats the very same call, which the registry answers with the same licence.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candid::{Decode, Encode, Principal};
use ddsx_types::Account;
use ddsx_types::stream_registry::{BuyArgs, BuyError, Licence, Quote, QuoteArgs};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::Registry;
use crate::error::{CallError, NetworkError};
use crate::files::{sync_folder, write_atomically};
use crate::seen::{CATCH_UP, until_seen};

const VERSION: u32 = 1;

/// A purchase that has been decided on: the arguments of `buy`, to be repeated until there is an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    registry: Principal,
    buyer: Principal,
    args: BuyArgs,
}

/// Why there is no licence.
#[derive(Debug, thiserror::Error)]
pub enum PurchaseFailure {
    /// The registry refused, or the network did not answer.
    #[error(transparent)]
    Call(#[from] CallError<BuyError>),
    /// The note of a purchase cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The note of a purchase is damaged.
    #[error("{path} is not the note of a purchase: {reason}; if no purchase is pending, remove it")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The note is of another registry or buyer.
    #[error("{path} is the note of another registry's or buyer's purchase")]
    Foreign {
        /// The file.
        path: String,
    },
}

impl PurchaseFailure {
    /// Whether the purchase is over: nothing was charged, and a repetition would be answered the same.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Call(CallError::Refused { error, .. }) => !matches!(
                error,
                BuyError::Pending { .. }
                    | BuyError::Quarantined { .. }
                    | BuyError::Paused
                    | BuyError::TooManyPending { .. }
                    | BuyError::AnonymousCaller
            ),
            _ => false,
        }
    }
}

/// The note as it lies in the file.
#[derive(Serialize, Deserialize)]
struct Note {
    version: u32,
    registry: Principal,
    buyer: Principal,
    plan: u64,
    request_id: String,
    max_price: String,
    /// The arguments in Candid, in hexadecimal digits: exactly what is sent.
    args: String,
}

impl Purchase {
    /// A new purchase at the terms of a quote; `max_price` is the quote's price.
    pub fn new(
        registry: &Registry,
        quote: &Quote,
        from_subaccount: Option<[u8; 32]>,
        recipient: Option<Account>,
    ) -> Self {
        Self {
            registry: registry.id(),
            buyer: registry.network().principal(),
            args: BuyArgs {
                plan: quote.plan,
                ledger: quote.ledger,
                from_subaccount,
                max_price: quote.price.clone(),
                terms_hash: quote.terms_hash,
                recipient,
                request_id: ByteBuf::from(request_id().to_vec()),
            },
        }
    }

    /// What is sent.
    pub fn args(&self) -> &BuyArgs {
        &self.args
    }

    /// Whether this is the purchase that the quote's arguments describe, whatever its price.
    pub fn is_for(&self, asked: QuoteArgs, recipient: Option<Account>) -> bool {
        self.args.plan == asked.plan && self.args.ledger == asked.ledger && self.args.recipient == recipient
    }

    /// Calls `buy`, and again while the payment's outcome is not known, up to `patience`.
    pub async fn complete(&self, registry: &Registry, patience: Duration) -> Result<Licence, PurchaseFailure> {
        let began = std::time::Instant::now();
        let mut pause = Duration::from_secs(1);
        loop {
            let failure = match registry.buy(&self.args).await {
                Ok(licence) => {
                    // So that whoever pulls next is not told by a node that lags that there is no licence. It is bought either way.
                    let ask = || registry.licence(licence.id);
                    let _ = until_seen(CATCH_UP, ask, |told| told.licence.is_some()).await;
                    return Ok(licence);
                }
                Err(failure) => failure,
            };
            let unsettled = matches!(
                failure,
                CallError::Refused {
                    error: BuyError::Pending { .. },
                    ..
                } | CallError::Network(NetworkError::OutcomeUnknown { .. })
            );
            if !unsettled || began.elapsed() + pause > patience {
                return Err(failure.into());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(15));
        }
    }

    /// Where the note of a purchase of this plan lies in a folder.
    pub fn note_path(folder: &Path, registry: &Registry, plan: u64) -> PathBuf {
        let buyer = registry.network().principal();
        folder.join(format!("buy-{}-{plan}-{buyer}.json", registry.id()))
    }

    /// Writes the note. Do this before [`Purchase::complete`].
    pub fn save(&self, path: &Path) -> Result<(), PurchaseFailure> {
        let args = Encode!(&self.args).map_err(|error| damaged(path, &error))?;
        let note = Note {
            version: VERSION,
            registry: self.registry,
            buyer: self.buyer,
            plan: self.args.plan,
            request_id: hex::encode(&self.args.request_id),
            max_price: self.args.max_price.0.to_string(),
            args: hex::encode(args),
        };
        let bytes = serde_json::to_vec_pretty(&note).map_err(|error| damaged(path, &error))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(file_error(path))?;
        }
        write_atomically(path, &bytes).map_err(file_error(path))
    }

    /// Reads a note left by a run that did not end; `None` if there is none.
    pub fn load(path: &Path, registry: &Registry) -> Result<Option<Self>, PurchaseFailure> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_error(path)(error)),
        };
        let note: Note = serde_json::from_slice(&bytes).map_err(|error| damaged(path, &error))?;
        if note.version != VERSION {
            return Err(damaged(path, &format!("its version is {}", note.version)));
        }
        if note.registry != registry.id() || note.buyer != registry.network().principal() {
            return Err(PurchaseFailure::Foreign {
                path: path.display().to_string(),
            });
        }
        let args = hex::decode(&note.args).map_err(|error| damaged(path, &error))?;
        let args = Decode!(&args, BuyArgs).map_err(|error| damaged(path, &error))?;
        Ok(Some(Self {
            registry: note.registry,
            buyer: note.buyer,
            args,
        }))
    }

    /// Removes the note once the purchase is over.
    pub fn forget(path: &Path) -> Result<(), PurchaseFailure> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
            _ => path.parent().map_or(Ok(()), sync_folder).map_err(file_error(path)),
        }
    }
}

/// 32 random bytes: nobody else has this request id.
pub fn request_id() -> [u8; 32] {
    let mut bytes = [0; 32];
    // Fails only where the system has no random numbers at all, and then nothing here is safe.
    #[expect(clippy::expect_used, reason = "a system without random numbers cannot sign either")]
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> PurchaseFailure + '_ {
    |error| PurchaseFailure::File {
        path: path.display().to_string(),
        error,
    }
}

fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> PurchaseFailure {
    PurchaseFailure::Damaged {
        path: path.display().to_string(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{KeyKind, generate, parse};
    use crate::{Network, RootKey};
    use ddsx_types::Hash;
    use ddsx_types::stream_registry::PlanKind;

    async fn registry() -> Registry {
        let identity = parse(generate(KeyKind::Ed25519).unwrap().as_bytes()).unwrap();
        let network = Network::connect("http://127.0.0.1:1", RootKey::Mainnet, identity)
            .await
            .unwrap();
        network.registry(Principal::from_slice(&[7, 1, 1]))
    }

    fn quote() -> Quote {
        Quote {
            plan: 3,
            stream: 1,
            kind: PlanKind::Perpetual,
            ledger: Some(Principal::management_canister()),
            price: 1_000u32.into(),
            ledger_fee: 10u8.into(),
            allowance: 1_010u32.into(),
            terms_hash: Hash([4; 32]),
        }
    }

    #[tokio::test]
    async fn should_read_back_the_very_same_purchase() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry().await;
        let path = Purchase::note_path(&folder.path().join("purchases"), &registry, 3);
        assert_eq!(Purchase::load(&path, &registry).unwrap(), None);
        let purchase = Purchase::new(&registry, &quote(), None, Some(registry.id().into()));
        purchase.save(&path).unwrap();
        assert_eq!(Purchase::load(&path, &registry).unwrap(), Some(purchase.clone()));
        assert_eq!(purchase.args().max_price, 1_000u32);
        assert_eq!(purchase.args().request_id.len(), 32);

        let another = Purchase::new(&registry, &quote(), None, None);
        assert_ne!(another.args().request_id, purchase.args().request_id);
        Purchase::forget(&path).unwrap();
        Purchase::forget(&path).unwrap();
        assert_eq!(Purchase::load(&path, &registry).unwrap(), None);
    }

    #[tokio::test]
    async fn should_refuse_the_note_of_another_buyer_and_a_damaged_one() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (registry().await, registry().await);
        let path = folder.path().join("note.json");
        Purchase::new(&theirs, &quote(), None, None).save(&path).unwrap();
        assert!(matches!(
            Purchase::load(&path, &ours),
            Err(PurchaseFailure::Foreign { .. })
        ));
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(
            Purchase::load(&path, &ours),
            Err(PurchaseFailure::Damaged { .. })
        ));
    }

    #[test]
    fn should_know_which_refusals_end_a_purchase() {
        let refused = |error| PurchaseFailure::Call(CallError::Refused { method: "buy", error });
        for (error, is_final) in [
            (BuyError::Pending { intent: 1 }, false),
            (BuyError::Quarantined { intent: 1 }, false),
            (BuyError::Paused, false),
            (BuyError::TooManyPending { max: 1 }, false),
            (BuyError::PlanNotOffered, true),
            (BuyError::RequestIdReused, true),
            (
                BuyError::TermsChanged {
                    terms_hash: Hash([0; 32]),
                },
                true,
            ),
            (BuyError::PriceAboveMax { price: 1u8.into() }, true),
        ] {
            let text = format!("{error:?}");
            assert_eq!(refused(error).is_final(), is_final, "{text}");
        }
        let unknown = NetworkError::OutcomeUnknown {
            method: "buy".into(),
            reason: String::new(),
        };
        assert!(!PurchaseFailure::Call(unknown.into()).is_final());
    }
}
