//! Failures and the exit codes that tell programs what kind they are.

use ddsx_client::identity::IdentityError;
use ddsx_client::input::InputError;
use ddsx_client::words::one_line;
use ddsx_client::{
    AppendFailure, CallError, ConnectError, CursorError, Explain, FolderError, LedgerInfo, NetworkError, OfferFailure,
    ProofFailure, PullFailure, PurchaseFailure, RootKeyError, SplitError, VerificationError,
};
use ddsx_trainer::account::MoneyError;
use ddsx_trainer::data::DataError;
use ddsx_trainer::data::stream::StreamError;
use ddsx_trainer::definition::DefinitionError;
use ddsx_trainer::{CreationFailure, RecipeError, StateError, TrainerError};

/// The canister refused.
pub const REFUSED: u8 = 1;
/// The command line, a file given or its content is wrong.
pub const USAGE: u8 = 2;
/// What came is not proved; nothing of it was written.
pub const VERIFICATION: u8 = 3;
/// The network does not answer, or not as a network does.
pub const NETWORK: u8 = 4;
/// A file of this machine cannot be read or written.
pub const LOCAL: u8 = 5;
/// Stopped by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// What went wrong, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "takes words and errors alike, as they come"
    )]
    fn new(code: u8, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    pub fn refused(message: impl ToString) -> Self {
        Self::new(REFUSED, message)
    }

    pub fn usage(message: impl ToString) -> Self {
        Self::new(USAGE, message)
    }

    pub fn local(message: impl ToString) -> Self {
        Self::new(LOCAL, message)
    }

    /// A call's failure, with amounts in the unit of the asset that it is about.
    pub fn call_in<E: Explain>(error: &CallError<E>, asset: &LedgerInfo) -> Self {
        Self::new(call_code(error), one_line(&error.explain_in(asset)))
    }

    /// The same failure with more said.
    #[must_use]
    pub fn and(self, more: &str) -> Self {
        Self {
            message: format!("{}; {more}", self.message),
            ..self
        }
    }

    /// Ctrl-C: there is nothing to say.
    pub fn interrupted() -> Self {
        Self::new(INTERRUPTED, "")
    }

    pub fn code(&self) -> u8 {
        self.code
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

fn network_code(error: &NetworkError) -> u8 {
    match error {
        NetworkError::Rejected { .. } => REFUSED,
        NetworkError::Unproved { .. } => VERIFICATION,
        NetworkError::Clock { .. } => USAGE,
        NetworkError::Unreachable { .. }
        | NetworkError::OutcomeUnknown { .. }
        | NetworkError::Unreadable { .. }
        | NetworkError::NotSent { .. } => NETWORK,
    }
}

fn call_code<E: Explain>(error: &CallError<E>) -> u8 {
    match error {
        CallError::Refused { .. } => REFUSED,
        CallError::Network(error) => network_code(error),
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self::new(network_code(&error), one_line(&error.to_string()))
    }
}

impl<E: Explain> From<CallError<E>> for Failure {
    fn from(error: CallError<E>) -> Self {
        Self::new(call_code(&error), one_line(&error.to_string()))
    }
}

impl From<VerificationError> for Failure {
    fn from(error: VerificationError) -> Self {
        match error.clock_words() {
            Some(words) => Self::usage(words),
            None => Self::new(VERIFICATION, format!("verification failed: {error}")),
        }
    }
}

impl From<PullFailure> for Failure {
    fn from(error: PullFailure) -> Self {
        match error {
            PullFailure::Call(error) => error.into(),
            PullFailure::Proof(error) => error.into(),
            PullFailure::Verification(error) => error.into(),
        }
    }
}

impl From<ProofFailure> for Failure {
    fn from(error: ProofFailure) -> Self {
        match error {
            ProofFailure::Call(error) => error.into(),
            ProofFailure::Verification(error) => error.into(),
            ProofFailure::NoModel(_) | ProofFailure::NoReport { .. } => Self::refused(error),
        }
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        if error.is_unreadable() {
            Self::local(error)
        } else {
            Self::usage(error)
        }
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Pull(error) => error.into(),
            StreamError::Data { .. } => Self::usage(error),
        }
    }
}

impl From<RecipeError> for Failure {
    fn from(error: RecipeError) -> Self {
        Self::usage(error)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Foreign(_) | StateError::InUse(_) => Self::usage(error),
            _ => Self::local(error),
        }
    }
}

