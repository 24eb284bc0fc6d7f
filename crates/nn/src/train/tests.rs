use proptest::prelude::*;
use serde::Deserialize;

use super::data::DataError;
use super::*;
use crate::spec::{Limits, ModelSpec};

fn digits() -> Dataset {
    Dataset::digits(include_bytes!("../../../../data/uci-digits.csv.gz")).unwrap()
}

fn plan(spec: &str) -> Plan {
    let spec: ModelSpec = serde_json::from_str(spec).unwrap();
    Plan::new(&spec, &Limits::default()).unwrap()
}

fn mlp() -> Plan {
    plan(
        r#"{"input_shape":[64],"layers":[
            {"name":"fc1","layer":{"Linear":{"inputs":64,"outputs":32,"bias":true}}},
            {"name":"relu","layer":"Relu"},
            {"name":"fc2","layer":{"Linear":{"inputs":32,"outputs":10,"bias":true}}}],"output":{"Classes":10}}"#,
    )
}

#[derive(Deserialize)]
struct Steps {
    name: String,
    spec: ModelSpec,
    start: Vec<f32>,
    inputs: Vec<f32>,
    classes: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    learning_rate: f32,
    momentum: f32,
    proximal_mu: f32,
    class_weight: ClassWeight,
    epochs: u32,
    expected: Vec<f32>,
}

#[test]
fn should_train_as_pytorch_does() {
    let cases: Vec<Steps> = serde_json::from_str(include_str!("../../tests/vectors/sgd.json")).unwrap();
    assert_eq!(cases.len(), 4);
    compare(cases);
}

#[test]
fn should_normalise_by_the_batch_as_pytorch_does_in_training() {
    let cases: Vec<Steps> = serde_json::from_str(include_str!("../../tests/vectors/batch_norm.json")).unwrap();
    assert_eq!(cases.len(), 2);
    compare(cases);
}

/// Trains each case, running statistics counted, and compares every number.
fn compare(cases: Vec<Steps>) {
    for case in cases {
        let plan = Plan::new(&case.spec, &Limits::default()).unwrap();
        let labels = match (case.classes, case.values) {
            (Some(classes), _) => Labels::Classes(classes),
            (_, values) => Labels::Values(values.unwrap()),
        };
        let data = Dataset {
            width: plan.input_len(),
            inputs: case.inputs,
            labels,
        };
        let settings = Settings {
            learning_rate: case.learning_rate,
            momentum: case.momentum,
            batch: data.len(),
            epochs: case.epochs,
            proximal_mu: case.proximal_mu,
            class_weight: case.class_weight,
            seed: 3,
        };
        let trained = train(&plan, &case.start, &data, &settings, &Device::flex(), |_| ()).unwrap();
        assert_eq!(trained.len(), case.expected.len(), "{}", case.name);
        for (found, expected) in trained.iter().zip(&case.expected) {
            assert!(
                (found - expected).abs() <= 1e-4,
                "{}: {found} instead of {expected}",
                case.name
            );
        }
    }
}

#[test]
fn should_learn_the_digits_and_the_same_ones_from_the_same_seed() {
    let (training, test) = digits().stratified_split(0.2, 0).unwrap();
    let plan = mlp();
    let start = weights::init(&plan, [0; 32]);
    let settings = Settings {
        epochs: 8,
        ..Settings::default()
    };
    let device = Device::flex();
    let mut losses = Vec::new();
    let trained = train(&plan, &start, &training, &settings, &device, |progress| {
        losses.push(progress.loss);
    })
    .unwrap();
    assert_eq!(losses.len(), 8);
    assert!(losses[7] < losses[0] / 4.0, "{losses:?}");
    let evaluation = evaluate(&plan, &trained, &test, 100, &device).unwrap();
    assert_eq!(evaluation.samples, test.len() as u64);
    assert!(evaluation.accuracy().unwrap() > 0.94, "{evaluation:?}");
    let again = train(&plan, &start, &training, &settings, &device, |_| ()).unwrap();
    assert_eq!(trained, again);
    let other = Settings { seed: 1, ..settings };
    assert_ne!(
        trained,
        train(&plan, &start, &training, &other, &device, |_| ()).unwrap()
    );
}

fn normed() -> Plan {
    plan(
        r#"{"input_shape":[3],"layers":[{"name":"bn","layer":{"BatchNorm":{"features":3,"epsilon":1e-5}}},
            {"name":"drop","layer":{"Dropout":{"probability":0.2}}},
            {"name":"fc","layer":{"Linear":{"inputs":3,"outputs":2,"bias":true}}}],"output":{"Classes":2}}"#,
    )
}

