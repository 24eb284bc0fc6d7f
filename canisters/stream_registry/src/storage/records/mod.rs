//! What is kept, record by record.

mod books;
mod plans;
mod purposes;
mod registry;
mod streams;
#[cfg(test)]
mod tests;

pub use books::{AssetBook, DayBook, PAYEE_LEN, PayeeKey, Standing, StreamBook, wide_nat};
pub use plans::{LicenceRecord, PlanRecord};
pub use purposes::{FreeRequest, Purchase, Purpose};
pub use registry::{AssetRecord, Counters, Settings, StorageTariff};
pub use streams::{AccountBinding, ContributorRecord, Phase, PublisherRecord, StreamMeta, StreamState, Upkeep};
