//! What a dishonest node could answer, one forgery a row: each must be refused by name, and nothing may be written.
//!
//! The node's own signature on a query reply does not help here: a dishonest node signs what it forges. So the client's check
//! of node signatures is off in this pass, and what refuses is the proof alone.

use anyhow::{Context as _, Result};
use ciborium::Value;
use ddsx_types::stream_registry::Pulled;

use crate::proxy::{edit_cbor, field};

/// Replies that were valid once, or elsewhere.
pub struct Genuine {
    /// Another stream's reply to the same question.
    pub other_stream: Pulled,
    /// This stream's reply of a while ago to the first pull.
    pub old: Pulled,
    /// Its reply of then to the pull after that.
    pub old_next: Pulled,
}

/// Where a client stands when the forgery meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// It knows nothing yet and starts at the beginning.
    Fresh,
    /// It knows nothing yet and starts in the middle, so that the reply holds a left frontier.
    FromMiddle,
    /// It has verified the present head, and asks for what follows.
    Holding,
    /// It accepts certificates of a second's age only.
    Impatient,
}

/// One forgery.
pub struct Forgery {
    /// What is forged.
    pub name: &'static str,
    /// Whom it meets.
    pub client: Client,
    /// What the refusal must say.
    pub refused_with: &'static str,
    /// The forger.
    pub forge: fn(&mut Pulled, &Genuine) -> Result<()>,
}

/// Offsets of the canonical leaf's fields (docs/leaf-format.md).
mod leaf {
    pub const VERSION: usize = 0;
    pub const FLAGS: usize = 1;
    pub const STREAM: usize = 9;
    pub const SEQUENCE: usize = 17;
    pub const PROVIDER_TIME: usize = 25;
    pub const REGISTRY_TIME: usize = 33;
    pub const CONTENT_TYPE: usize = 35;
    pub const RECORDS: usize = 43;
    pub const VERDICT: usize = 44;
    pub const CREDITS: usize = 45;
    pub const PAYLOAD_LENGTH: usize = 84;
    pub const PAYLOAD_HASH: usize = 85;
}