#[test]
fn should_move_the_statistics_of_batch_norms_towards_the_data() {
    let plan = normed();
    let start = weights::init(&plan, [1; 32]);
    let data = Dataset {
        width: 3,
        inputs: vec![5.0, -1.0, 2.0, 0.5, 0.0, 1.0],
        labels: Labels::Classes(vec![0, 1]),
    };
    let settings = Settings {
        epochs: 400,
        ..Settings::default()
    };
    let trained = train(&plan, &start, &data, &settings, &Device::flex(), |_| ()).unwrap();
    // Mean and unbiased variance of the columns.
    for (name, expected) in [
        ("bn.running_mean", [2.75, -0.5, 1.5]),
        ("bn.running_var", [10.125, 0.5, 0.5]),
    ] {
        let parameter = plan.parameters.iter().find(|parameter| parameter.name == name).unwrap();
        for (found, expected) in trained[parameter.range()].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{name}: {found} instead of {expected}");
        }
    }
}

#[test]
fn should_leave_no_sample_alone_with_a_batch_norm() {
    let order: Vec<usize> = (0..5).collect();
    let cut = |size, fewest| batches(&order, size, fewest).map(<[usize]>::len).collect::<Vec<_>>();
    assert_eq!(cut(2, 1), [2, 2, 1]);
    assert_eq!(cut(2, 2), [2, 3]);
    assert_eq!(cut(3, 2), [3, 2]);
    assert_eq!(cut(9, 2), [5]);
    let plan = normed();
    let start = weights::init(&plan, [1; 32]);
    for (samples, batch) in [(1, 8), (3, 1)] {
        let data = Dataset {
            width: 3,
            inputs: vec![0.5; 3 * samples],
            labels: Labels::Classes(vec![0; samples]),
        };
        let settings = Settings {
            batch,
            ..Settings::default()
        };
        let trained = train(&plan, &start, &data, &settings, &Device::flex(), |_| ());
        assert_eq!(trained, Err(TrainError::OneOfABatch));
    }
}

#[test]
fn should_stay_nearer_to_the_global_model_with_a_proximal_term() {
    let (training, _) = digits().stratified_split(0.9, 0).unwrap();
    let plan = mlp();
    let start = weights::init(&plan, [0; 32]);
    let distance = |proximal_mu| {
        let settings = Settings {
            epochs: 5,
            proximal_mu,
            ..Settings::default()
        };
        let trained = train(&plan, &start, &training, &settings, &Device::flex(), |_| ()).unwrap();
        crate::kernels::reduce::squared_distance(0.0, &trained, &start).sqrt()
    };
    let (free, held) = (distance(0.0), distance(1.0));
    assert!(held < 0.7 * free, "{held} and {free}");
}

#[test]
fn should_say_why_it_cannot_train() {
    let plan = mlp();
    let start = vec![0.0; plan.len];
    let data = digits().select(&[0, 1, 2]);
    let run = |start: &[f32], data: &Dataset, settings: &Settings| {
        train(&plan, start, data, settings, &Device::flex(), |_| ()).unwrap_err()
    };
    let good = Settings::default();
    let settings = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    };
    assert_eq!(
        run(&start, &data, &settings(|s| s.batch = 0)),
        TrainError::Setting("batch")
    );
    assert_eq!(
        run(&start, &data, &settings(|s| s.momentum = 1.0)),
        TrainError::Setting("momentum")
    );
    assert_eq!(
        run(&start, &data, &settings(|s| s.learning_rate = f32::NAN)),
        TrainError::Setting("learning_rate")
    );
    let mut values = data.clone();
    values.labels = Labels::Values(vec![0.0; 3]);
    assert_eq!(
        run(&start, &values, &settings(|s| s.class_weight = ClassWeight::Balanced)),
        TrainError::Setting("class_weight")
    );
    assert_eq!(run(&start, &data.select(&[]), &good), TrainError::NoSamples);
    assert!(matches!(run(&start[1..], &data, &good), TrainError::Weights(_)));
    let mut wrong = data.clone();
    wrong.labels = Labels::Classes(vec![0, 1, 10]);
    assert_eq!(
        run(&start, &wrong, &good),
        TrainError::Labels(EvaluationError::UnknownClass(2))
    );
    wrong.labels = Labels::Classes(vec![0]);
    assert!(matches!(
        run(&start, &wrong, &good),
        TrainError::Labels(EvaluationError::Length { .. })
    ));
    wrong.inputs.pop();
    assert!(matches!(
        run(&start, &wrong, &good),
        TrainError::Input(InputError::Length { .. })
    ));
    let wild = settings(|s| {
        s.learning_rate = 1e30;
        s.epochs = 3;
    });
    let random = weights::init(&plan, [0; 32]);
    assert!(matches!(run(&random, &data, &wild), TrainError::Diverged(_)));
}

