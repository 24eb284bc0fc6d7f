//! A shop that buys nothing and sells licences: it pulls prices, keeps books and pays out, over a journal in memory and a ledger
//! that is a model. Every test ends with [`Shop::check`]: no money made, none lost, nothing granted twice or for nothing.

mod limits;
mod means;
mod outcomes;
mod push;
mod random;
mod requests;
mod time_and_upgrades;

use crate::testing::ModelLedger;
use crate::{
    Asset, BeginError, Begun, Evidence, Host, Journal, Kind, Limits, Memories, Order, Outcome, RequestKey, Settled,
    Status, begin, pay, resume, settle_quarantined,
};
use candid::Principal;
use ddsx_runtime::Runtime;
use ddsx_runtime::testing::TestRuntime;
use ddsx_types::{Account, Hash};
use ic_stable_structures::VectorMemory;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

const LEDGER: Principal = Principal::from_slice(&[1, 1, 1]);
const FEE: u128 = 10;
const PRICE: u128 = 1_000;
const FUNDS: u128 = 1_000_000;
const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);

/// What the shop believes of its money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Books {
    /// Outcomes by intent.
    settled: BTreeMap<u64, Outcome>,
    received: u128,
    due: u128,
    in_flight: u128,
    paid_out: u128,
    fees: u128,
}

struct World {
    rt: TestRuntime,
    ledger: ModelLedger,
    dedup_first: bool,
    memories: [VectorMemory; 5],
    limits: Limits,
    journal: RefCell<Journal<VectorMemory>>,
    books: RefCell<Books>,
    fee: Cell<u128>,
}

#[derive(Clone)]
struct Shop(Rc<World>);

fn open(memories: &[VectorMemory; 5], limits: Limits) -> Journal<VectorMemory> {
    let [counters, intents, index, requests, ledgers] = memories.clone();
    Journal::init(
        Memories {
            counters,
            intents,
            index,
            requests,
            ledgers,
        },
        limits,
    )
}

fn buyer(n: u8) -> Principal {
    Principal::from_slice(&[50, n])
}

fn account(owner: Principal) -> Account {
    Account {
        owner,
        subaccount: None,
    }
}

fn request(n: u8) -> RequestKey {
    RequestKey {
        id: vec![n; 16],
        arguments: Hash([n; 32]),
    }
}

impl Host for Shop {
    type Runtime = TestRuntime;
    type Memory = VectorMemory;

    fn runtime(&self) -> &TestRuntime {
        &self.0.rt
    }

    fn with_journal<T>(&self, work: impl FnOnce(&mut Journal<VectorMemory>) -> T) -> T {
        work(&mut self.0.journal.borrow_mut())
    }

    fn settle(&self, settled: &Settled) -> Vec<u8> {
        let intent = &settled.intent;
        let mut books = self.0.books.borrow_mut();
        let again = books.settled.insert(intent.id, settled.outcome.clone());
        assert_eq!(again, None, "intent {} was settled twice", intent.id);
        let paid = matches!(settled.outcome, Outcome::Paid { .. });
        match intent.purpose.as_slice() {
            b"buy" if paid => {
                books.received += intent.amount;
                books.due += intent.amount;
                format!("licence {}", intent.id).into_bytes()
            }
            b"buy" => Vec::new(),
            b"pay" => {
                books.in_flight -= intent.amount + intent.fee;
                if paid {
                    books.paid_out += intent.amount;
                    books.fees += intent.fee;
                } else {
                    books.due += intent.amount + intent.fee;
                }
                Vec::new()
            }
            other => panic!("the purpose came back as {other:?}"),
        }
    }
}

impl Shop {
    fn new() -> Self {
        Self::with(true, Limits::default())
    }

    /// Three buyers with funds and allowances for many purchases.
    fn with(dedup_first: bool, limits: Limits) -> Self {
        let rt = TestRuntime::default();
        let ledger = ModelLedger::install(&rt, LEDGER, FEE, dedup_first);
        for n in 0..3 {
            ledger.mint(account(buyer(n)), FUNDS);
            ledger.approve(account(buyer(n)), rt.canister_self(), FUNDS);
        }
        let memories = std::array::from_fn(|_| VectorMemory::default());
        let journal = RefCell::new(open(&memories, limits));
        let books = RefCell::default();
        let fee = Cell::new(FEE);
        Self(Rc::new(World {
            rt,
            ledger,
            dedup_first,
            memories,
            limits,
            journal,
            books,
            fee,
        }))
    }

