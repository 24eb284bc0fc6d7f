//! A stream's records: what was said of it once, and what grows.

use candid::Principal;
use ddsx_merkle_log::{ContentType, Head, LogRecord};
use ddsx_types::stream_registry::{LicenceTerms, StreamStatus};
use ddsx_types::{Account, Hash, TimestampNs};

use crate::storage::codec::{Malformed, Reader, Record, Writer};

/// What the owner said of the stream when it was created. Read by people; not touched by an append or a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamMeta {
    /// Its name.
    pub name: String,
    /// For buyers.
    pub description: String,
    /// For search.
    pub tags: Vec<String>,
    /// Media type of the payloads.
    pub content_type: String,
    /// JSON Schema of a record.
    pub schema: Option<String>,
    /// Terms of use.
    pub licence_terms: LicenceTerms,
    /// How to reach the provider.
    pub contact: Option<String>,
    /// When it was created.
    pub created_at: TimestampNs,
}

impl Record for StreamMeta {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.text(&self.name).text(&self.description);
        to.list(&self.tags, |to, tag| {
            to.text(tag);
        });
        to.text(&self.content_type)
            .option(self.schema.as_deref(), |to, schema| {
                to.text(schema);
            });
        match &self.licence_terms {
            LicenceTerms::Spdx(id) => to.u8(0).text(id),
            LicenceTerms::Text(text) => to.u8(1).text(text),
        };
        to.option(self.contact.as_deref(), |to, contact| {
            to.text(contact);
        })
        .u64(self.created_at);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            name: from.text()?,
            description: from.text()?,
            tags: from.list(Reader::text)?,
            content_type: from.text()?,
            schema: from.option(Reader::text)?,
            licence_terms: match from.u8()? {
                0 => LicenceTerms::Spdx(from.text()?),
                1 => LicenceTerms::Text(from.text()?),
                _ => return Err(Malformed),
            },
            contact: from.option(Reader::text)?,
            created_at: from.u64()?,
        })
    }
}

/// How a stream's payloads stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Paid.
    Paid,
    /// The next period could not be taken.
    Expiring,
    /// The payloads are being dropped.
    Dropping {
        /// Where that goes on.
        next: u64,
    },
    /// They are gone.
    Dropped,
}

/// How a stream's storage is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// The number of the asset in which it pays.
    pub asset: u32,
    /// Set aside in the owner's balance; 0 once it was given back.
    pub deposit: u128,
    /// Payload bytes paid for by time.
    pub bytes: u64,
    /// Until when.
    pub paid_until: TimestampNs,
    /// Until when licences sold cover the stream; 0 if none does.
    pub covered_until: TimestampNs,
    /// How the payloads stand.
    pub phase: Phase,
    /// The first chunk whose payload is kept.
    pub kept_from: u64,
    /// Governance lets it sell nothing.
    pub suspended: bool,
    /// Free licences granted.
    pub free_licences: u32,
    /// Taken from the provider's income.
    pub from_income: u128,
}

impl Upkeep {
    fn write(&self, to: &mut Writer) {
        let (phase, next) = match self.phase {
            Phase::Paid => (0, 0),
            Phase::Expiring => (1, 0),
            Phase::Dropping { next } => (2, next),
            Phase::Dropped => (3, 0),
        };
        to.u32(self.asset)
            .u128(self.deposit)
            .u64(self.bytes)
            .u64(self.paid_until)
            .u64(self.covered_until)
            .u8(phase)
            .u64(next)
            .u64(self.kept_from)
            .bool(self.suspended)
            .u32(self.free_licences)
            .u128(self.from_income);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            asset: from.u32()?,
            deposit: from.u128()?,
            bytes: from.u64()?,
            paid_until: from.u64()?,
            covered_until: from.u64()?,
            phase: match (from.u8()?, from.u64()?) {
                (0, 0) => Phase::Paid,
                (1, 0) => Phase::Expiring,
                (2, next) => Phase::Dropping { next },
                (3, 0) => Phase::Dropped,
                _ => return Err(Malformed),
            },
            kept_from: from.u64()?,
            suspended: from.bool()?,
            free_licences: from.u32()?,
            from_income: from.u128()?,
        })
    }
}

/// What changes: read and written by every append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// Who created it.
    pub owner: Principal,
    /// Where the provider is paid.
    pub provider_account: Account,
    /// The contributors' part after the protocol fee, in basis points.
    pub contributors_share_bps: u16,
    /// Whether it grows and sells.
    pub status: StreamStatus,
    /// The payloads' code in the leaves.
    pub content: ContentType,
    /// When the last leaf was added; the creation's time before that.
    pub head_timestamp: TimestampNs,
    /// Records so far.
    pub records: u64,
    /// Payload bytes so far.
    pub bytes: u64,
    /// Contributors in the table.
    pub contributors: u32,
    /// All contributors' weights together.
    pub total_weight: u64,
    /// Publishers in the list.
    pub publishers: u32,
    /// Plans made, retired ones included.
    pub plans: u32,
    /// Free plans offered now.
    pub free_plans: u32,
    /// Numbers of the assets in which it ever had income.
    pub assets: Vec<u32>,
    /// Where its index entries lie.
    pub extents: Vec<u64>,
    /// Its log.
    pub log: LogRecord,
    /// How its storage is paid; absent until a stream of the first release has been taken over.
    pub upkeep: Option<Upkeep>,
}

