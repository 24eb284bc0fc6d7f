//! A typed client of `stream_registry`: a method for each method of the canister.

use std::future::Future;

use async_trait::async_trait;
use candid::utils::ArgumentEncoder;
use candid::{CandidType, Principal};
use ddsx_types::stream_registry::{
    AddContributorsArgs, AddPlanArgs, AppendArgs, AppendError, Appended, Audit, Balance, BuyArgs, BuyError,
    CertifiedHead, CertifiedLicence, ClaimArgs, ClaimError, Claimed, ConsistencyProof, ConsistencyProofArgs,
    ContributorAccountArgs, ContributorInfo, ContributorNumber, ContributorRevenue, ContributorRevenueArgs,
    CreateStreamArgs, DayOfIncome, ExtendStorageArgs, InclusionProof, InclusionProofArgs, Licence, LicenceId,
    LicencesOfArgs, Page, Parameters, Plan, PlanId, PrepaidBalance, ProofError, Publisher, PullArgs, PullError, Pulled,
    QuarantinedPayment, Quote, QuoteArgs, QuoteError, RemovePublisherArgs, RetirePlanArgs, SetPublisherArgs,
    StorageQuote, StorageQuoteArgs, StreamError, StreamId, StreamIncomeArgs, StreamInfo, StreamRevenue,
    StreamRevenueArgs, TopUpArgs, TopUpError, WithdrawArgs, WithdrawError, limits,
};
use serde::de::DeserializeOwned;

use crate::explain::Explain;
use crate::ledger::{Standard, now_ns};
use crate::network::Reads;
use crate::offer::check_quote;
use crate::witness::Anchor;
use crate::{CallError, Network, NetworkError, PullFailure, StreamSource, VerificationError};
use ddsx_merkle_log::{self as merkle, CertifiedHead as VerifiedHead, Freshness};

/// The registry canister of one network, as one identity. Cheap to clone.
///
/// Queries answer with one node's word; [`crate::Puller`] and [`Registry::verified_head`] prove what they hand over.
#[derive(Clone, Debug)]
pub struct Registry {
    network: Network,
    canister: Principal,
    reads: Reads,
}

impl Registry {
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

    async fn read<A, R>(&self, method: &'static str, arguments: A) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        self.network.read(self.reads, self.canister, method, arguments).await
    }

    /// What comes with a proof, which only a query has.
    async fn prove<A, R>(&self, method: &'static str, arguments: A) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        self.network.query(self.canister, method, arguments).await
    }

