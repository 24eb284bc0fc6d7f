//! Why a call did not give what was asked for.

use crate::explain::Explain;
use ic_agent::AgentError;
use ic_agent::agent_error::TransportError;

/// A call's failure: the canister refused with a typed error `E`, or the network gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError<E: Explain> {
    /// The canister answered, and the answer is no. Nothing was changed unless the error says otherwise.
    #[error("{method} was refused: {}", error.explain())]
    Refused {
        /// The method called.
        method: &'static str,
        /// What the canister said.
        error: E,
    },
    /// There is no answer of the canister's own.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl<E: Explain> CallError<E> {
    /// What is wrong, with amounts in the unit of the asset that the call is about.
    pub fn explain_in(&self, asset: &crate::LedgerInfo) -> String {
        match self {
            Self::Refused { method, error } => format!("{method} was refused: {}", error.explain_in(asset)),
            Self::Network(error) => error.to_string(),
        }
    }

    /// The canister's own error, if it answered.
    pub fn refusal(&self) -> Option<&E> {
        match self {
            Self::Refused { error, .. } => Some(error),
            Self::Network(_) => None,
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Network(error) if error.is_transient())
    }
}

/// Why there is no answer of the canister's own.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Nobody answers there, or the connection broke; nothing is known to have happened.
    #[error("no answer from the network to {method}: {reason}")]
    Unreachable {
        /// The method called.
        method: String,
        /// What the transport said.
        reason: String,
    },
    /// The network or the canister rejected the message: it trapped, is stopped, has no such method, or is out of cycles.
    #[error("{method} was rejected ({code}): {message}")]
    Rejected {
        /// The method called.
        method: String,
        /// The reject code and, where there is one, the error code.
        code: String,
        /// The reason given.
        message: String,
        /// Whether the same call may succeed later.
        transient: bool,
    },
    /// The call was sent and no reply came before it expired: it may have been executed. Look before you repeat it.
    #[error("it is not known whether {method} was executed: {reason}")]
    OutcomeUnknown {
        /// The method called.
        method: String,
        /// What the transport said last.
        reason: String,
    },
    /// The reply's certificate or signature does not prove it: whoever answered is not the network of this root key.
    #[error("the reply to {method} is not proved to come from the network: {reason}")]
    Unproved {
        /// The method called.
        method: String,
        /// What failed.
        reason: String,
    },
    /// This machine's clock is off, so that the network takes what is signed here for expired or for not yet valid. Nothing happened.
    #[error("{method}: {}", crate::clock::words(*ahead_s))]
    Clock {
        /// The method called.
        method: String,
        /// By how many seconds it is ahead of the network's; negative: behind it.
        ahead_s: i64,
    },
    /// The reply is not of the type that the interface says.
    #[error("the reply to {method} cannot be read: {reason}")]
    Unreadable {
        /// The method called.
        method: String,
        /// What the decoder said.
        reason: String,
    },
    /// The message could not be made or signed here.
    #[error("{method} could not be sent: {reason}")]
    NotSent {
        /// The method called.
        method: String,
        /// Why.
        reason: String,
    },
}

impl NetworkError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Rejected { transient, .. } => *transient,
            Self::OutcomeUnknown { .. }
            | Self::Unproved { .. }
            | Self::Clock { .. }
            | Self::Unreadable { .. }
            | Self::NotSent { .. } => false,
        }
    }

    /// Sorts what the agent reports about `method`.
    pub(crate) fn from_agent(method: &str, error: &AgentError) -> Self {
        let method = method.to_string();
        let reason = reason_of(error);
        match error {
            AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. } => {
                let code = match &reject.error_code {
                    Some(code) => format!("{:?}, {code}", reject.reject_code),
                    None => format!("{:?}", reject.reject_code),
                };
                Self::Rejected {
                    method,
                    code,
                    message: reject.reject_message.clone(),
                    transient: matches!(reject.reject_code, ic_agent::agent::RejectCode::SysTransient),
                }
            }
            AgentError::TransportError(_)
            | AgentError::TimeoutWaitingForResponse()
            | AgentError::RouteProviderError(_) => Self::Unreachable { method, reason },
            AgentError::HttpError(http) if http.status >= 500 || http.status == 429 || http.status == 408 => {
                Self::Unreachable { method, reason }
            }
            AgentError::SigningError(_)
            | AgentError::InvalidReplicaUrl(_)
            | AgentError::UrlParseError(_)
            | AgentError::CannotCalculateRequestId(_)
            | AgentError::HttpError(_) => Self::NotSent { method, reason },
            AgentError::InvalidCborData(_) | AgentError::InvalidHttpResponse(_) | AgentError::CandidError(_) => {
                Self::Unreadable { method, reason }
            }
            _ => Self::Unproved { method, reason },
        }
    }
}

/// The agent's words, with the transport's innermost reason, which is the one that helps.
fn reason_of(error: &AgentError) -> String {
    let AgentError::TransportError(TransportError::Reqwest(inner)) = error else {
        return error.to_string();
    };
    let mut text = inner.to_string();
    let mut source = std::error::Error::source(inner);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one of an HTTP server.
    #[error("{url:?} is not the URL of a network: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no root key to prove anything to.
    #[error(transparent)]
    RootKey(#[from] crate::root_key::RootKeyError),
    /// The agent could not be made.
    #[error("the connection to {url} could not be made: {reason}")]
    Agent {
        /// The network's URL.
        url: String,
        /// Why.
        reason: String,
    },
}