#[test]
fn should_read_the_digits() {
    let digits = digits();
    assert_eq!((digits.len(), digits.width), (1797, 64));
    let Labels::Classes(classes) = &digits.labels else {
        panic!("digits are classes")
    };
    assert_eq!(classes[..5], [0, 1, 2, 3, 4]);
    assert_eq!(digits.inputs[2].to_bits(), (5.0_f32 / 16.0).to_bits());
    assert!(digits.inputs.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
}

#[test]
fn should_refuse_rows_that_do_not_fit() {
    for (text, row) in [
        ("1,2,0\n1,0\n", 2),
        ("1\n", 1),
        ("1,x,0\n", 1),
        ("1,2,0.5\n", 1),
        ("nan,1,0\n", 1),
    ] {
        match Dataset::from_csv(text.as_bytes(), 1.0) {
            Err(DataError::Row { row: found, .. }) => assert_eq!(found, row, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert!(Dataset::from_csv(&b""[..], 1.0).unwrap().is_empty());
    assert!(matches!(
        Dataset::from_csv(&b"1,1\n"[..], 0.0),
        Err(DataError::OutOfRange(_))
    ));
}

/// How many samples of each class.
fn counts(data: &Dataset) -> [usize; 10] {
    let Labels::Classes(classes) = &data.labels else {
        panic!("digits are classes")
    };
    let mut counts = [0; 10];
    for class in classes {
        counts[*class as usize] += 1;
    }
    counts
}

#[test]
fn should_split_every_class_alike() {
    let digits = digits();
    let (training, test) = digits.stratified_split(0.2, 4).unwrap();
    assert_eq!(training.len() + test.len(), 1797);
    for (all, part) in counts(&digits).into_iter().zip(counts(&test)) {
        #[allow(clippy::cast_precision_loss)]
        let expected = all as f64 * 0.2;
        #[allow(clippy::cast_precision_loss)]
        let part = part as f64;
        assert!((part - expected).abs() <= 0.5);
    }
    assert_eq!(digits.stratified_split(0.2, 4).unwrap().1, test);
    assert_ne!(digits.stratified_split(0.2, 5).unwrap().1, test);
    assert!(matches!(digits.stratified_split(1.5, 0), Err(DataError::OutOfRange(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn should_give_every_sample_to_one_client(clients in 1_usize..12, alpha in 0.3_f64..5.0, seed: u64) {
        let digits = digits();
        let parts = digits.dirichlet(clients, alpha, 1, seed).unwrap();
        prop_assert_eq!(parts.len(), clients);
        let mut sum = [0; 10];
        for part in &parts {
            for (sum, count) in sum.iter_mut().zip(counts(part)) {
                *sum += count;
            }
        }
        prop_assert_eq!(sum, counts(&digits));
    }
}

#[test]
fn should_divide_the_more_skewed_the_smaller_alpha_is() {
    let digits = digits();
    // Mean over clients of the greatest class's part.
    let skew = |alpha| {
        let parts = digits.dirichlet(10, alpha, 5, 1).unwrap();
        #[allow(clippy::cast_precision_loss)]
        let greatest = |part: &Dataset| *counts(part).iter().max().unwrap() as f64 / part.len() as f64;
        parts.iter().map(greatest).sum::<f64>() / 10.0
    };
    let (strong, weak) = (skew(0.5), skew(100.0));
    assert!(strong > 0.25 && weak < 0.15, "{strong} {weak}");
    assert!(matches!(digits.dirichlet(0, 1.0, 0, 0), Err(DataError::OutOfRange(_))));
    assert!(matches!(digits.dirichlet(2, 0.0, 0, 0), Err(DataError::OutOfRange(_))));
    assert!(matches!(
        digits.dirichlet(2, 1.0, 900, 0),
        Err(DataError::TooFewSamples(900))
    ));
}