/// Every row.
pub fn all() -> Vec<Forgery> {
    use Client::{Fresh, FromMiddle, Holding, Impatient};
    let row = |name, client, refused_with, forge| Forgery {
        name,
        client,
        refused_with,
        forge,
    };
    vec![
        row("a payload byte", Fresh, "its payload was altered", |pulled, _| {
            flip(&mut chunk(pulled, 1)?.payload, 100)
        }),
        row("a payload cut short", Fresh, "its payload has", |pulled, _| {
            chunk(pulled, 1)?.payload.pop().map(|_| ()).context("empty payload")
        }),
        row("the credits list", Fresh, "credits list", |pulled, _| {
            let credits = &mut chunk(pulled, 1)?.credits;
            let last = credits.len().checked_sub(1).context("no credits")?;
            flip(credits, last)
        }),
        row("leaf: version", Fresh, "its leaf was altered: version", |pulled, _| {
            flip_leaf(pulled, leaf::VERSION)
        }),
        row("leaf: flags", Fresh, "its leaf was altered: flags", |pulled, _| {
            flip_leaf(pulled, leaf::FLAGS)
        }),
        row("leaf: stream", Fresh, "its leaf was altered: stream id", |pulled, _| {
            flip_leaf(pulled, leaf::STREAM)
        }),
        row(
            "leaf: sequence",
            Fresh,
            "its leaf was altered: sequence number",
            |pulled, _| flip_leaf(pulled, leaf::SEQUENCE),
        ),
        row(
            "leaf: provider's time",
            Fresh,
            "its leaf was altered: provider's timestamp",
            |pulled, _| flip_leaf(pulled, leaf::PROVIDER_TIME),
        ),
        row(
            "leaf: registry's time",
            Fresh,
            "its leaf was altered: registry's timestamp",
            |pulled, _| flip_leaf(pulled, leaf::REGISTRY_TIME),
        ),
        row(
            "leaf: content type",
            Fresh,
            "its leaf was altered: content type",
            |pulled, _| flip_leaf(pulled, leaf::CONTENT_TYPE),
        ),
        row(
            "leaf: record count",
            Fresh,
            "its leaf was altered: record count",
            |pulled, _| flip_leaf(pulled, leaf::RECORDS),
        ),
        row(
            "leaf: quality verdict",
            Fresh,
            "its leaf was altered: quality verdict",
            |pulled, _| flip_leaf(pulled, leaf::VERDICT),
        ),
        row(
            "leaf: credits hash",
            Fresh,
            "its leaf was altered: credits hash",
            |pulled, _| flip_leaf(pulled, leaf::CREDITS),
        ),
        row(
            "leaf: payload length",
            Fresh,
            "its leaf was altered: payload length",
            |pulled, _| flip_leaf(pulled, leaf::PAYLOAD_LENGTH),
        ),
        row(
            "leaf: payload hash",
            Fresh,
            "its leaf was altered: payload hash",
            |pulled, _| flip_leaf(pulled, leaf::PAYLOAD_HASH),
        ),
        row(
            "a left frontier hash",
            FromMiddle,
            "a frontier hash was altered",
            |pulled, _| {
                pulled.left_frontier.first_mut().context("no left frontier")?.0[0] ^= 1;
                Ok(())
            },
        ),
        row(
            "a right frontier hash",
            Fresh,
            "a frontier hash was altered",
            |pulled, _| {
                pulled.right_frontier.first_mut().context("no right frontier")?.0[0] ^= 1;
                Ok(())
            },
        ),
        row("head: size", Fresh, "the head's size was altered", |pulled, _| {
            pulled.head.head.tree_size += 1;
            Ok(())
        }),
        row("head: root", Fresh, "the head's root was altered", |pulled, _| {
            pulled.head.head.root.0[0] ^= 1;
            Ok(())
        }),
        row(
            "head: timestamp",
            Fresh,
            "the head's timestamp was altered",
            |pulled, _| {
                pulled.head.head.timestamp ^= 1;
                Ok(())
            },
        ),
        row("the witness", Fresh, "the witness does not lead to", |pulled, _| {
            edit_cbor(&mut pulled.head.witness, flip_deepest)
        }),
        row(
            "the certificate's tree",
            Fresh,
            "the certificate's signature is wrong: its content was altered",
            |pulled, _| {
                certificate(pulled, |certificate| {
                    flip_deepest(field(certificate, "tree").context("no tree")?)
                })
            },
        ),
        row(
            "the certificate's signature",
            Fresh,
            "the certificate's signature is none",
            |pulled, _| {
                certificate(pulled, |certificate| {
                    flip_deepest(field(certificate, "signature").context("no signature")?)
                })
            },
        ),
        row(
            "the delegation's canister range",
            Fresh,
            "the root key did not sign what it says",
            |pulled, _| delegation(pulled, flip_ranges),
        ),
        row(
            "the delegation's signature",
            Fresh,
            "the delegation's signature is none",
            |pulled, _| {
                delegation(pulled, |certificate| {
                    flip_deepest(field(certificate, "signature").context("no signature")?)
                })
            },
        ),
        row(
            "the delegation left out",
            Fresh,
            "the certificate has no delegation",
            |pulled, _| certificate(pulled, |certificate| remove(certificate, "delegation")),
        ),
        row("no certificate", Fresh, "no certificate", |pulled, _| {
            pulled.head.certificate = None;
            Ok(())
        }),
        row("a chunk dropped", Fresh, "was dropped", |pulled, _| {
            chunk(pulled, 1)?;
            pulled.chunks.remove(1);
            Ok(())
        }),
        row(
            "every chunk dropped",
            Fresh,
            "chunks were dropped at its end",
            |pulled, _| {
                pulled.chunks.clear();
                Ok(())
            },
        ),
        row("two chunks swapped", Fresh, "were swapped", |pulled, _| {
            chunk(pulled, 2)?;
            pulled.chunks.swap(1, 2);
            Ok(())
        }),
        row(
            "another stream's valid reply",
            Fresh,
            "another stream",
            |pulled, genuine| {
                *pulled = genuine.other_stream.clone();
                Ok(())
            },
        ),
        row(
            "a valid reply, older than one seen",
            Holding,
            "already seen",
            |pulled, genuine| {
                *pulled = genuine.old_next.clone();
                Ok(())
            },
        ),
        row(
            "a valid reply, too old",
            Impatient,
            "certificate too old",
            |pulled, genuine| {
                *pulled = genuine.old.clone();
                Ok(())
            },
        ),
    ]
}

fn chunk(pulled: &mut Pulled, index: usize) -> Result<&mut ddsx_types::stream_registry::PulledChunk> {
    pulled
        .chunks
        .get_mut(index)
        .context("the reply has too few chunks to forge")
}

fn flip(bytes: &mut [u8], at: usize) -> Result<()> {
    *bytes.get_mut(at).context("too short to forge")? ^= 1;
    Ok(())
}

