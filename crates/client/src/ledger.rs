//! A typed client of an ICRC-1 and ICRC-2 ledger.

use std::time::{SystemTime, UNIX_EPOCH};

use candid::utils::ArgumentEncoder;
use candid::{CandidType, Nat, Principal};
use ddsx_types::Account;
use ddsx_types::dst_ledger::LedgerTotals;
use icrc_ledger_types::icrc::generic_metadata_value::MetadataValue;
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg, TransferError};
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::explain::Explain;
use crate::network::Reads;
use crate::{CallError, Network, NetworkError};

/// A ledger canister of one network, as one identity. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    network: Network,
    canister: Principal,
    reads: Reads,
}

/// A standard that a ledger says it supports.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Standard {
    /// Its name, for example `ICRC-2`.
    pub name: String,
    /// Where it is described.
    pub url: String,
}

/// What is needed to read and write amounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerInfo {
    /// What people call a unit.
    pub symbol: String,
    /// Decimal places of a unit.
    pub decimals: u8,
    /// The transfer fee in the smallest unit.
    pub fee: u128,
}

impl LedgerInfo {
    fn new(symbol: &str, decimals: &Nat, fee: &Nat) -> Result<Self, NetworkError> {
        let unreadable = |reason: &str| NetworkError::Unreadable {
            method: "icrc1_metadata".into(),
            reason: reason.into(),
        };
        let decimals = u8::try_from(decimals.0.clone())
            .ok()
            .filter(|decimals| *decimals <= crate::amount::MAX_DECIMALS)
            .ok_or_else(|| unreadable("more than 38 decimals"))?;
        let fee = crate::amount::units(fee).ok_or_else(|| unreadable("the fee exceeds 128 bits"))?;
        // It stands beside every amount.
        let symbol = crate::words::one_line(symbol);
        Ok(Self { symbol, decimals, fee })
    }

