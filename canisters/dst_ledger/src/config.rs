//! The token's settings: how they are stored, and the rules for installation and upgrade arguments.

use candid::{CandidType, Nat, Principal, decode_one, encode_one};
use ddsx_types::dst_ledger::{InitArgs, UpgradeArgs};
use icrc_ledger_types::icrc::generic_metadata_value::MetadataValue;
use icrc_ledger_types::icrc1::account::Account;
use serde::Deserialize;

use crate::amount::to_u128;

/// No memo is longer than this, whatever the settings.
pub const MAX_MEMO_BYTES: u16 = 80;
const DEFAULT_MEMO_BYTES: u16 = 32;
const DEFAULT_DECIMALS: u8 = 8;
const MAX_DECIMALS: u8 = 38;
const MAX_NAME_BYTES: usize = 64;
const MAX_SYMBOL_BYTES: usize = 10;
const MAX_LOGO_BYTES: usize = 341_334;
const MAX_INITIAL_BALANCES: usize = 10_000;

const VERSION: u8 = 2;
/// Principals that may call `mint`, at most.
pub const MAX_MINTERS: usize = 16;

/// The token's settings.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `icrc1_name`.
    pub name: String,
    /// `icrc1_symbol`.
    pub symbol: String,
    /// `icrc1_decimals`.
    pub decimals: u8,
    /// Fee of a transfer or approval and least amount that can be burnt; at least 1.
    pub fee: u128,
    /// Mints and burns; never holds tokens.
    pub minting_account: Account,
    /// No mint lifts the supply above this.
    pub max_supply: u128,
    /// Longest memo, bytes.
    pub max_memo_length: u16,
    /// `icrc1:logo`.
    pub logo: Option<String>,
    /// Who may call the governed methods; the controllers if absent.
    pub governance: Option<Principal>,
    /// Who gets the fees; they are burnt if absent.
    pub fee_collector: Option<Account>,
    /// Who may call `mint`.
    pub minters: Vec<CappedMinter>,
    /// Still to be minted after the installation; empty once they all are.
    pub initial_balances: Vec<(Account, u128)>,
}

/// A principal that may call `mint`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CappedMinter {
    /// Who.
    pub minter: Principal,
    /// All that it may ever mint, smallest units.
    pub cap: u128,
    /// What it has minted, smallest units.
    pub minted: u128,
}

/// The settings as version 1 stored them.
#[derive(CandidType, Deserialize)]
struct ConfigV1 {
    name: String,
    symbol: String,
    decimals: u8,
    fee: u128,
    minting_account: Account,
    max_supply: u128,
    max_memo_length: u16,
    logo: Option<String>,
}

impl From<ConfigV1> for Config {
    fn from(old: ConfigV1) -> Self {
        Self {
            name: old.name,
            symbol: old.symbol,
            decimals: old.decimals,
            fee: old.fee,
            minting_account: old.minting_account,
            max_supply: old.max_supply,
            max_memo_length: old.max_memo_length,
            logo: old.logo,
            governance: None,
            fee_collector: None,
            minters: Vec::new(),
            initial_balances: Vec::new(),
        }
    }
}

impl Config {
    /// The settings that `args` asks for, the initial balances among them, or what is wrong with it.
    pub fn new(args: InitArgs) -> Result<Self, String> {
        let mut config = Self {
            name: args.name,
            symbol: args.symbol,
            decimals: args.decimals.unwrap_or(DEFAULT_DECIMALS),
            fee: amount("fee", &args.fee)?,
            minting_account: args.minting_account,
            max_supply: amount("max_supply", &args.max_supply)?,
            max_memo_length: args.max_memo_length.unwrap_or(DEFAULT_MEMO_BYTES),
            logo: args.logo.filter(|logo| !logo.is_empty()),
            governance: args.governance,
            fee_collector: None,
            minters: Vec::new(),
            initial_balances: Vec::new(),
        };
        config.validate()?;
        config.initial_balances = config.checked_balances(&args.initial_balances)?;
        Ok(config)
    }

    /// The settings after an upgrade with `args`, or what is wrong with it.
    pub fn upgraded(&self, args: UpgradeArgs) -> Result<Self, String> {
        let mut config = self.clone();
        if let Some(name) = args.name {
            config.name = name;
        }
        if let Some(symbol) = args.symbol {
            config.symbol = symbol;
        }
        if let Some(fee) = args.fee {
            config.fee = amount("fee", &fee)?;
        }
        if let Some(length) = args.max_memo_length {
            config.max_memo_length = length;
        }
        if let Some(logo) = args.logo {
            config.logo = (!logo.is_empty()).then_some(logo);
        }
        if let Some(governance) = args.governance {
            config.governance = Some(governance);
        }
        config.validate()?;
        Ok(config)
    }