fn flip_leaf(pulled: &mut Pulled, at: usize) -> Result<()> {
    flip(&mut chunk(pulled, 1)?.leaf, at)
}

fn certificate(pulled: &mut Pulled, edit: impl FnOnce(&mut Value) -> Result<()>) -> Result<()> {
    edit_cbor(
        pulled.head.certificate.as_mut().context("no certificate to forge")?,
        edit,
    )
}

/// Edits the certificate inside the certificate's delegation.
fn delegation(pulled: &mut Pulled, edit: impl FnOnce(&mut Value) -> Result<()>) -> Result<()> {
    certificate(pulled, |outer| {
        let inner = field(outer, "delegation").and_then(|delegation| field(delegation, "certificate"));
        let Some(Value::Bytes(bytes)) = inner else {
            anyhow::bail!("no delegation to forge")
        };
        edit_cbor(bytes, edit)
    })
}

/// Flips a bit of the last byte string inside, which in a hash tree (`[4, hash]`, `[3, value]`) or a signature is a hash or a value.
fn flip_deepest(value: &mut Value) -> Result<()> {
    fn last(value: &mut Value) -> Option<&mut Vec<u8>> {
        match value {
            Value::Bytes(bytes) if !bytes.is_empty() => Some(bytes),
            Value::Tag(_, inner) => last(inner),
            Value::Array(items) => items.iter_mut().rev().find_map(last),
            _ => None,
        }
    }
    let bytes = last(value).context("nothing to flip")?;
    let end = bytes.len() - 1;
    flip(bytes, end)
}

/// Flips a bit of a canister range in a delegation's hash tree: the value below `/subnet/<id>/canister_ranges`, or below
/// `/canister_ranges/<subnet id>` in the newer layout.
fn flip_ranges(certificate: &mut Value) -> Result<()> {
    fn below<'a>(tree: &'a mut Value, wanted: &[u8]) -> Option<&'a mut Value> {
        let Value::Array(items) = tree else { return None };
        match items.first().and_then(Value::as_integer).map(i128::from) {
            Some(1) => items.iter_mut().skip(1).find_map(|branch| below(branch, wanted)),
            Some(2)
                if items
                    .get(1)
                    .and_then(Value::as_bytes)
                    .is_some_and(|label| label == wanted) =>
            {
                items.get_mut(2)
            }
            Some(2) => items.get_mut(2).and_then(|subtree| below(subtree, wanted)),
            _ => None,
        }
    }
    let tree = field(certificate, "tree").context("no tree")?;
    flip_deepest(below(tree, b"canister_ranges").context("no canister ranges")?)
}

fn remove(map: &mut Value, name: &str) -> Result<()> {
    let mut map = map;
    while let Value::Tag(_, inner) = map {
        map = inner;
    }
    let entries = map.as_map_mut().context("not a map")?;
    entries.retain(|(key, _)| key.as_text() != Some(name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_have_a_name_of_its_own_for_every_row() {
        let mut names: Vec<_> = all().iter().map(|forgery| forgery.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count >= 30, "{count} rows");
    }

    #[test]
    fn should_flip_the_last_byte_string_of_a_tree() {
        let leaf = Value::Array(vec![3.into(), Value::Bytes(vec![1, 2])]);
        let mut tree = Value::Array(vec![2.into(), Value::Bytes(b"a".to_vec()), leaf]);
        flip_deepest(&mut tree).unwrap();
        let flipped = Value::Array(vec![3.into(), Value::Bytes(vec![1, 3])]);
        assert_eq!(tree, Value::Array(vec![2.into(), Value::Bytes(b"a".to_vec()), flipped]));
    }

    #[test]
    fn should_flip_the_canister_ranges_and_nothing_else() {
        let ranges = |bytes: &[u8]| Value::Array(vec![3.into(), Value::Bytes(bytes.to_vec())]);
        let labelled = |label: &[u8], inner| Value::Array(vec![2.into(), Value::Bytes(label.to_vec()), inner]);
        let document = |value: &[u8]| {
            let fork = Value::Array(vec![
                1.into(),
                labelled(b"canister_ranges", ranges(value)),
                labelled(b"public_key", ranges(&[9])),
            ]);
            Value::Map(vec![(
                Value::Text("tree".into()),
                labelled(b"subnet", labelled(b"id", fork)),
            )])
        };
        let mut forged = document(&[4]);
        flip_ranges(&mut forged).unwrap();
        assert_eq!(forged, document(&[5]));
    }
}