    fn rt(&self) -> &TestRuntime {
        &self.0.rt
    }

    fn ledger(&self) -> &ModelLedger {
        &self.0.ledger
    }

    fn asset(&self) -> Asset {
        let dedup_first = self.0.dedup_first;
        Asset {
            ledger: LEDGER,
            fee: self.0.fee.get(),
            window_ns: crate::DEFAULT_WINDOW_NS,
            dedup_first,
        }
    }

    fn purchase(&self, caller: Principal, price: u128) -> Order {
        Order {
            kind: Kind::Pull {
                from: account(caller),
                to_subaccount: None,
            },
            asset: self.asset(),
            amount: price,
            purpose: b"buy".to_vec(),
            caller,
        }
    }

    /// Buys and lets happen what can without time passing. `None` if the purchase trapped or was never answered.
    fn buy(&self, buyer_n: u8, request_n: u8) -> Option<Result<Status, BeginError>> {
        let (shop, order) = (self.clone(), self.purchase(buyer(buyer_n), PRICE));
        self.rt()
            .run(async move { pay(&shop, order, Some(request(request_n))).await })
    }

    /// Takes from what is due and orders the payout. False if too little is due, or the order was not taken.
    fn pay_out(&self, to: Principal, amount: u128) -> bool {
        let total = amount + self.0.fee.get();
        if self.0.books.borrow().due < total {
            return false;
        }
        let order = Order {
            kind: Kind::Push {
                from_subaccount: None,
                to: account(to),
            },
            asset: self.asset(),
            amount,
            purpose: b"pay".to_vec(),
            caller: to,
        };
        let Ok(Begun::New(_)) = begin(self, order, None) else {
            return false;
        };
        let mut books = self.0.books.borrow_mut();
        books.due -= total;
        books.in_flight += total;
        true
    }

    fn upgrade(&self) {
        self.rt().upgrade();
        *self.0.journal.borrow_mut() = open(&self.0.memories, self.0.limits);
        resume(self);
    }

    fn status(&self, id: u64) -> Status {
        self.with_journal(|journal| journal.status(id))
            .expect("the intent is remembered")
    }

    fn books(&self) -> Books {
        self.0.books.borrow().clone()
    }

    /// Gives true evidence for all that is in quarantine.
    fn settle_all_quarantined(&self) {
        for intent in self.with_journal(|journal| journal.quarantined(None, usize::MAX)) {
            let evidence = match self.ledger().find(&intent.memo())[..] {
                [] => Evidence::Unpaid,
                [block] => Evidence::Paid { block },
                ref more => panic!("intent {} was executed in blocks {more:?}", intent.id),
            };
            settle_quarantined(self, intent.id, evidence).unwrap();
        }
    }

    /// What must be true at every instant, and more when nothing is open.
    #[track_caller]
    fn check(&self) {
        assert!(self.ledger().is_conserved());
        let books = self.books();
        let totals = self.with_journal(|journal| journal.totals());
        assert_eq!(
            books.received,
            books.due + books.in_flight + books.paid_out + books.fees
        );
        assert_eq!(totals.contradictions, 0);
        let open = self.with_journal(|journal| journal.open_at(LEDGER));
        assert_eq!(
            (open.pulls + open.pushes + open.quarantined, open.quarantined),
            (totals.open_pulls + totals.open_pushes, totals.quarantined),
            "the counts by ledger and in all agree"
        );
        for id in 0..totals.next_id {
            let blocks = self.ledger().find(&id.to_be_bytes());
            assert!(blocks.len() <= 1, "intent {id} was executed in blocks {blocks:?}");
            match books.settled.get(&id) {
                Some(Outcome::Paid { block }) => assert_eq!(blocks, [*block], "intent {id} counts as paid"),
                Some(Outcome::Failed(why)) => assert_eq!(blocks, [0; 0], "intent {id} counts as failed: {why}"),
                None => {}
            }
        }
        if totals.open_pulls == 0 && totals.open_pushes == 0 {
            assert_eq!(books.in_flight, 0);
            assert_eq!(self.ledger().balance(account(self.rt().canister_self())), books.due);
            let settled = u64::try_from(books.settled.len()).unwrap();
            assert_eq!((settled, totals.paid + totals.failed), (totals.next_id, totals.next_id));
        }
    }
}