impl From<MoneyError> for Failure {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::Network(error) => error.into(),
            MoneyError::Approve(error) => error.into(),
            MoneyError::Transfer(error) => error.into(),
            MoneyError::State(error) => error.into(),
            MoneyError::TooLarge => Self::usage(error),
            MoneyError::Short(_) => Self::refused(error),
        }
    }
}

impl From<DefinitionError> for Failure {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Input(error) => error.into(),
            DefinitionError::Evaluation(ref read) if read.is_unreadable() => Self::local(error),
            _ => Self::usage(error),
        }
    }
}

impl From<CreationFailure> for Failure {
    fn from(error: CreationFailure) -> Self {
        match error {
            CreationFailure::Call(error) => error.into(),
            CreationFailure::Money(error) => error.into(),
            CreationFailure::Random(error) => error.into(),
            CreationFailure::File { .. } | CreationFailure::Damaged { .. } => Self::local(error),
            CreationFailure::Changed { .. } => Self::usage(error),
            CreationFailure::CyclesOnly(_)
            | CreationFailure::Unpaid { .. }
            | CreationFailure::Gone { .. }
            | CreationFailure::Failed { .. }
            | CreationFailure::Slow(_) => Self::refused(error),
        }
    }
}

impl From<TrainerError> for Failure {
    fn from(error: TrainerError) -> Self {
        match error {
            TrainerError::Join(error) => error.into(),
            TrainerError::Upload(error) => error.into(),
            TrainerError::Proof(error) => error.into(),
            TrainerError::Network(error) => error.into(),
            TrainerError::Connect(error) => error.into(),
            TrainerError::State(error) => error.into(),
            TrainerError::Data(error) => error.into(),
            TrainerError::Money(error) => error.into(),
            TrainerError::NoTask(_)
            | TrainerError::Out(_)
            | TrainerError::Elsewhere { .. }
            | TrainerError::NotIn { .. }
            | TrainerError::Stake { .. } => Self::refused(error),
            TrainerError::Train(_) | TrainerError::Encoding(_) | TrainerError::Model(_) => Self::usage(error),
            TrainerError::Altered(_) | TrainerError::Weights(_) => Self::new(VERIFICATION, error),
            TrainerError::Thread(_) => Self::local(error),
        }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Verification(error) => error.into(),
            FolderError::Proof(error) => error.into(),
            FolderError::Foreign { .. } | FolderError::Empty(_) => Self::usage(error),
            FolderError::File { .. } | FolderError::Damaged { .. } => Self::local(error),
        }
    }
}

impl From<CursorError> for Failure {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Foreign { .. } => Self::usage(error),
            _ => Self::local(error),
        }
    }
}

impl From<AppendFailure> for Failure {
    fn from(error: AppendFailure) -> Self {
        match error {
            AppendFailure::Call(error) => error.into(),
            AppendFailure::StreamNotFound(_) => Self::refused(error),
        }
    }
}

impl From<PurchaseFailure> for Failure {
    fn from(error: PurchaseFailure) -> Self {
        match error {
            PurchaseFailure::Call(error) => error.into(),
            _ => Self::local(error),
        }
    }
}

impl From<OfferFailure> for Failure {
    fn from(error: OfferFailure) -> Self {
        match error {
            OfferFailure::Call(error) => error.into(),
            OfferFailure::Contradiction(_) => Self::new(VERIFICATION, error),
        }
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        if error.is_unreadable() {
            Self::local(error)
        } else {
            Self::usage(error)
        }
    }
}

impl From<SplitError> for Failure {
    fn from(error: SplitError) -> Self {
        match error {
            SplitError::Read { error, .. } => InputError::from_io("input", error).into(),
            _ => Self::usage(error),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match &error {
            ConnectError::Url { .. }
            | ConnectError::RootKey(RootKeyError::NotLoopback { .. } | RootKeyError::Malformed(_)) => {
                Self::usage(error)
            }
            ConnectError::RootKey(RootKeyError::NotTold { .. }) | ConnectError::Agent { .. } => {
                Self::new(NETWORK, error)
            }
        }
    }
}

impl From<RootKeyError> for Failure {
    fn from(error: RootKeyError) -> Self {
        ConnectError::from(error).into()
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::File { .. } => Self::local(error),
            _ => Self::usage(error),
        }
    }
}
