use ddsx_merkle_log::Hash;
use serde_bytes::ByteBuf;

use super::*;
use crate::content::{PIECE, content_hash};

fn file() -> Vec<u8> {
    (0..PIECE * 2 + 100)
        .map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1])
        .collect()
}

fn version(file: &[u8]) -> ModelVersion {
    ModelVersion {
        task: 1,
        version: 4,
        round: 4,
        hash: content_hash(file),
        parent: Hash::default(),
        bytes: file.len() as u64,
    }
}

/// Assembles what a node serves, which may forge pieces on the way.
fn assemble(
    version: ModelVersion,
    served: &[u8],
    forge: impl Fn(u64, &mut ModelChunk),
) -> Result<Vec<u8>, VerificationError> {
    let mut assembly = Assembly::new(version)?;
    while let Some(args) = assembly.next() {
        let offset = usize::try_from(args.offset).unwrap();
        let end = (offset + PIECE).min(served.len());
        let mut chunk = ModelChunk {
            bytes: ByteBuf::from(&served[offset..end]),
            total: served.len() as u64,
        };
        forge(args.offset, &mut chunk);
        assembly.take(&chunk)?;
    }
    assembly.finish()
}

#[test]
fn should_put_the_pieces_together() {
    let file = file();
    assert_eq!(assemble(version(&file), &file, |_, _| ()), Ok(file));
}

#[test]
fn should_refuse_a_piece_with_a_forged_bit() {
    let file = file();
    for (offset, at) in [(0, 0), (PIECE, PIECE - 1), (2 * PIECE, 99)] {
        let forged = assemble(version(&file), &file, |piece, chunk| {
            if piece == offset as u64 {
                chunk.bytes[at] ^= 1;
            }
        });
        assert!(
            matches!(forged, Err(VerificationError::ContentAltered { certified, .. }) if certified == content_hash(&file)),
            "{offset} {at}"
        );
    }
}

#[test]
fn should_refuse_pieces_of_another_length() {
    let file = file();
    let short = assemble(version(&file), &file, |_, chunk| chunk.bytes.truncate(9));
    assert!(matches!(
        short,
        Err(VerificationError::PieceLength {
            offset: 0,
            given: 9,
            ..
        })
    ));
    let total = assemble(version(&file), &file, |_, chunk| chunk.total += 1);
    assert!(matches!(total, Err(VerificationError::PieceLength { .. })));
    let long = assemble(version(&file), &file, |offset, chunk| {
        if offset > PIECE as u64 {
            chunk.bytes.push(0);
        }
    });
    assert!(matches!(
        long,
        Err(VerificationError::PieceLength {
            given: 101,
            expected: 100,
            ..
        })
    ));
    let endless = ModelVersion {
        bytes: u64::MAX,
        ..version(&file)
    };
    assert!(matches!(
        assemble(endless, &file, |_, _| ()),
        Err(VerificationError::PieceLength { .. })
    ));
}