    /// As the metadata tell it, one reply instead of three; `None` where one of the three is missing there.
    fn from_metadata(metadata: &[(String, MetadataValue)]) -> Result<Option<Self>, NetworkError> {
        let value = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        match (value("icrc1:symbol"), value("icrc1:decimals"), value("icrc1:fee")) {
            (Some(MetadataValue::Text(symbol)), Some(MetadataValue::Nat(decimals)), Some(MetadataValue::Nat(fee))) => {
                Self::new(symbol, decimals, fee).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// An amount as `12.5 DST`.
    pub fn show(&self, units: &Nat) -> String {
        match crate::amount::units(units) {
            Some(units) => crate::amount::Display {
                units,
                decimals: self.decimals,
                symbol: &self.symbol,
            }
            .to_string(),
            None => format!("{} smallest units of {}", units.0, self.symbol),
        }
    }
}

/// What [`Ledger::ensure_allowance`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowanceChange {
    /// The allowance was large enough already.
    Enough,
    /// It was raised by this block; the ledger took its fee.
    Raised {
        /// The block of the approval.
        block: Nat,
    },
}

impl Ledger {
    pub(crate) fn new(network: Network, canister: Principal) -> Self {
        Self {
            network,
            canister,
            reads: Reads::default(),
        }
    }

    /// The same, asking everything that has no proof of its own as an update call: what comes is the whole subnet's certified
    /// word from its newest state, not one node's. Slower (some seconds a question); for what money or work follows from.
    #[must_use]
    pub fn agreed(&self) -> Self {
        Self {
            reads: Reads::Agreed,
            ..self.clone()
        }
    }

    /// The canister's id.
    pub fn id(&self) -> Principal {
        self.canister
    }

    /// The network it runs on.
    pub fn network(&self) -> &Network {
        &self.network
    }

    async fn read<A, R>(&self, method: &str, arguments: A) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        self.network.read(self.reads, self.canister, method, arguments).await
    }

    async fn change<A, E>(&self, method: &'static str, arguments: A) -> Result<Nat, CallError<E>>
    where
        A: ArgumentEncoder,
        E: CandidType + DeserializeOwned + Explain,
    {
        let answer: Result<Nat, E> = self.network.update(self.canister, method, arguments).await?;
        answer.map_err(|error| CallError::Refused { method, error })
    }

    /// `icrc1_name`.
    pub async fn name(&self) -> Result<String, NetworkError> {
        self.read("icrc1_name", ()).await
    }

    /// `icrc1_symbol`.
    pub async fn symbol(&self) -> Result<String, NetworkError> {
        self.read("icrc1_symbol", ()).await
    }

    /// `icrc1_decimals`.
    pub async fn decimals(&self) -> Result<u8, NetworkError> {
        self.read("icrc1_decimals", ()).await
    }

    /// `icrc1_fee`, in the smallest unit.
    pub async fn fee(&self) -> Result<Nat, NetworkError> {
        self.read("icrc1_fee", ()).await
    }

    /// `icrc1_total_supply`, in the smallest unit.
    pub async fn total_supply(&self) -> Result<Nat, NetworkError> {
        self.read("icrc1_total_supply", ()).await
    }

    /// `icrc1_minting_account`.
    pub async fn minting_account(&self) -> Result<Option<Account>, NetworkError> {
        self.read("icrc1_minting_account", ()).await
    }

    /// `icrc1_metadata`.
    pub async fn metadata(&self) -> Result<Vec<(String, MetadataValue)>, NetworkError> {
        self.read("icrc1_metadata", ()).await
    }

    /// `icrc1_supported_standards`.
    pub async fn supported_standards(&self) -> Result<Vec<Standard>, NetworkError> {
        self.read("icrc1_supported_standards", ()).await
    }

    /// `icrc10_supported_standards`.
    pub async fn icrc10_supported_standards(&self) -> Result<Vec<Standard>, NetworkError> {
        self.read("icrc10_supported_standards", ()).await
    }

    /// `ledger_totals`, which `dst_ledger` has: what was minted, burnt and is held.
    pub async fn totals(&self) -> Result<LedgerTotals, NetworkError> {
        self.read("ledger_totals", ()).await
    }

    /// Symbol, decimals and fee in one go. Decimals above 38 and fees above `u128` are refused as unreadable.
    pub async fn info(&self) -> Result<LedgerInfo, NetworkError> {
        if let Some(told) = LedgerInfo::from_metadata(&self.metadata().await?)? {
            return Ok(told);
        }
        let (symbol, decimals, fee) = tokio::try_join!(self.symbol(), self.decimals(), self.fee())?;
        LedgerInfo::new(&symbol, &decimals.into(), &fee)
    }

    /// `icrc1_balance_of`, in the smallest unit.
    pub async fn balance_of(&self, account: Account) -> Result<Nat, NetworkError> {
        self.read("icrc1_balance_of", (account,)).await
    }

    /// `icrc1_transfer`; the block's index. `Duplicate` means that an equal transfer was executed before.
    pub async fn transfer(&self, args: TransferArg) -> Result<Nat, CallError<TransferError>> {
        self.change("icrc1_transfer", (args,)).await
    }

    /// Transfers `amount` from the caller's default account, stamped with the time now, so that the ledger recognises a repetition.
    pub async fn pay(&self, to: Account, amount: Nat, memo: Option<Memo>) -> Result<Nat, CallError<TransferError>> {
        self.transfer(TransferArg {
            from_subaccount: None,
            to,
            fee: None,
            created_at_time: Some(now_ns()),
            memo,
            amount,
        })
        .await
    }

    /// `icrc2_approve`; the block's index.
    pub async fn approve(&self, args: ApproveArgs) -> Result<Nat, CallError<ApproveError>> {
        self.change("icrc2_approve", (args,)).await
    }

    /// `icrc2_allowance`.
    pub async fn allowance(&self, account: Account, spender: Account) -> Result<Allowance, NetworkError> {
        self.read("icrc2_allowance", (AllowanceArgs { account, spender },))
            .await
    }

    /// `icrc2_transfer_from`; the block's index.
    pub async fn transfer_from(&self, args: TransferFromArgs) -> Result<Nat, CallError<TransferFromError>> {
        self.change("icrc2_transfer_from", (args,)).await
    }

    /// Sees to it that `spender` may take `needed` from `from`, an account of the caller: approves exactly that much if the
    /// allowance is smaller, and only if nobody changed it in between (`expected_allowance`). A node that told an old allowance
    /// does no harm: the ledger's refusal is certified and says the true one, with which it is tried once more.
    pub async fn ensure_allowance(
        &self,
        from: Account,
        spender: Account,
        needed: &Nat,
    ) -> Result<AllowanceChange, CallError<ApproveError>> {
        self.raise_allowance(from, spender, needed, None).await
    }

    /// [`Ledger::ensure_allowance`], paying this fee for the approval and no other: a ledger whose fee has changed refuses.
    pub async fn raise_allowance(
        &self,
        from: Account,
        spender: Account,
        needed: &Nat,
        fee: Option<Nat>,
    ) -> Result<AllowanceChange, CallError<ApproveError>> {
        let now = self.allowance(from, spender).await?;
        if is_enough(&now, needed) {
            return Ok(AllowanceChange::Enough);
        }
        let mut args = ApproveArgs {
            from_subaccount: from.subaccount,
            spender,
            amount: needed.clone(),
            expected_allowance: Some(now.allowance),
            expires_at: None,
            fee,
            memo: None,
            created_at_time: Some(now_ns()),
        };
        match self.approve(args.clone()).await {
            Err(CallError::Refused {
                error: ApproveError::AllowanceChanged { current_allowance },
                ..
            }) if self.reads == Reads::OneNode => {
                if current_allowance >= *needed {
                    return Ok(AllowanceChange::Enough);
                }
                args.expected_allowance = Some(current_allowance);
                args.created_at_time = Some(now_ns());
                let block = self.approve(args).await?;
                Ok(AllowanceChange::Raised { block })
            }
            outcome => Ok(AllowanceChange::Raised { block: outcome? }),
        }
    }

    /// Takes back what `spender` may still take from `from`, if it is exactly `left`, paying this fee and no other; the block.
    pub async fn take_back_allowance(
        &self,
        from: Account,
        spender: Account,
        left: &Nat,
        fee: Nat,
    ) -> Result<Nat, CallError<ApproveError>> {
        self.approve(ApproveArgs {
            from_subaccount: from.subaccount,
            spender,
            amount: Nat::default(),
            expected_allowance: Some(left.clone()),
            expires_at: None,
            fee: Some(fee),
            memo: None,
            created_at_time: Some(now_ns()),
        })
        .await
    }
}

/// Whether an allowance covers what is needed, for long enough to use it.
pub fn is_enough(allowance: &Allowance, needed: &Nat) -> bool {
    allowance.allowance >= *needed
        && allowance
            .expires_at
            .is_none_or(|at| at > now_ns().saturating_add(SOON_NS))
}

/// An allowance that ends within 5 minutes is not relied on.
const SOON_NS: u64 = 300_000_000_000;

/// Nanoseconds since the Unix epoch by this machine's clock.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
