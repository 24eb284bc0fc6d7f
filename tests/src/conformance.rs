//! The public ICRC-1/2 conformance suite's view of a ledger (`icrc1-test-env`'s `LedgerEnv`), over `pocket-ic` 13.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use candid::utils::{ArgumentDecoder, ArgumentEncoder};
use candid::{Principal, decode_args, encode_args};
use icrc1_test_env::LedgerEnv;
use pocket_ic::nonblocking::PocketIc;

use crate::world::{World, user};

/// One caller of one ledger. Forks call the same ledger as somebody new.
#[derive(Clone)]
pub struct PocketIcLedger {
    pic: Rc<PocketIc>,
    ledger: Principal,
    caller: Principal,
    /// The number of the next new caller; none of them is used by anything else in the world.
    next: Rc<Cell<u64>>,
}

impl PocketIcLedger {
    /// The ledger of a world, called by `caller`, which must own tokens for the suite to hand out.
    pub fn new(world: &World, ledger: Principal, caller: Principal) -> Self {
        let pic = PocketIc::new_from_existing_instance(world.pic.get_server_url(), world.pic.instance_id(), None);
        Self {
            pic: Rc::new(pic),
            ledger,
            caller,
            next: Rc::new(Cell::new(2_000_000)),
        }
    }
}

#[async_trait::async_trait(?Send)]
impl LedgerEnv for PocketIcLedger {
    fn fork(&self) -> Self {
        let number = self.next.get();
        self.next.set(number + 1);
        Self {
            caller: user(number),
            ..self.clone()
        }
    }

    fn principal(&self) -> Principal {
        self.caller
    }

    async fn time(&self) -> SystemTime {
        let time = self.pic.get_time().await;
        SystemTime::UNIX_EPOCH + Duration::from_nanos(time.as_nanos_since_unix_epoch())
    }

    async fn query<Input, Output>(&self, method: &str, input: Input) -> anyhow::Result<Output>
    where
        Input: ArgumentEncoder + std::fmt::Debug,
        Output: for<'a> ArgumentDecoder<'a>,
    {
        let reply = self
            .pic
            .query_call(self.ledger, self.caller, method, encode_args(input)?)
            .await;
        Ok(decode_args(
            &reply.map_err(|reject| anyhow::anyhow!("{method}: {reject}"))?,
        )?)
    }

    async fn update<Input, Output>(&self, method: &str, input: Input) -> anyhow::Result<Output>
    where
        Input: ArgumentEncoder + std::fmt::Debug,
        Output: for<'a> ArgumentDecoder<'a>,
    {
        let reply = self
            .pic
            .update_call(self.ledger, self.caller, method, encode_args(input)?)
            .await;
        Ok(decode_args(
            &reply.map_err(|reject| anyhow::anyhow!("{method}: {reject}"))?,
        )?)
    }
}
