use ddsx_nn::spec::{Limits, ModelSpec};

use super::*;

fn plan(inputs: u32, output: &str) -> Plan {
    let outputs: OutputKind = serde_json::from_str(output).unwrap();
    let spec = format!(
        r#"{{"input_shape":[{inputs}],"layers":[{{"name":"fc","layer":{{"Linear":{{"inputs":{inputs},"outputs":{},"bias":true}}}}}}],"output":{output}}}"#,
        outputs.width()
    );
    let spec: ModelSpec = serde_json::from_str(&spec).unwrap();
    Plan::new(&spec, &Limits::default()).unwrap()
}

fn classes() -> Plan {
    plan(2, r#"{"Classes":3}"#)
}

fn table(kind: Rows, text: &str, header: Header) -> Result<Table, DataError> {
    let mut table = Table::default();
    table.extend(kind, text.as_bytes(), header)?;
    Ok(table)
}

fn samples(kind: Rows, text: &str, columns: &Columns) -> Result<Dataset, DataError> {
    let data = table(kind, text, columns.header)?.samples(&classes(), columns)?;
    check(&data, &classes())?;
    Ok(data)
}

fn expected() -> Dataset {
    Dataset {
        width: 2,
        inputs: vec![1.0, 2.5, -3.0, 4.0],
        labels: Labels::Classes(vec![0, 2]),
    }
}

#[test]
fn should_read_the_same_samples_however_they_are_written() {
    let named = |labels: &[&str], inputs: &[&str]| Columns {
        labels: labels.iter().map(ToString::to_string).collect(),
        inputs: inputs.iter().map(ToString::to_string).collect(),
        ..Columns::default()
    };
    for (kind, text, columns) in [
        (Rows::Csv, "1,2.5,0\n-3,4,2\n", Columns::default()),
        (Rows::Csv, "a, b, class\n1, 2.5, 0\n-3, 4, 2", Columns::default()),
        (Rows::Csv, "class,a,b\n0,1,2.5\n2,-3,4\n", Columns::default()),
        (Rows::Csv, "kind,a,b\n0,1,2.5\n2,-3,4\n", named(&["kind"], &[])),
        (Rows::Csv, "0,1,2.5\n2,-3,4\n", named(&["1"], &[])),
        (
            Rows::Csv,
            "b,x,a,kind\n2.5,9,1,0\n4,9,-3,2\n",
            named(&["kind"], &["a", "b"]),
        ),
        (Rows::Json, "[1,2.5,0]\n[-3,4,2]\n", Columns::default()),
        (Rows::Json, "[[1,2.5,0],[-3,4,2]]", Columns::default()),
        (
            Rows::Json,
            r#"{"inputs":[1,2.5],"label":0} {"label":2,"inputs":[-3,4]}"#,
            Columns::default(),
        ),
        (
            Rows::Json,
            r#"[{"a":1,"b":2.5,"y":0},{"y":2,"b":4,"a":-3}]"#,
            Columns::default(),
        ),
        (
            Rows::Json,
            r#"{"z":1,"a":2.5,"k":0}{"z":-3,"a":4,"k":2}"#,
            named(&["k"], &["z", "a"]),
        ),
    ] {
        assert_eq!(samples(kind, text, &columns).unwrap(), expected(), "{text}");
    }
}

#[test]
fn should_divide_inputs_by_the_scale_and_not_the_labels() {
    let columns = Columns {
        scale: Some(2.0),
        ..Columns::default()
    };
    let data = samples(Rows::Csv, "1,2.5,0\n-3,4,2\n", &columns).unwrap();
    assert_eq!(data.inputs, [0.5, 1.25, -1.5, 2.0]);
    assert_eq!(data.labels, expected().labels);
}

#[test]
fn should_take_the_last_columns_as_targets() {
    let plan = plan(1, r#"{"Regression":2}"#);
    let data = table(Rows::Csv, "1,2,3\n4,5,6\n", Header::No).unwrap();
    let data = data.samples(&plan, &Columns::default()).unwrap();
    assert_eq!((data.width, data.inputs), (1, vec![1.0, 4.0]));
    assert_eq!(data.labels, Labels::Values(vec![2.0, 3.0, 5.0, 6.0]));
}

#[test]
fn should_say_what_is_wrong_with_data() {
    let labelled = |name: &str| Columns {
        labels: vec![name.into()],
        ..Columns::default()
    };
    for (kind, text, columns, words) in [
        (Rows::Csv, "", Columns::default(), "no samples"),
        (Rows::Csv, "a,b,c\n", Columns::default(), "no samples"),
        (
            Rows::Csv,
            "1,2,0\n1,x,0\n",
            Columns::default(),
            "record 2: \"x\" is no number",
        ),
        (
            Rows::Csv,
            "1,2,0\n1,0\n",
            Columns::default(),
            "record 2: 2 numbers, the others have 3",
        ),
        (Rows::Csv, "1,2,0\n1,2,3\n", Columns::default(), "sample 2: class 3"),
        (Rows::Csv, "1,2,0.5\n", Columns::default(), "sample 1: 0.5 is no class"),
        (
            Rows::Csv,
            "1,2,3,0\n",
            Columns::default(),
            "3 inputs a sample, the model has 2",
        ),
        (Rows::Csv, "a,b,c\n1,2,0\n", labelled("d"), "no column \"d\""),
        (Rows::Csv, "1,2,0\n", labelled("4"), "no column \"4\""),
        (
            Rows::Csv,
            "1,inf,0\n",
            Columns::default(),
            "record 1: an input is not finite",
        ),
        (Rows::Json, "{", Columns::default(), "not JSON"),
        (Rows::Json, "7", Columns::default(), "neither a list nor an object"),
        (Rows::Json, r#"{"a":"x"}"#, Columns::default(), "is no number"),
        (
            Rows::Json,
            r#"{"a":1,"b":1,"y":0}{"a":1,"c":1,"y":0}"#,
            Columns::default(),
            "columns are not",
        ),
    ] {
        let error = samples(kind, text, &columns).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn should_read_back_the_evaluation_set_that_it_writes() {
    let plan = classes();
    let file = tensors::write(&expected(), &plan).unwrap();
    assert_eq!(tensors::read(&file, &plan).unwrap(), expected());
    assert_eq!(tensors::read_inputs(&file, &plan).unwrap(), expected().inputs);
    assert_eq!(
        file,
        tensors::write(&expected(), &plan).unwrap(),
        "always the same bytes"
    );
    let other = plan_of_targets();
    assert!(matches!(tensors::read(&file, &other), Err(DataError::Malformed(_))));
    assert!(matches!(tensors::write(&expected(), &other), Err(DataError::Kind(_))));
}

fn plan_of_targets() -> Plan {
    plan(2, r#"{"Regression":1}"#)
}

#[test]
fn should_tell_the_format_by_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let csv = "1,2.5,0\n-3,4,2\n";
    std::fs::write(path("a.csv"), csv).unwrap();
    std::fs::write(path("a.JSONL"), "[1,2.5,0]\n[-3,4,2]").unwrap();
    std::fs::write(path("a.safetensors"), tensors::write(&expected(), &classes()).unwrap()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, csv.as_bytes()).unwrap();
    std::fs::write(path("a.csv.gz"), gzip.finish().unwrap()).unwrap();
    for name in ["a.csv", "a.JSONL", "a.safetensors", "a.csv.gz"] {
        assert_eq!(
            read(&path(name), &classes(), &Columns::default()).unwrap(),
            expected(),
            "{name}"
        );
        let inputs = read_inputs(&path(name), &classes(), &Columns::default()).unwrap();
        assert_eq!(inputs, expected().inputs, "{name}");
    }
    assert!(matches!(
        read(&path("a.txt"), &classes(), &Columns::default()),
        Err(DataError::Format(_))
    ));
    assert!(matches!(
        read(&path("b.csv"), &classes(), &Columns::default()),
        Err(DataError::File { .. })
    ));
}
