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
    table.extend(kind, text, header, None)?;
    Ok(table)
}

fn samples(kind: Rows, text: &str, columns: &Columns) -> Result<Dataset, DataError> {
    let (data, _) = table(kind, text, columns.header)?.samples(&classes(), columns)?;
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
        (Rows::Csv, "a;b;Class\r\n1;2.5;0\r\n-3;4;2\r\n", Columns::default()),
        (Rows::Csv, "\n1\t2.5\t0\n-3\t4\t2", Columns::default()),
        (Rows::Csv, "0,1,2\n1,2.5,0\n-3,4,2", Columns::default()),
        (Rows::Csv, "1,2,3\n1,2.5,0\n-3,4,2", Columns::default()),
        (Rows::Csv, ",0,label\n1,2.5,0\n-3,4,2", Columns::default()),
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
        (
            Rows::Json,
            r#"{"z":1,"a":2.5,"k":0}{"k":2,"a":4,"z":-3}"#,
            named(&["3"], &[]),
        ),
        (
            Rows::Json,
            "{\"p2\":1,\"p10\":2.5,\"Label\":0}\r\n{\"Label\":2,\"p10\":4,\"p2\":-3}\r\n",
            Columns::default(),
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
    let (data, remarks) = data.samples(&plan, &Columns::default()).unwrap();
    assert_eq!(remarks, ["the targets are column 2, column 3; inputs are column 1"]);
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
            "line 2 (record 2), column 2: \"x\" is no number",
        ),
        (
            Rows::Csv,
            "1,2,0\n1,0\n",
            Columns::default(),
            "line 2 (record 2): 2 numbers, the others have 3",
        ),
        (
            Rows::Csv,
            "1,2,0\n1,2,3\n",
            Columns::default(),
            "line 2 (record 2), column 3: class 3",
        ),
        (Rows::Csv, "1,2,0.5\n", Columns::default(), "column 3: 0.5 is no class"),
        (
            Rows::Csv,
            "1,2,3,0\n",
            Columns::default(),
            "3 inputs a sample, the model has 2",
        ),
        (
            Rows::Csv,
            "a,b,c\n1,2,0\n",
            labelled("d"),
            "no column \"d\"; there are column 1 (\"a\")",
        ),
        (Rows::Csv, "1,2,0\n", labelled("4"), "no column \"4\""),
        (
            Rows::Csv,
            "a,b,y\n1,2,0\n1,inf,0\n",
            Columns::default(),
            "line 3 (record 2), column 2 (\"b\"): infinite",
        ),
        (
            Rows::Csv,
            "1,nan,2\n",
            Columns::default(),
            "line 1 (record 1), column 2: not a number",
        ),
        (
            Rows::Csv,
            "1,1e39,2\n",
            Columns::default(),
            "column 2: infinite, or too large",
        ),
        (
            Rows::Csv,
            "1,,0\n",
            Columns::default(),
            "line 1 is neither a heading nor a record: column 2 is empty",
        ),
        (
            Rows::Csv,
            "1,5;2,5;0\n",
            Columns::default(),
            "line 1 has both commas and semicolons",
        ),
        (
            Rows::Csv,
            "1;2;0\n1,5;2;0\n",
            Columns::default(),
            "line 2 (record 2), column 1: \"1,5\" is no number; write",
        ),
        (
            Rows::Csv,
            "1 2 0\n1 2 0\n",
            Columns::default(),
            "put commas, semicolons or tabs between",
        ),
        (
            Rows::Csv,
            "0,1\n",
            Columns::default(),
            "line 1 (0, 1) may be a heading or a record; say which",
        ),
        (
            Rows::Csv,
            "400,401,402,403\n1,2,3,0",
            Columns::default(),
            "counts from 400 to 403",
        ),
        (Rows::Csv, "0,1,2\n", Columns::default(), "may be a heading or a record"),
        (
            Rows::Csv,
            "a,b,c\n1,2,0\n",
            Columns::default(),
            "no column is called label",
        ),
        (
            Rows::Csv,
            "Label,LABEL,a\n1,2,0\n",
            Columns::default(),
            "several columns are called \"label\"",
        ),
        (
            Rows::Csv,
            "a,a,b\n1,2,0\n",
            labelled("a"),
            "several columns are called \"a\"",
        ),
        (Rows::Json, "{", Columns::default(), "not JSON"),
        (Rows::Json, "7", Columns::default(), "neither a list nor an object"),
        (Rows::Json, r#"{"a":"x"}"#, Columns::default(), "is no number"),
        (
            Rows::Json,
            r#"{"a":1,"b":1,"y":0}{"a":1,"c":1,"y":0}"#,
            Columns::default(),
            "line 1 (record 2): its fields are not",
        ),
        (
            Rows::Json,
            "{\"a\":1,\"y\":0}\n\n{\"a\":1,\"y\":}",
            Columns::default(),
            "line 3, column 12: not JSON",
        ),
        (
            Rows::Json,
            "[1,2,0]\n[1,1e39,0]",
            Columns::default(),
            "line 2 (record 2), column 2: infinite",
        ),
        (
            Rows::Json,
            r#"[{"a":1,"b":1,"y":0},{"a":1,"b":null,"y":0}]"#,
            Columns::default(),
            "record 2: field \"b\": null",
        ),
        (
            Rows::Json,
            r#"{"a":1,"a":1,"y":0}"#,
            Columns::default(),
            "two fields make the column \"a\"",
        ),
        (
            Rows::Json,
            r#"{"a":{"b":1}}"#,
            Columns::default(),
            "field \"a\" is an object",
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
            read(&path(name), &classes(), &Columns::default()).unwrap().data,
            expected(),
            "{name}"
        );
        let inputs = read_inputs(&path(name), &classes(), &Columns::default()).unwrap();
        assert_eq!(inputs.data, expected().inputs, "{name}");
    }
    assert!(matches!(
        read(&path("a.txt"), &classes(), &Columns::default()),
        Err(DataError::Format(_))
    ));
    assert!(matches!(
        read(&path("b.csv"), &classes(), &Columns::default()),
        Err(DataError::Input(InputError::File { .. }))
    ));
}