impl StreamState {
    /// The log's head.
    pub fn head(&self) -> Head {
        Head {
            tree_size: self.log.size(),
            root: self.log.root(),
            timestamp: self.head_timestamp,
        }
    }

    /// Whether everyone may pull.
    pub fn open_to_everyone(&self) -> bool {
        self.free_plans > 0 && !self.suspended()
    }

    /// Whether governance lets it sell nothing.
    pub fn suspended(&self) -> bool {
        self.upkeep.as_ref().is_some_and(|upkeep| upkeep.suspended)
    }
}

impl Record for StreamState {
    /// 2 added the upkeep.
    const VERSION: u8 = 2;

    fn write(&self, to: &mut Writer) {
        to.principal(&self.owner)
            .account(&self.provider_account)
            .u16(self.contributors_share_bps)
            .bool(self.status == StreamStatus::Closed)
            .u16(self.content.0)
            .u64(self.head_timestamp)
            .u64(self.records)
            .u64(self.bytes)
            .u32(self.contributors)
            .u64(self.total_weight)
            .u32(self.publishers)
            .u32(self.plans)
            .u32(self.free_plans);
        to.list(&self.assets, |to, asset| {
            to.u32(*asset);
        });
        to.list(&self.extents, |to, extent| {
            to.u64(*extent);
        });
        to.bytes(&self.log.encode()).option(self.upkeep.as_ref(), |to, upkeep| {
            upkeep.write(to);
        });
    }

    fn read(version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            owner: from.principal()?,
            provider_account: from.account()?,
            contributors_share_bps: from.u16()?,
            status: if from.bool()? {
                StreamStatus::Closed
            } else {
                StreamStatus::Open
            },
            content: ContentType(from.u16()?),
            head_timestamp: from.u64()?,
            records: from.u64()?,
            bytes: from.u64()?,
            contributors: from.u32()?,
            total_weight: from.u64()?,
            publishers: from.u32()?,
            plans: from.u32()?,
            free_plans: from.u32()?,
            assets: from.list(Reader::u32)?,
            extents: from.list(Reader::u64)?,
            log: LogRecord::decode(from.bytes()?).map_err(|_| Malformed)?,
            upkeep: if version >= 2 { from.option(Upkeep::read)? } else { None },
        })
    }
}

/// A contributor's account and when it may be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBinding {
    /// Where it is paid.
    pub account: Account,
    /// When that was said.
    pub bound_at: TimestampNs,
    /// From when it is paid.
    pub payable_from: TimestampNs,
}

/// A line of a stream's contributor table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContributorRecord {
    /// Its name in the stream.
    pub label: String,
    /// Hash of the name, as the leaves hold it.
    pub label_hash: Hash,
    /// Where it is paid.
    pub account: Option<AccountBinding>,
    /// Records credited to it.
    pub weight: u64,
}

impl Record for ContributorRecord {
    const VERSION: u8 = 1;

    fn write(&self, to: &mut Writer) {
        to.text(&self.label)
            .raw(&self.label_hash.0)
            .option(self.account.as_ref(), |to, bound| {
                to.account(&bound.account).u64(bound.bound_at).u64(bound.payable_from);
            });
        to.u64(self.weight);
    }

    fn read(_version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            label: from.text()?,
            label_hash: from.hash()?,
            account: from.option(|from| {
                Ok(AccountBinding {
                    account: from.account()?,
                    bound_at: from.u64()?,
                    payable_from: from.u64()?,
                })
            })?,
            weight: from.u64()?,
        })
    }
}

/// Until when somebody besides the owner may append, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherRecord {
    /// For ever if absent.
    pub expires_at: Option<TimestampNs>,
    /// Payload bytes a day.
    pub quota_bytes: u64,
    /// Records a day.
    pub quota_records: u64,
    /// The day, counted from 1970-01-01, of which the next two tell.
    pub day: u32,
    /// Payload bytes appended that day.
    pub used_bytes: u64,
    /// Records appended that day.
    pub used_records: u64,
}

impl PublisherRecord {
    /// A new publisher, who has used nothing.
    pub fn new(expires_at: Option<TimestampNs>, quota_bytes: u64, quota_records: u64) -> Self {
        Self {
            expires_at,
            quota_bytes,
            quota_records,
            day: 0,
            used_bytes: 0,
            used_records: 0,
        }
    }
}

impl Record for PublisherRecord {
    /// 2 added the quota. A publisher of version 1 has the default one.
    const VERSION: u8 = 2;

    fn write(&self, to: &mut Writer) {
        to.option(self.expires_at, |to, at| {
            to.u64(at);
        })
        .u64(self.quota_bytes)
        .u64(self.quota_records)
        .u32(self.day)
        .u64(self.used_bytes)
        .u64(self.used_records);
    }

    fn read(version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let expires_at = from.option(Reader::u64)?;
        if version == 1 {
            let quota = crate::limits::DEFAULT_PUBLISHER_QUOTA;
            return Ok(Self::new(expires_at, quota.bytes, quota.records));
        }
        Ok(Self {
            expires_at,
            quota_bytes: from.u64()?,
            quota_records: from.u64()?,
            day: from.u32()?,
            used_bytes: from.u64()?,
            used_records: from.u64()?,
        })
    }
}
