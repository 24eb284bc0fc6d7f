//! What governance may call, each with its twin that tells voters what would happen.

use candid::Principal;
use ddsx_types::stream_registry::{SettleQuarantinedArgs, StoragePrice, StreamId, SuspendStreamArgs};
use ddsx_types::{Account, AssetListing, Validation};

use crate::{NetworkError, Registry};

/// A governed change of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GovernedChange {
    /// Stops money and writes, or lets them go on.
    SetPaused(bool),
    /// Lists an asset, or changes its listing.
    ListAsset(AssetListing),
    /// Takes an asset off the list.
    DelistAsset(Principal),
    /// Sets the protocol's part of each price, in basis points.
    SetProtocolFee(u16),
    /// Sets where the protocol fee goes.
    SetTreasury(Account),
    /// Hands governance over.
    SetGovernance(Principal),
    /// Sets how often the payout timer runs, in seconds.
    SetPayoutInterval(u64),
    /// Settles a payment that the journal could not resolve.
    SettleQuarantined(SettleQuarantinedArgs),
    /// Sets what storing costs in a listed asset.
    SetStoragePrice(StoragePrice),
    /// Lets a stream sell nothing, or sell again.
    SuspendStream(SuspendStreamArgs),
    /// Closes a stream and drops its payloads.
    FreeStream(StreamId),
}

impl GovernedChange {
    /// The method that makes the change.
    pub fn method(&self) -> &'static str {
        match self {
            Self::SetPaused(_) => "set_paused",
            Self::ListAsset(_) => "list_asset",
            Self::DelistAsset(_) => "delist_asset",
            Self::SetProtocolFee(_) => "set_protocol_fee",
            Self::SetTreasury(_) => "set_treasury",
            Self::SetGovernance(_) => "set_governance",
            Self::SetPayoutInterval(_) => "set_payout_interval",
            Self::SettleQuarantined(_) => "settle_quarantined",
            Self::SetStoragePrice(_) => "set_storage_price",
            Self::SuspendStream(_) => "suspend_stream",
            Self::FreeStream(_) => "free_stream",
        }
    }
}

impl GovernedChange {
    /// The argument in Candid, whichever it is.
    fn argument(&self) -> candid::Result<Vec<u8>> {
        match self {
            Self::SetPaused(paused) => candid::encode_one(paused),
            Self::ListAsset(listing) => candid::encode_one(listing),
            Self::DelistAsset(id) | Self::SetGovernance(id) => candid::encode_one(id),
            Self::SetProtocolFee(bps) => candid::encode_one(bps),
            Self::SetTreasury(account) => candid::encode_one(account),
            Self::SetPayoutInterval(seconds) => candid::encode_one(seconds),
            Self::SettleQuarantined(args) => candid::encode_one(args),
            Self::SetStoragePrice(price) => candid::encode_one(price),
            Self::SuspendStream(args) => candid::encode_one(args),
            Self::FreeStream(stream) => candid::encode_one(stream),
        }
    }
}

impl Registry {
    /// What voters read of a change (`Ok`), or why it may not be proposed (`Err`): the `validate_…` twin.
    pub async fn validate(&self, change: &GovernedChange) -> Result<Validation, NetworkError> {
        let method = format!("validate_{}", change.method());
        self.network()
            .query_encoded(self.id(), &method, change.argument())
            .await
    }

    /// Makes a change. Only governance may; anything wrong is a rejection, since an SNS counts every reply as success.
    pub async fn govern(&self, change: &GovernedChange) -> Result<(), NetworkError> {
        self.network()
            .update_encoded(self.id(), change.method(), change.argument())
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_encode_the_argument_that_the_method_takes() {
        let encoded = |change: &GovernedChange| change.argument().unwrap();
        let id = Principal::management_canister();
        assert_eq!(
            encoded(&GovernedChange::SetPaused(true)),
            candid::encode_one(true).unwrap()
        );
        assert_eq!(
            encoded(&GovernedChange::SetProtocolFee(250)),
            candid::encode_one(250u16).unwrap()
        );
        assert_eq!(
            encoded(&GovernedChange::DelistAsset(id)),
            candid::encode_one(id).unwrap()
        );
        assert_eq!(GovernedChange::SetGovernance(id).method(), "set_governance");
    }

    #[test]
    fn should_read_the_empty_reply_of_a_change() {
        let empty = candid::encode_args(()).unwrap();
        candid::decode_one::<()>(&empty).unwrap();
    }
}