/// A file that a person had.
fn case(name: &str) -> std::path::PathBuf {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/data/cases")).join(name)
}

fn digits(name: &str) -> FromFile<Dataset> {
    read(&case(name), &plan(64, r#"{"Classes":10}"#), &Columns::default()).unwrap()
}

fn labelled(name: &str) -> Columns {
    Columns {
        labels: vec![name.into()],
        ..Columns::default()
    }
}

#[test]
fn should_take_the_same_digits_from_every_file_that_has_them() {
    let expected = digits("field-order/digits.csv");
    assert_eq!(expected.data.len(), 20);
    for (name, said) in [
        (
            "field-order/digits.csv",
            "the label is column 65 (\"label\"); inputs are 64 columns, column 1 (\"p0\") to column 64 (\"p63\")",
        ),
        (
            "field-order/digits.jsonl",
            "the label is column 65 (\"label\"); inputs are 64 columns, column 1 (\"p0\") to column 64 (\"p63\")",
        ),
        ("heading-names/capital-first.csv", "the label is column 1 (\"Label\")"),
        ("heading-names/lower-first.csv", "the label is column 1 (\"label\")"),
        ("numeric-heading/digits.csv", "line 1, 0 to 64, was taken as a heading"),
        ("numeric-heading/digits.csv", "the label is column 65 (\"64\")"),
    ] {
        let read = digits(name);
        assert_eq!(read.data, expected.data, "{name}");
        assert!(
            read.remarks
                .iter()
                .any(|remark| remark.contains(said) && remark.contains(name)),
            "{said}: {:?}",
            read.remarks
        );
        let inputs = read_inputs(&case(name), &plan(64, r#"{"Classes":10}"#), &Columns::default()).unwrap();
        assert_eq!(
            inputs.data, expected.data.inputs,
            "{name}: what is predicted on is what was trained on"
        );
    }
    let regression = read(
        &case("numeric-heading/reg.csv"),
        &plan(4, r#"{"Regression":3}"#),
        &Columns::default(),
    );
    assert_eq!(regression.unwrap().data.len(), 2);
}

#[test]
fn should_take_the_column_of_the_very_name_before_all_others() {
    let four = plan(4, r#"{"Classes":3}"#);
    let taken = |name: &str, columns: &Columns| read(&case(name), &four, columns).map(|read| read.data);
    let named = |inputs: &str| Columns {
        inputs: inputs.split(',').map(ToString::to_string).collect(),
        ..Columns::default()
    };
    let data = taken("columns/dot.csv", &named("x,x.1,y,z")).unwrap();
    assert_eq!(
        (data.inputs, data.labels),
        (vec![1.0, 2.0, 3.0, 4.0], Labels::Classes(vec![0]))
    );
    let data = taken("columns/dotlabel.csv", &named("a,b,c,d")).unwrap();
    assert_eq!(
        (data.inputs, data.labels),
        (vec![1.0, 0.0, 0.0, 0.0], Labels::Classes(vec![0]))
    );
    // Without --columns the other label would be a fifth input.
    let error = taken("columns/dotlabel.csv", &Columns::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("5 inputs a sample, the model has 4; name the columns"),
        "{error}"
    );
    for label in ["1", "label", "LABEL"] {
        let data = taken("columns/first.csv", &labelled(label)).unwrap();
        let expected = (vec![1.0, 0.0, 0.0, 0.0], Labels::Classes(vec![1]));
        assert_eq!((data.inputs, data.labels), expected, "{label}");
    }
    let data = taken(
        "columns/dotlabel.csv",
        &Columns {
            labels: vec!["label.1".into()],
            ..named("a,b,c,d")
        },
    )
    .unwrap();
    assert_eq!(data.labels, Labels::Classes(vec![2]));
}

#[test]
fn should_compare_the_shapes_of_tensors_and_not_their_lengths() {
    let three = plan(4, r#"{"Regression":3}"#);
    let taken = |name: &str| read(&case(name), &three, &Columns::default()).map(|read| read.data.len());
    assert_eq!(taken("target-shape/good.safetensors").unwrap(), 2);
    for (name, shape) in [
        ("transposed", "[3, 2], [2, 3] is expected"),
        ("seven", "[7], [2, 3] is expected"),
    ] {
        let error = taken(&format!("target-shape/{name}.safetensors"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(shape) && error.contains(name) && error.contains("targets"),
            "{error}"
        );
    }
    let image = |shape: &[usize]| {
        let spec = r#"{"input_shape":[2,3,4],"layers":[{"name":"f","layer":"Flatten"},{"name":"fc","layer":{"Linear":{"inputs":24,"outputs":3,"bias":true}}}],"output":{"Classes":3}}"#;
        let spec: ModelSpec = serde_json::from_str(spec).unwrap();
        let plan = Plan::new(&spec, &Limits::default()).unwrap();
        let bytes = vec![0; shape.iter().product::<usize>() * 4];
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), &bytes).unwrap();
        let file = safetensors::serialize([("inputs", view)], None).unwrap();
        tensors::read_inputs(&file, &plan).map(|inputs| inputs.len())
    };
    for good in [&[5, 2, 3, 4][..], &[5, 24], &[1, 2, 3, 4]] {
        assert_eq!(image(good).unwrap(), good.iter().product::<usize>(), "{good:?}");
    }
    // Channels last, as TensorFlow has them, would be other pixels.
    for bad in [&[5, 3, 4, 2][..], &[5, 6, 4], &[5, 23], &[24], &[0, 24]] {
        image(bad).unwrap_err();
    }
}

#[test]
fn should_name_the_place_of_what_a_model_cannot_take() {
    let words = |text: &str| {
        let spec = r#"{"input_shape":[2],"layers":[{"name":"e","layer":{"Embedding":{"count":5,"dimension":2}}},{"name":"f","layer":"Flatten"},{"name":"fc","layer":{"Linear":{"inputs":4,"outputs":3,"bias":true}}}],"output":{"Classes":3}}"#;
        let spec: ModelSpec = serde_json::from_str(spec).unwrap();
        let plan = Plan::new(&spec, &Limits::default()).unwrap();
        table(Rows::Csv, text, Header::Auto)
            .unwrap()
            .samples(&plan, &Columns::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        words("1,2,0\n1,5,0\n"),
        "line 2 (record 2), column 2: 5 is no whole number below 5"
    );
    let error = check_samples(&classes(), &[1.0, 2.0, 3.0, f32::NAN])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sample 2, number 2 of its inputs: not a number"),
        "{error}"
    );
}

#[test]
fn should_leave_labels_out_of_what_is_predicted_on() {
    let inputs = |text: &str, columns: &Columns| {
        let table = table(Rows::Csv, text, Header::Auto).unwrap();
        table.inputs(&classes(), columns).map(|(inputs, _)| inputs)
    };
    for (text, columns) in [
        ("1.0,2.0\n", Columns::default()),
        ("1,2,0\n", Columns::default()),
        ("Label,a,b\n0,1,2\n", Columns::default()),
        ("x,y\n1,2\n", Columns::default()),
        ("x,y,kind\n1,2,0\n", labelled("kind")),
    ] {
        assert_eq!(inputs(text, &columns).unwrap(), [1.0, 2.0], "{text}");
    }
    for text in ["label,a\n1,2\n", "x,z,kind\n1,2,0\n"] {
        assert!(
            matches!(inputs(text, &Columns::default()), Err(DataError::Width { .. })),
            "{text}"
        );
    }
}

#[test]
fn should_read_the_chunks_of_a_stream_as_one_table() {
    let mut table = Table::default();
    for (chunk, text) in [(4, "0,1,2\n5,2,1\n"), (5, "0,1,2\n6,1,1\n"), (6, "1,2,0\n")] {
        table.extend(Rows::Csv, text, Header::Auto, Some(chunk)).unwrap();
    }
    let (data, remarks) = table.samples(&classes(), &Columns::default()).unwrap();
    assert_eq!(data.inputs, [5.0, 2.0, 6.0, 1.0, 1.0, 2.0]);
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    table
        .extend(Rows::Csv, "1,2,0\n1,nan,2\n", Header::Auto, Some(9))
        .unwrap();
    let error = table.samples(&classes(), &Columns::default()).unwrap_err().to_string();
    assert!(error.contains("chunk 9, line 2 (record 5), column 2"), "{error}");
    let other = table
        .extend(Rows::Csv, "a,b,c\n", Header::Auto, Some(10))
        .unwrap_err()
        .to_string();
    assert!(
        other.contains("chunk 10, line 1 (record 6): its columns are not"),
        "{other}"
    );
}

#[test]
fn should_read_tables_as_people_have_them_and_name_file_and_place_of_what_is_wrong() {
    let gzip = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let taken = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read(&path, &classes(), &Columns::default()).map(|read| read.data)
    };
    let windows = "\u{feff}Label;a;b\r\n0;1;2.5\r\n2;-3;4\r\n";
    let members = [gzip("[1,2.5,0]\n"), gzip("[-3,4,2]\n")].concat();
    for (name, bytes) in [
        ("excel.csv", windows.as_bytes()),
        ("excel.csv.gz", &gzip(windows)),
        ("unpacked.csv.gz", windows.as_bytes()),
        ("members.jsonl.gz", &members),
        ("tabs.tsv", b"1\t2.5\t0\n-3\t4\t2\n"),
    ] {
        assert_eq!(taken(name, bytes).unwrap(), expected(), "{name}");
    }
    let utf_16: Vec<u8> = "\u{feff}1,2,0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes, words) in [
        ("cut.jsonl.gz", &members[..members.len() - 6], "cut.jsonl.gz is cut off"),
        ("wide.csv", &utf_16, "wide.csv is written in UTF-16"),
        ("nul.csv", b"1,2,0\n1,\0,0\n", "nul.csv: line 2, column 3: a NUL byte"),
        (
            "latin.csv",
            b"a,b,\xe9\n",
            "latin.csv: line 1, column 5: byte 0xe9 is not UTF-8",
        ),
        (
            "nan.csv",
            b"1,nan,2\n",
            "nan.csv: line 1 (record 1), column 2: not a number",
        ),
    ] {
        let error = taken(name, bytes).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(!error.is_unreadable());
    }
}
