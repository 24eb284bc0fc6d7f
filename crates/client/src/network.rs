//! A connection to one network, as one identity.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candid::utils::ArgumentEncoder;
use candid::{CandidType, Principal};
use ic_agent::agent::CallResponse;
use ic_agent::export::reqwest;
use ic_agent::{Agent, Identity};
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::{ConnectError, NetworkError};
use crate::root_key::{self, RootKey, RootKeyError};
use crate::{Aggregator, Ledger, Registry, clock};

/// How long a signed call stays valid, and so how long it is sent again when no reply comes. The network's limit is 5 minutes.
const CALL_LIFETIME: Duration = Duration::from_mins(4);
/// How long a query is tried again when nobody answers.
const QUERY_PATIENCE: Duration = Duration::from_secs(15);
/// The pause before the first repetition; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// A connection to one network, as one identity. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    agent: Agent,
    client: reqwest::Client,
    identity: Arc<dyn Identity>,
    query_signatures: bool,
    url: Arc<str>,
    root_key: Arc<[u8]>,
    patience: Patience,
}

/// How questions that change nothing are asked of a canister.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reads {
    /// As queries: fast, and one node's word, which may be false or some seconds old.
    #[default]
    OneNode,
    /// As update calls: the subnet's agreed and certified answer from its newest state. Takes some seconds.
    Agreed,
}