    async fn ask<A, R, E>(&self, method: &'static str, arguments: A) -> Result<R, CallError<E>>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
        E: CandidType + DeserializeOwned + Explain,
    {
        let answer: Result<R, E> = self.read(method, arguments).await?;
        answer.map_err(|error| CallError::Refused { method, error })
    }

    async fn ask_proved<A, R, E>(&self, method: &'static str, arguments: A) -> Result<R, CallError<E>>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
        E: CandidType + DeserializeOwned + Explain,
    {
        let answer: Result<R, E> = self.prove(method, arguments).await?;
        answer.map_err(|error| CallError::Refused { method, error })
    }

    async fn change<A, R, E>(&self, method: &'static str, arguments: A) -> Result<R, CallError<E>>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
        E: CandidType + DeserializeOwned + Explain,
    {
        let answer: Result<R, E> = self.network.update(self.canister, method, arguments).await?;
        answer.map_err(|error| CallError::Refused { method, error })
    }

    /// Creates a stream; its number.
    pub async fn create_stream(&self, args: &CreateStreamArgs) -> Result<StreamId, CallError<StreamError>> {
        self.change("create_stream", (args,)).await
    }

    /// Enters more contributors; the first one's number.
    pub async fn add_contributors(
        &self,
        args: &AddContributorsArgs,
    ) -> Result<ContributorNumber, CallError<StreamError>> {
        self.change("add_contributors", (args,)).await
    }

    /// Binds an account to a contributor that has none (the stream's owner).
    pub async fn bind_contributor_account(&self, args: &ContributorAccountArgs) -> Result<(), CallError<StreamError>> {
        self.change("bind_contributor_account", (args,)).await
    }

    /// Changes a contributor's account (the owner of the account bound).
    pub async fn change_contributor_account(
        &self,
        args: &ContributorAccountArgs,
    ) -> Result<(), CallError<StreamError>> {
        self.change("change_contributor_account", (args,)).await
    }

    /// Lets another principal append, or changes until when it may.
    pub async fn set_publisher(&self, args: &SetPublisherArgs) -> Result<(), CallError<StreamError>> {
        self.change("set_publisher", (args,)).await
    }

    /// Ends a publisher's right to append.
    pub async fn remove_publisher(&self, args: &RemovePublisherArgs) -> Result<(), CallError<StreamError>> {
        self.change("remove_publisher", (args,)).await
    }

    /// Closes a stream for good: nothing is added or sold any more.
    pub async fn close_stream(&self, stream: StreamId) -> Result<(), CallError<StreamError>> {
        self.change("close_stream", (stream,)).await
    }

    /// Offers a plan; its number.
    pub async fn add_plan(&self, args: &AddPlanArgs) -> Result<PlanId, CallError<StreamError>> {
        self.change("add_plan", (args,)).await
    }

    /// Sells a plan no longer.
    pub async fn retire_plan(&self, args: &RetirePlanArgs) -> Result<(), CallError<StreamError>> {
        self.change("retire_plan", (args,)).await
    }

    /// Appends chunks at the sequence number expected. Repeated with the same arguments it writes nothing twice.
    pub async fn append(&self, args: &AppendArgs) -> Result<Appended, CallError<AppendError>> {
        self.change("append", (args,)).await
    }

    /// Buys a licence. Repeated with the same arguments it charges nothing twice. [`crate::Purchase`] does it step by step.
    pub async fn buy(&self, args: &BuyArgs) -> Result<Licence, CallError<BuyError>> {
        self.change("buy", (args,)).await
    }

    /// Tops the caller's prepaid balance up, by what it has approved. Repeated with the same arguments it takes nothing twice.
    pub async fn top_up(&self, args: &TopUpArgs) -> Result<PrepaidBalance, CallError<TopUpError>> {
        self.change("top_up", (args,)).await
    }

    /// Pays what is free of the caller's prepaid balance back to its account.
    pub async fn withdraw(&self, args: &WithdrawArgs) -> Result<Claimed, CallError<WithdrawError>> {
        self.change("withdraw", (args,)).await
    }

    /// The caller's prepaid balance in one asset.
    pub async fn balance(&self, ledger: Principal) -> Result<PrepaidBalance, NetworkError> {
        self.read("balance", (ledger,)).await
    }

    /// What creating a stream, or letting the caller's stream grow, costs in all, and what of it comes back.
    pub async fn storage_quote(&self, args: StorageQuoteArgs) -> Result<StorageQuote, CallError<StreamError>> {
        self.ask("storage_quote", (args,)).await
    }

    /// Pays a stream's payloads ahead (its owner).
    pub async fn extend_storage(&self, args: &ExtendStorageArgs) -> Result<(), CallError<StreamError>> {
        self.change("extend_storage", (args,)).await
    }

    /// Gives up the payloads of a closed stream that no licence covers any more (its owner).
    pub async fn drop_payloads(&self, stream: StreamId) -> Result<(), CallError<StreamError>> {
        self.change("drop_payloads", (stream,)).await
    }

    /// Pays at once what is due to a payee.
    pub async fn claim(&self, args: &ClaimArgs) -> Result<Claimed, CallError<ClaimError>> {
        self.change("claim", (args,)).await
    }

    /// What everyone may know of a stream, if there is one of this number.
    pub async fn stream(&self, stream: StreamId) -> Result<Option<StreamInfo>, NetworkError> {
        self.read("stream", (stream,)).await
    }

    /// Streams by number.
    pub async fn list_streams(&self, page: Page) -> Result<Vec<StreamInfo>, NetworkError> {
        self.read("list_streams", (page,)).await
    }

    /// A stream's contributors by number.
    pub async fn contributors(&self, stream: StreamId, page: Page) -> Result<Vec<ContributorInfo>, NetworkError> {
        self.read("contributors", (stream, page)).await
    }

    /// All of a stream's contributors.
    pub async fn all_contributors(&self, stream: StreamId) -> Result<Vec<ContributorInfo>, NetworkError> {
        all_pages(
            |page| self.contributors(stream, page),
            |contributor| u64::from(contributor.number),
        )
        .await
    }

    /// Who besides the owner may append.
    pub async fn publishers(&self, stream: StreamId) -> Result<Vec<Publisher>, NetworkError> {
        self.read("publishers", (stream,)).await
    }

    /// A stream's plans, retired ones included.
    pub async fn plans(&self, stream: StreamId) -> Result<Vec<Plan>, NetworkError> {
        self.read("plans", (stream,)).await
    }

    /// What a purchase would cost and grant now. A reply that is not about the question is refused as unproved;
    /// [`Registry::offer`] checks the terms besides.
    pub async fn quote(&self, args: QuoteArgs) -> Result<Quote, CallError<QuoteError>> {
        let quote: Quote = self.ask("quote", (args,)).await?;
        match check_quote(args, &quote) {
            Ok(()) => Ok(quote),
            Err(reason) => Err(NetworkError::Unproved {
                method: "quote".into(),
                reason: reason.into(),
            }
            .into()),
        }
    }

    /// A licence with its proof, not yet verified; [`Registry::verified_licence`] verifies it.
    pub async fn licence(&self, licence: LicenceId) -> Result<CertifiedLicence, NetworkError> {
        self.prove("licence", (licence,)).await
    }

    /// The licences of a principal by number.
    pub async fn licences_of(&self, owner: Principal, page: Page) -> Result<Vec<Licence>, NetworkError> {
        self.read("licences_of", (LicencesOfArgs { owner, page },)).await
    }

    /// Chunks with proof, not yet verified; [`crate::Puller`] verifies them.
    pub async fn pull(&self, args: PullArgs) -> Result<Pulled, CallError<PullError>> {
        self.ask_proved("pull", (args,)).await
    }

    /// A stream's head with its proof, not yet verified; [`Registry::verified_head`] verifies it.
    pub async fn stream_head(&self, stream: StreamId) -> Result<CertifiedHead, CallError<ProofError>> {
        self.ask_proved("stream_head", (stream,)).await
    }

    /// Proof that a leaf lies in the tree.
    pub async fn inclusion_proof(&self, args: InclusionProofArgs) -> Result<InclusionProof, CallError<ProofError>> {
        self.ask_proved("inclusion_proof", (args,)).await
    }

    /// Proof that a larger tree begins with a smaller one.
    pub async fn consistency_proof(
        &self,
        args: ConsistencyProofArgs,
    ) -> Result<ConsistencyProof, CallError<ProofError>> {
        self.ask_proved("consistency_proof", (args,)).await
    }

    /// A stream's head, verified up to the root key: certificate, delegation, canister, witness and freshness.
    pub async fn verified_head(&self, stream: StreamId) -> Result<VerifiedHead, PullFailure> {
        let reply = self.stream_head(stream).await?;
        let head = self.anchor().verify_head(&reply, stream)?;
        merkle::verify_head(None, &head, None, &Freshness::at(now_ns())).map_err(VerificationError::from)?;
        Ok(head)
    }

    /// A licence, verified up to the root key; `None` if it is proved that there is none of this number.
    pub async fn verified_licence(&self, licence: LicenceId) -> Result<Option<Licence>, PullFailure> {
        let reply = self.licence(licence).await.map_err(CallError::<ProofError>::from)?;
        Ok(self
            .anchor()
            .verify_licence(&reply, licence, &Freshness::at(now_ns()))?)
    }

    fn anchor(&self) -> Anchor<'_> {
        Anchor {
            root_key: self.network.root_key(),
            canister: self.canister,
        }
    }

    /// A stream's income in one asset.
    pub async fn stream_revenue(
        &self,
        stream: StreamId,
        ledger: Principal,
    ) -> Result<Option<StreamRevenue>, NetworkError> {
        self.read("stream_revenue", (StreamRevenueArgs { stream, ledger },))
            .await
    }

    /// A stream's income in one asset by day.
    pub async fn stream_income(
        &self,
        stream: StreamId,
        ledger: Principal,
        page: Page,
    ) -> Result<Vec<DayOfIncome>, NetworkError> {
        let args = StreamIncomeArgs { stream, ledger, page };
        self.read("stream_income", (args,)).await
    }

    /// A stream's income in one asset on all days.
    pub async fn all_stream_income(
        &self,
        stream: StreamId,
        ledger: Principal,
    ) -> Result<Vec<DayOfIncome>, NetworkError> {
        all_pages(|page| self.stream_income(stream, ledger, page), |day| day.day).await
    }

    /// The contributors' income in one asset, by number.
    pub async fn contributor_revenue(
        &self,
        stream: StreamId,
        ledger: Principal,
        page: Page,
    ) -> Result<Vec<ContributorRevenue>, NetworkError> {
        let args = ContributorRevenueArgs { stream, ledger, page };
        self.read("contributor_revenue", (args,)).await
    }

    /// The income of all of a stream's contributors in one asset.
    pub async fn all_contributor_revenue(
        &self,
        stream: StreamId,
        ledger: Principal,
    ) -> Result<Vec<ContributorRevenue>, NetworkError> {
        all_pages(
            |page| self.contributor_revenue(stream, ledger, page),
            |contributor| u64::from(contributor.number),
        )
        .await
    }

    /// The books of one asset over all streams.
    pub async fn audit(&self, ledger: Principal) -> Result<Option<Audit>, NetworkError> {
        self.read("audit", (ledger,)).await
    }

    /// What the protocol is owed and got in one asset.
    pub async fn treasury_balance(&self, ledger: Principal) -> Result<Balance, NetworkError> {
        self.read("treasury_balance", (ledger,)).await
    }

    /// The parameters in force.
    pub async fn parameters(&self) -> Result<Parameters, NetworkError> {
        self.read("parameters", ()).await
    }

    /// The standards that the registry says it supports.
    pub async fn supported_standards(&self) -> Result<Vec<Standard>, NetworkError> {
        self.read("icrc10_supported_standards", ()).await
    }

    /// Payments that wait for governance, by intent.
    pub async fn quarantined_payments(&self, page: Page) -> Result<Vec<QuarantinedPayment>, NetworkError> {
        self.read("quarantined_payments", (page,)).await
    }
}

#[async_trait]
impl StreamSource for Registry {
    fn canister(&self) -> Principal {
        self.canister
    }

    fn root_key(&self) -> &[u8] {
        self.network.root_key()
    }

    async fn pull(&self, args: PullArgs) -> Result<Pulled, CallError<PullError>> {
        Registry::pull(self, args).await
    }

    async fn consistency_proof(&self, args: ConsistencyProofArgs) -> Result<ConsistencyProof, CallError<ProofError>> {
        Registry::consistency_proof(self, args).await
    }

    async fn inclusion_proof(&self, args: InclusionProofArgs) -> Result<InclusionProof, CallError<ProofError>> {
        Registry::inclusion_proof(self, args).await
    }
}

/// Reads a paged list to its end. `key` tells an entry's number, by which the list is ordered.
pub async fn all_pages<T, F>(mut fetch: impl FnMut(Page) -> F, key: impl Fn(&T) -> u64) -> Result<Vec<T>, NetworkError>
where
    F: Future<Output = Result<Vec<T>, NetworkError>>,
{
    let mut all: Vec<T> = Vec::new();
    loop {
        let start_after = all.last().map(&key);
        let page = fetch(Page {
            start_after,
            limit: Some(limits::MAX_PAGE),
        })
        .await?;
        // A server whose pages do not go forward must not keep us here for ever.
        let forward = page
            .first()
            .is_some_and(|first| start_after.is_none_or(|last| key(first) > last));
        if !forward {
            return Ok(all);
        }
        all.extend(page);
    }
}
