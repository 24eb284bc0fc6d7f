//! `federated_aggregator`: federated learning whose referee is a canister. The endpoints are in `main.rs`; the rules are here.
//!
//! - [`storage`]: everything that is kept, in stable memory; weights and updates in extents of it. [`content`]: pieces and their hash.
//! - [`create`], [`creation`], [`upkeep`], [`owner`], [`join`] with [`licence`]: tasks, their files, their clients. [`price`]: what they cost. [`drafts`]: when their time is
//!   over. [`upload`]: updates on their way in. [`inspect`]: what is not even looked at.
//! - [`round`]: when a round opens and closes. [`work`]: what is then done in slices: [`prepare`], [`combine`] with [`privacy`], [`evaluate`],
//!   [`score`] with [`coalition`], [`publish`]. [`timer`]: when.
//! - [`findings`], [`sketches`]: what updates show about one another. [`earnings`], [`standing`]: what progress pays, and how clients stand.
//! - [`balance`], [`books`], [`fund`], [`payout`], [`refund`], [`host`], [`assets`]: money. Across an `await` it goes through `ddsx_payments` only.
//! - [`certification`], [`files`], [`view`]: what can be read and proved. [`governance`], [`lifecycle`], [`metrics`], [`limits`], [`guard`].
//!
//! `docs/federated.md` tells the whole.

pub mod amounts;
pub mod assets;
pub mod balance;
pub mod books;
pub mod certification;
pub mod coalition;
pub mod combine;
pub mod content;
pub mod create;
pub mod creation;
pub mod drafts;
pub mod earnings;
pub mod evaluate;
pub mod files;
pub mod findings;
pub mod fund;
pub mod governance;
pub mod guard;
pub mod host;
pub mod inspect;
pub mod join;
pub mod licence;
pub mod lifecycle;
pub mod limits;
pub mod metrics;
pub mod owner;
pub mod payout;
pub mod prepare;
pub mod price;
pub mod privacy;
pub mod publish;
pub mod refund;
pub mod round;
pub mod score;
pub mod settlement;
pub mod sketches;
pub mod standing;
pub mod storage;
pub mod timer;
pub mod upkeep;
pub mod upload;
pub mod view;
pub mod work;

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod testing;
