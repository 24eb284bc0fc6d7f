use super::*;

fn named(name: &str, layer: Layer) -> NamedLayer {
    NamedLayer {
        name: name.into(),
        layer,
    }
}

fn linear(name: &str, inputs: u32, outputs: u32) -> NamedLayer {
    named(
        name,
        Layer::Linear {
            inputs,
            outputs,
            bias: true,
        },
    )
}

fn square(side: u32) -> Pair {
    Pair {
        height: side,
        width: side,
    }
}

fn conv(name: &str, in_channels: u32, out_channels: u32, kernel: u32) -> NamedLayer {
    named(
        name,
        Layer::Conv2d {
            in_channels,
            out_channels,
            kernel: square(kernel),
            stride: square(1),
            padding: square(0),
            dilation: square(1),
            groups: 1,
            bias: true,
        },
    )
}

fn spec(input: &[u32], layers: Vec<NamedLayer>, classes: u32) -> ModelSpec {
    ModelSpec {
        input_shape: input.to_vec(),
        layers,
        output: OutputKind::Classes(classes),
    }
}

fn plan(spec: &ModelSpec) -> Result<Plan, SpecError> {
    Plan::new(spec, &Limits::default())
}

#[test]
fn should_list_parameters_with_the_names_and_layouts_of_pytorch() {
    let pool = Layer::MaxPool2d {
        kernel: square(2),
        stride: square(2),
        padding: square(0),
    };
    let plan = plan(&spec(
        &[1, 8, 8],
        vec![
            conv("conv1", 1, 4, 3),
            named("relu1", Layer::Relu),
            named("pool1", pool),
            named("flatten", Layer::Flatten),
            linear("fc1", 36, 10),
        ],
        10,
    ))
    .unwrap();
    let listed: Vec<_> = plan
        .parameters
        .iter()
        .map(|parameter| (parameter.name.as_str(), parameter.shape.as_slice(), parameter.offset))
        .collect();
    let expected: [(&str, &[usize], usize); 4] = [
        ("conv1.weight", &[4, 1, 3, 3], 0),
        ("conv1.bias", &[4], 36),
        ("fc1.weight", &[10, 36], 40),
        ("fc1.bias", &[10], 400),
    ];
    assert_eq!(listed, expected);
    assert_eq!(plan.len, 410);
    // 4·6·6 outputs of 9 taps, 4·3·3 windows of 4, 36·10.
    assert_eq!(plan.multiply_adds, 1296 + 144 + 360);
    assert_eq!((plan.input_len(), plan.output_len()), (64, 10));
}

#[test]
fn should_name_what_is_inside_a_block_after_the_block() {
    let block = Layer::Residual {
        layers: vec![linear("fc1", 4, 8), named("act", Layer::Gelu), linear("fc2", 8, 4)],
        shortcut: vec![],
    };
    let plan = plan(&spec(&[4], vec![named("features.0", block)], 4)).unwrap();
    let names: Vec<_> = plan
        .parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "features.0.fc1.weight",
            "features.0.fc1.bias",
            "features.0.fc2.weight",
            "features.0.fc2.bias"
        ]
    );
}

/// A block inside a block, `depth` deep.
fn nested(depth: u32) -> NamedLayer {
    let layers = if depth == 1 {
        vec![named("relu", Layer::Relu)]
    } else {
        vec![nested(depth - 1)]
    };
    named(
        "block",
        Layer::Residual {
            layers,
            shortcut: vec![],
        },
    )
}

#[test]
fn should_say_what_is_wrong() {
    let mismatch = |layer: &str, expected: &str, found: &[u32]| SpecError::ShapeMismatch {
        layer: layer.into(),
        expected: expected.into(),
        found: found.to_vec(),
    };
    let cases = [
        (spec(&[4], vec![], 2), SpecError::NoLayers),
        (
            spec(&[4], vec![linear("fc", 5, 2)], 2),
            mismatch("fc", "a last axis of 5", &[4]),
        ),
        (spec(&[4], vec![linear("fc", 4, 2)], 3), mismatch("output", "[3]", &[2])),
        (
            spec(&[], vec![linear("fc", 4, 2)], 2),
            mismatch("input", "one to three axes", &[]),
        ),
        (
            spec(&[1, 2, 2], vec![conv("conv", 1, 1, 3)], 1),
            mismatch("conv", "an image as large as the window", &[1, 2, 2]),
        ),
        (
            spec(&[4], vec![linear("fc", 4, 4), linear("fc", 4, 4)], 4),
            SpecError::DuplicateName { name: "fc".into() },
        ),
        (
            spec(&[4], vec![linear("fc..1", 4, 4)], 4),
            SpecError::BadName { name: "fc..1".into() },
        ),
        (
            spec(&[4], vec![linear("fc", 4, 0)], 4),
            SpecError::BadSize {
                layer: "fc".into(),
                field: "outputs".into(),
                value: 0,
                limit: 1 << 24,
            },
        ),
        (
            spec(&[4], vec![named("drop", Layer::Dropout { probability: f32::NAN })], 4),
            SpecError::BadNumber {
                layer: "drop".into(),
                field: "probability".into(),
            },
        ),
        (
            spec(&[10_000], vec![linear("fc", 10_000, 10_000)], 10_000),
            SpecError::TooManyParameters {
                found: 100_000_000,
                limit: 50_000_000,
            },
        ),
        (
            spec(
                &[4],
                vec![
                    named("relu", Layer::Relu),
                    named("table", Layer::Embedding { count: 3, dimension: 2 }),
                ],
                4,
            ),
            SpecError::EmbeddingNotFirst { layer: "table".into() },
        ),
        (
            spec(&[4], vec![nested(5)], 4),
            SpecError::TooDeep {
                layer: "block.block.block.block.block".into(),
                limit: 4,
            },
        ),
        (
            spec(&[4], vec![named("relu", Layer::Relu); 257], 4),
            SpecError::TooManyLayers { found: 257, limit: 256 },
        ),
        (
            spec(&[4096], vec![linear("fc", 4096, 4096), linear("out", 4096, 4096)], 4096),
            SpecError::TooMuchWork {
                found: 2 * 4096 * 4096,
                limit: 1 << 24,
            },
        ),
    ];
    for (spec, expected) in cases {
        let mut limits = Limits::default();
        if matches!(expected, SpecError::TooMuchWork { .. }) {
            limits.multiply_adds = 1 << 24;
        }
        assert_eq!(Plan::new(&spec, &limits), Err(expected));
    }
}

#[test]
fn should_accept_every_size_up_to_the_limits_without_overflowing() {
    let huge = u32::MAX;
    let layers = [
        linear("fc", huge, huge),
        conv("conv", 1, 1 << 24, 1),
        named(
            "pool",
            Layer::AvgPool2d {
                kernel: square(1 << 24),
                stride: square(1),
                padding: square(1 << 23),
            },
        ),
        named(
            "table",
            Layer::Embedding {
                count: 1 << 24,
                dimension: 1 << 24,
            },
        ),
    ];
    for layer in layers {
        for input in [
            &[1_u32][..],
            &[1, 1000, 1000],
            &[huge, huge, huge],
            &[1 << 24, 1 << 24, 1 << 24],
        ] {
            assert!(plan(&spec(input, vec![layer.clone()], 1)).is_err());
        }
    }
}
