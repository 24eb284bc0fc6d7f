use proptest::prelude::*;

use super::*;

const ALL: [UpdateEncoding; 3] = [UpdateEncoding::F32, UpdateEncoding::F16, UpdateEncoding::Int8];

/// The documented bound of one number's error, `most` the greatest absolute value of its block.
fn bound(encoding: UpdateEncoding, value: f32, most: f32) -> f32 {
    match encoding {
        UpdateEncoding::F32 => 0.0,
        UpdateEncoding::F16 => (value.abs() / 2048.0).max(2.0_f32.powi(-25)),
        UpdateEncoding::Int8 => most / 253.0 + f32::MIN_POSITIVE,
    }
}

fn round_trip(encoding: UpdateEncoding, values: &[f32]) -> Vec<f32> {
    let bytes = encode(encoding, values).unwrap();
    assert_eq!(bytes.len() as u64, encoded_len(encoding, values.len() as u64));
    let mut out = vec![f32::NAN; values.len()];
    decode(encoding, &bytes, &mut out).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn should_stay_within_the_documented_error(mut values in prop::collection::vec(-100.0_f32..100.0, 0..700), shrink in 0_i32..30) {
        for value in values.iter_mut().step_by(3) {
            *value *= 2.0_f32.powi(-shrink);
        }
        for encoding in ALL {
            let out = round_trip(encoding, &values);
            for (block, decoded) in values.chunks(INT8_BLOCK).zip(out.chunks(INT8_BLOCK)) {
                let most = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
                for (value, decoded) in block.iter().zip(decoded) {
                    let error = (value - decoded).abs();
                    prop_assert!(error <= bound(encoding, *value, most), "{:?}: {} became {}", encoding, value, decoded);
                }
            }
        }
    }

    #[test]
    fn should_decode_units_one_by_one(values in prop::collection::vec(-1.0_f32..1.0, 1..700)) {
        for encoding in ALL {
            let bytes = encode(encoding, &values).unwrap();
            let (numbers, size) = unit(encoding);
            let mut out = vec![f32::NAN; values.len()];
            for (out, bytes) in out.chunks_mut(numbers).zip(bytes.chunks(size)) {
                decode(encoding, bytes, out).unwrap();
            }
            prop_assert_eq!(out, round_trip(encoding, &values));
        }
    }

    #[test]
    fn should_answer_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600), numbers in 0_usize..300) {
        for encoding in ALL {
            let mut out = vec![0.0; numbers];
            if decode(encoding, &bytes, &mut out).is_ok() {
                prop_assert!(out.iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn should_encode_to_these_bytes() {
    assert_eq!(encode(UpdateEncoding::F32, &[1.0]), Ok(vec![0, 0, 128, 63]));
    assert_eq!(encode(UpdateEncoding::F16, &[1.0, -2.0]), Ok(vec![0, 60, 0, 192]));
    // The scale is 1/64; 127/64 is the greatest.
    let encoded = encode(UpdateEncoding::Int8, &[127.0 / 64.0, -1.0, 0.0, 0.5]).unwrap();
    assert_eq!(encoded, [0, 0, 128, 60, 127, 192, 0, 32]);
    assert_eq!(encode(UpdateEncoding::Int8, &[0.0, -0.0]), Ok(vec![0; 6]));
    assert_eq!(encoded_len(UpdateEncoding::Int8, 1000), 1000 + 4 * 4);
}

#[test]
fn should_carry_the_extremes() {
    let extremes = [f32::MAX, -f32::MAX, f32::MIN_POSITIVE, 1e-45, 0.0];
    assert_eq!(round_trip(UpdateEncoding::F32, &extremes), extremes);
    assert!(
        round_trip(UpdateEncoding::Int8, &extremes)
            .iter()
            .all(|value| value.is_finite())
    );
    assert_eq!(round_trip(UpdateEncoding::Int8, &[1e-45, -1e-45]), [0.0, 0.0]);
    assert_eq!(round_trip(UpdateEncoding::F16, &[65_504.0]), [65_504.0]);
}

#[test]
fn should_refuse_what_no_encoder_wrote() {
    let mut out = [0.0; 2];
    let block = |scale: f32, steps: [u8; 2]| [scale.to_le_bytes().as_slice(), &steps].concat();
    let not_canonical = Err(EncodingError::NotCanonical { index: 0 });
    let cases = [
        (
            UpdateEncoding::F32,
            vec![0; 7],
            Err(EncodingError::Length { found: 7, expected: 8 }),
        ),
        (
            UpdateEncoding::F16,
            vec![0, 0, 0, 0x7C],
            Err(EncodingError::NotFinite { index: 1 }),
        ),
        (
            UpdateEncoding::F32,
            f32::NAN.to_le_bytes().repeat(2),
            Err(EncodingError::NotFinite { index: 0 }),
        ),
        (
            UpdateEncoding::Int8,
            block(f32::INFINITY, [0, 0]),
            not_canonical.clone(),
        ),
        (UpdateEncoding::Int8, block(f32::NAN, [0, 0]), not_canonical.clone()),
        (UpdateEncoding::Int8, block(-1.0, [0, 0]), not_canonical.clone()),
        (UpdateEncoding::Int8, block(1.0, [0, 128]), not_canonical),
        (
            UpdateEncoding::Int8,
            block(f32::MAX, [1, 2]),
            Err(EncodingError::NotFinite { index: 1 }),
        ),
        (UpdateEncoding::Int8, block(0.5, [2, 255]), Ok(())),
    ];
    for (encoding, bytes, expected) in cases {
        assert_eq!(decode(encoding, &bytes, &mut out), expected, "{bytes:?}");
    }
    assert_eq!(out.map(f32::to_bits), [1.0_f32, -0.5].map(f32::to_bits));
    assert_eq!(
        encode(UpdateEncoding::F16, &[65_520.0]),
        Err(EncodingError::NotFinite { index: 0 })
    );
    for encoding in ALL {
        assert_eq!(
            encode(encoding, &[0.0, f32::NAN]),
            Err(EncodingError::NotFinite { index: 1 })
        );
    }
}
