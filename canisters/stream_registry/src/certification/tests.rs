use super::*;
use crate::licences;
use crate::storage::records::Purchase;
use crate::testing::*;
use ddsx_merkle_log::sha256;
use ddsx_runtime::testing::TestRuntime;
use ddsx_types::stream_registry::PlanKind;
use ic_certification::LookupResult;

/// Reads a witness as the interface specification says, section *Certification encoding*.
fn tree(witness: &ByteBuf) -> Tree {
    fn read(value: &ciborium::Value) -> Tree {
        let parts = value.as_array().unwrap();
        let kind: u8 = parts[0].as_integer().unwrap().try_into().unwrap();
        let bytes = |part: usize| parts[part].as_bytes().unwrap().clone();
        match kind {
            0 => ic_certification::empty(),
            1 => fork(read(&parts[1]), read(&parts[2])),
            2 => label(bytes(1), read(&parts[2])),
            3 => ic_certification::leaf(bytes(1)),
            _ => pruned(<[u8; 32]>::try_from(bytes(1)).unwrap()),
        }
    }
    read(&ciborium::from_reader(witness.as_slice()).unwrap())
}

#[test]
fn should_show_every_head_under_the_root() {
    let mut storage = storage();
    let streams: Vec<_> = (0..5)
        .map(|number| stream(&mut storage, &format!("stream {number}")))
        .collect();
    append_some(&mut storage, streams[3], 4);
    let runtime = TestRuntime::default();
    publish(&storage, &runtime);
    assert_eq!(runtime.certified_data(), Some(root(&storage)));
    for id in streams {
        let head = storage.stream(id).unwrap().head();
        let certified = certified_head(&storage, &runtime, id, head).unwrap();
        let tree = tree(&certified.witness);
        assert_eq!(tree.digest(), root(&storage));
        let hash = head.hash();
        match tree.lookup_path([HEADS_LABEL, &id.to_be_bytes()]) {
            LookupResult::Found(value) => assert_eq!(value, hash.as_bytes()),
            other => panic!("stream {id}: {other:?}"),
        }
        assert_eq!(certified.certificate, None);
    }
}

#[test]
fn should_show_a_licence_or_that_there_is_none() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let runtime = TestRuntime::default();
    let grant = |storage: &mut Storage| {
        let purchase = Purchase {
            recipient: BUYER.into(),
            stream: id,
            plan: 0,
            kind: PlanKind::Perpetual,
            terms_hash: sha256(b"terms"),
            payment: None,
            protocol_fee_bps: 0,
        };
        crate::purchase::grant(storage, NOW, &purchase)
    };
    let path = |id: u64| [LICENCES_LABEL.to_vec(), id.to_be_bytes().to_vec()];
    for count in 0..4_u64 {
        for id in 0..count {
            let certified = licences::certified(&storage, &runtime, id);
            let tree = tree(&certified.witness);
            assert_eq!(tree.digest(), root(&storage));
            let hash = sha256(certified.encoded.as_ref().unwrap());
            assert_eq!(tree.lookup_path(path(id)), LookupResult::Found(hash.as_bytes()));
            assert_eq!(
                candid::decode_one(certified.encoded.as_ref().unwrap()).ok(),
                certified.licence
            );
        }
        let none = licences::certified(&storage, &runtime, count);
        let tree = tree(&none.witness);
        assert_eq!(
            (none.licence, none.encoded, tree.digest()),
            (None, None, root(&storage))
        );
        assert_eq!(tree.lookup_path(path(count)), LookupResult::Absent);
        assert_eq!(grant(&mut storage), count);
    }
}