/// For how long what got no answer is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Queries: they change nothing.
    pub query: Duration,
    /// Updates: the same signed message, so that it is executed once at most. At most 4 minutes.
    pub update: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            query: QUERY_PATIENCE,
            update: CALL_LIFETIME,
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("url", &self.url)
            .field("principal", &self.principal().to_text())
            .field("query_signatures", &self.query_signatures)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// Connects to the network at `url` (`https://icp-api.io` for mainnet, `http://127.0.0.1:4943` for a local one).
    ///
    /// With [`RootKey::FromLoopback`] the root key is asked of the network, which must be at a loopback address; otherwise
    /// nothing is sent yet.
    pub async fn connect(
        url: &str,
        root_key: RootKey,
        identity: impl Identity + 'static,
    ) -> Result<Self, ConnectError> {
        let bad_url = |reason: String| ConnectError::Url {
            url: url.to_string(),
            reason,
        };
        let parsed = Url::parse(url).map_err(|error| bad_url(error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() {
            return Err(bad_url("http://… or https://… expected".into()));
        }
        let loopback = root_key::is_loopback(&parsed).await;
        let mut client = reqwest::Client::builder()
            .timeout(Duration::from_mins(2))
            .connect_timeout(Duration::from_secs(15));
        if loopback {
            // A proxy set in the environment is not this machine.
            client = client.no_proxy().redirect(reqwest::redirect::Policy::none());
        }
        let client = client.build().map_err(|error| ConnectError::Agent {
            url: url.to_string(),
            reason: error.to_string(),
        })?;
        let identity: Arc<dyn Identity> = Arc::new(identity);
        let agent = agent(url, &client, &identity, true)?;
        match root_key {
            RootKey::Mainnet => {}
            RootKey::Given(key) => {
                root_key::check_root_key(&key)?;
                agent.set_root_key(key);
            }
            RootKey::FromLoopback if !loopback => {
                return Err(RootKeyError::NotLoopback { url: url.to_string() }.into());
            }
            RootKey::FromLoopback => {
                agent.fetch_root_key().await.map_err(|error| RootKeyError::NotTold {
                    url: url.to_string(),
                    reason: error.to_string(),
                })?;
                root_key::check_root_key(&agent.read_root_key())?;
            }
        }
        Ok(Self {
            root_key: agent.read_root_key().into(),
            url: url.into(),
            client,
            identity,
            query_signatures: true,
            agent,
            patience: Patience::default(),
        })
    }

    /// The same network as another identity.
    #[must_use]
    pub fn with_identity(&self, identity: impl Identity + 'static) -> Self {
        let mut other = self.clone();
        other.identity = Arc::new(identity);
        other.agent.set_arc_identity(Arc::clone(&other.identity));
        other
    }

    /// The same network with or without the check that a query's reply is signed by a node of the subnet.
    ///
    /// That signature is one node's word and stops only forgers between node and client. What [`crate::Puller`],
    /// [`Registry::verified_head`] and [`Registry::verified_licence`] hand over is verified to the root key either way, so
    /// that a dishonest *node* is found out too; tests switch the check off to play that node.
    pub fn with_query_signatures(&self, check: bool) -> Result<Self, ConnectError> {
        let agent = agent(&self.url, &self.client, &self.identity, check)?;
        agent.set_root_key(self.root_key.to_vec());
        Ok(Self {
            agent,
            query_signatures: check,
            ..self.clone()
        })
    }

    /// The same network with more or less patience.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self {
            patience: Patience {
                query: patience.query,
                update: patience.update.min(CALL_LIFETIME),
            },
            ..self.clone()
        }
    }

    /// The registry canister of this id.
    pub fn registry(&self, canister: Principal) -> Registry {
        Registry::new(self.clone(), canister)
    }

    /// The federated aggregator of this id.
    pub fn aggregator(&self, canister: Principal) -> Aggregator {
        Aggregator::new(self.clone(), canister)
    }

    /// The ICRC-1 and ICRC-2 ledger of this id.
    pub fn ledger(&self, canister: Principal) -> Ledger {
        Ledger::new(self.clone(), canister)
    }

    /// Whom the canisters see; the anonymous principal if the identity has none.
    pub fn principal(&self) -> Principal {
        self.agent.get_principal().unwrap_or_else(|_| Principal::anonymous())
    }

    /// Where the network is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key that everything is proved to, in DER.
    pub fn root_key(&self) -> &[u8] {
        &self.root_key
    }

    /// The agent below, for calls that this SDK does not have.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// A query call: one node's answer, signed by it. What money or trust is decided on is verified besides.
    pub async fn query<A, R>(&self, canister: Principal, method: &str, arguments: A) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        self.query_encoded(canister, method, candid::encode_args(arguments))
            .await
    }

    /// Asks what changes nothing, as a query or, where money or work follows from the answer, as an update call.
    pub(crate) async fn read<A, R>(
        &self,
        reads: Reads,
        canister: Principal,
        method: &str,
        arguments: A,
    ) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        match reads {
            Reads::OneNode => self.query(canister, method, arguments).await,
            // Asked once more costs nothing, so a lost reply is no unknown outcome.
            Reads::Agreed => self
                .update(canister, method, arguments)
                .await
                .map_err(|error| match error {
                    NetworkError::OutcomeUnknown { method, reason } => NetworkError::Unreachable { method, reason },
                    other => other,
                }),
        }
    }

    pub(crate) async fn query_encoded<R>(
        &self,
        canister: Principal,
        method: &str,
        argument: candid::Result<Vec<u8>>,
    ) -> Result<R, NetworkError>
    where
        R: CandidType + DeserializeOwned,
    {
        let argument = sendable(method, argument)?;
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let call = self.agent.query(&canister, method).with_arg(argument.clone()).call();
            let error = match call.await {
                Ok(reply) => return decode(method, &reply),
                Err(error) => self.failure(method, &error).await,
            };
            if !matches!(error, NetworkError::Unreachable { .. }) || began.elapsed() + pause > self.patience.query {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = longer(pause);
        }
    }

    /// An update call: agreed on by the whole subnet, its reply certified. It is signed once; when no reply comes the same
    /// message is sent again until it expires, and the network executes one message once only.
    pub async fn update<A, R>(&self, canister: Principal, method: &str, arguments: A) -> Result<R, NetworkError>
    where
        A: ArgumentEncoder,
        R: CandidType + DeserializeOwned,
    {
        self.update_encoded(canister, method, candid::encode_args(arguments))
            .await
    }

    pub(crate) async fn update_encoded<R>(
        &self,
        canister: Principal,
        method: &str,
        argument: candid::Result<Vec<u8>>,
    ) -> Result<R, NetworkError>
    where
        R: CandidType + DeserializeOwned,
    {
        let argument = sendable(method, argument)?;
        let signed = self
            .agent
            .update(&canister, method)
            .with_arg(argument)
            .expire_after(CALL_LIFETIME)
            .sign()
            .map_err(|error| NetworkError::from_agent(method, &error))?;
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        // Once a try ended without an answer, the message may have been executed, whatever later tries say.
        let mut maybe_executed = false;
        loop {
            let error = match self.send_once(canister, &signed.signed_update).await {
                Ok(reply) => return decode(method, &reply),
                Err(error) => error,
            };
            let certified = matches!(error, ic_agent::AgentError::CertifiedReject { .. });
            let error = self.failure(method, &error).await;
            let unanswered = matches!(error, NetworkError::Unreachable { .. });
            if certified || !(unanswered || maybe_executed) {
                return Err(error);
            }
            maybe_executed = true;
            if began.elapsed() + pause > self.patience.update {
                return Err(NetworkError::OutcomeUnknown {
                    method: method.to_string(),
                    reason: error.to_string(),
                });
            }
            tokio::time::sleep(pause).await;
            pause = longer(pause);
        }
    }

    /// What the agent reports, sorted; and whether this machine's clock is the cause.
    async fn failure(&self, method: &str, error: &ic_agent::AgentError) -> NetworkError {
        match clock::off_by(&self.client, &self.url, error).await {
            Some(ahead_s) => NetworkError::Clock {
                method: method.to_string(),
                ahead_s,
            },
            None => NetworkError::from_agent(method, error),
        }
    }

    async fn send_once(&self, canister: Principal, signed: &[u8]) -> Result<Vec<u8>, ic_agent::AgentError> {
        match self.agent.update_signed(canister, signed.to_vec()).await? {
            CallResponse::Response(reply) => Ok(reply),
            CallResponse::Poll(request) => Ok(self.agent.wait(&request, canister).await?.0),
        }
    }
}

fn agent(
    url: &str,
    client: &reqwest::Client,
    identity: &Arc<dyn Identity>,
    query_signatures: bool,
) -> Result<Agent, ConnectError> {
    Agent::builder()
        .with_url(url)
        .with_http_client(client.clone())
        .with_arc_identity(Arc::clone(identity))
        .with_ingress_expiry(CALL_LIFETIME)
        .with_verify_query_signatures(query_signatures)
        .build()
        .map_err(|error| ConnectError::Agent {
            url: url.to_string(),
            reason: error.to_string(),
        })
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

fn sendable(method: &str, argument: candid::Result<Vec<u8>>) -> Result<Vec<u8>, NetworkError> {
    argument.map_err(|error| NetworkError::NotSent {
        method: method.to_string(),
        reason: error.to_string(),
    })
}

fn decode<R: CandidType + DeserializeOwned>(method: &str, reply: &[u8]) -> Result<R, NetworkError> {
    candid::decode_one(reply).map_err(|error| NetworkError::Unreadable {
        method: method.to_string(),
        reason: error.to_string(),
    })
}