    /// Checks every rule that settings obey, however they were set.
    pub fn validate(&self) -> Result<(), String> {
        let rule = |holds: bool, text: String| if holds { Ok(()) } else { Err(text) };
        let logo_bytes = self.logo.as_ref().map_or(0, String::len);
        rule(
            (1..=MAX_NAME_BYTES).contains(&self.name.len()),
            format!("name has {} bytes, 1 to {MAX_NAME_BYTES} are allowed", self.name.len()),
        )?;
        rule(
            (1..=MAX_SYMBOL_BYTES).contains(&self.symbol.len()),
            format!(
                "symbol has {} bytes, 1 to {MAX_SYMBOL_BYTES} are allowed",
                self.symbol.len()
            ),
        )?;
        rule(
            self.decimals <= MAX_DECIMALS,
            format!("decimals is {}, at most {MAX_DECIMALS} is allowed", self.decimals),
        )?;
        rule(
            self.fee >= 1,
            "fee is 0, at least 1 is needed: what the ledger stores has to be paid for".into(),
        )?;
        rule(self.max_supply >= 1, "max_supply is 0, at least 1 is needed".into())?;
        rule(
            (DEFAULT_MEMO_BYTES..=MAX_MEMO_BYTES).contains(&self.max_memo_length),
            format!(
                "max_memo_length is {}, {DEFAULT_MEMO_BYTES} to {MAX_MEMO_BYTES} is allowed",
                self.max_memo_length
            ),
        )?;
        rule(
            logo_bytes <= MAX_LOGO_BYTES,
            format!("logo has {logo_bytes} bytes, at most {MAX_LOGO_BYTES} are allowed"),
        )?;
        rule(
            self.governance != Some(Principal::anonymous()),
            "governance is the anonymous principal, which is anybody".into(),
        )?;
        rule(
            self.minters.len() <= MAX_MINTERS,
            format!("there are {MAX_MINTERS} minters already: end one's right first"),
        )
    }

    fn checked_balances(&self, balances: &[(Account, Nat)]) -> Result<Vec<(Account, u128)>, String> {
        if balances.len() > MAX_INITIAL_BALANCES {
            return Err(format!(
                "{} initial_balances, at most {MAX_INITIAL_BALANCES} are allowed",
                balances.len()
            ));
        }
        let mut supply: u128 = 0;
        let mut checked = Vec::with_capacity(balances.len());
        for (account, balance) in balances {
            if *account == self.minting_account {
                return Err("initial_balances names the minting account, which never holds tokens".into());
            }
            let balance = amount("an initial balance", balance)?;
            if balance == 0 {
                return Err(format!("the initial balance of {account} is 0, at least 1 is needed"));
            }
            supply = supply
                .checked_add(balance)
                .filter(|supply| *supply <= self.max_supply)
                .ok_or_else(|| format!("initial_balances sum to more than max_supply ({})", self.max_supply))?;
            checked.push((*account, balance));
        }
        Ok(checked)
    }

    /// `icrc1_metadata` (ICRC-1, "Metadata").
    pub fn metadata(&self) -> Vec<(String, MetadataValue)> {
        let nat = |value: u128| MetadataValue::Nat(Nat::from(value));
        let mut metadata = vec![
            ("icrc1:name".to_owned(), MetadataValue::Text(self.name.clone())),
            ("icrc1:symbol".to_owned(), MetadataValue::Text(self.symbol.clone())),
            ("icrc1:decimals".to_owned(), nat(self.decimals.into())),
            ("icrc1:fee".to_owned(), nat(self.fee)),
            ("icrc1:max_memo_length".to_owned(), nat(self.max_memo_length.into())),
        ];
        if let Some(logo) = &self.logo {
            metadata.push(("icrc1:logo".to_owned(), MetadataValue::Text(logo.clone())));
        }
        metadata
    }

    /// The bytes to store: a version and the Candid record.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = vec![VERSION];
        bytes.extend(encode_one(self).map_err(|error| error.to_string())?);
        Ok(bytes)
    }

    /// Reads what [`Config::encode`] of this or an older version wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            None => Err("there is no ledger in this canister's memory: install it with Init first".into()),
            Some((1, record)) => decode_one::<ConfigV1>(record)
                .map(Self::from)
                .map_err(|error| format!("stored settings: {error}")),
            Some((&VERSION, record)) => decode_one(record).map_err(|error| format!("stored settings: {error}")),
            Some((version, _)) => Err(format!(
                "settings of version {version}, this code knows versions 1 to {VERSION}"
            )),
        }
    }
}

fn amount(what: &str, amount: &Nat) -> Result<u128, String> {
    to_u128(amount).ok_or_else(|| format!("{what} is {amount}, at most {} is allowed", u128::MAX))
}

#[cfg(test)]
mod tests;
