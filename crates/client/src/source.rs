//! What a puller needs of a registry, so that proofs can be tested without a network.

use async_trait::async_trait;
use candid::Principal;
use ddsx_types::stream_registry::{
    ConsistencyProof, ConsistencyProofArgs, InclusionProof, InclusionProofArgs, ProofError, PullArgs, PullError, Pulled,
};

use crate::CallError;

/// Where chunks and proofs come from. Nothing that it answers is believed before it is verified.
#[async_trait]
pub trait StreamSource: Send + Sync {
    /// The registry canister that must have certified what comes.
    fn canister(&self) -> Principal;
    /// The root key that everything must be proved to, in DER.
    fn root_key(&self) -> &[u8];
    /// Chunks with proof.
    async fn pull(&self, args: PullArgs) -> Result<Pulled, CallError<PullError>>;
    /// Proof that a larger tree begins with a smaller one.
    async fn consistency_proof(&self, args: ConsistencyProofArgs) -> Result<ConsistencyProof, CallError<ProofError>>;
    /// Proof that a leaf lies in the tree.
    async fn inclusion_proof(&self, args: InclusionProofArgs) -> Result<InclusionProof, CallError<ProofError>>;
}
