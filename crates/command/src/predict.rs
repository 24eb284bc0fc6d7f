//! `ddsx predict`: what a task's model makes of some inputs.

use std::path::Path;

use burn::tensor::Device;
use ddsx_client::{Aggregator, CallError};
use ddsx_nn::build::Network;
use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_nn::weights;
use ddsx_trainer::data::{self, Columns, DataError};
use ddsx_trainer::{Recipe, TrainerError};
use ddsx_types::federated_aggregator::{PredictArgs as Asked, TaskError, TaskInfo};
use serde_json::{Value, json};

use crate::args::PredictArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table;
use crate::task;

pub async fn run(context: &Context, args: PredictArgs) -> Result<(), Failure> {
    let aggregator = context.aggregator().await?;
    let info = task::info(&aggregator, args.task).await?;
    let plan = ddsx_trainer::plan(&info)?;
    let inputs = inputs(context, &info, &plan, &args)?;
    let (outputs, version) = if args.verified {
        here(context, &aggregator, &info, &plan, &inputs).await?
    } else {
        (there(&aggregator, &info, &plan, &inputs).await?, info.version)
    };
    let predictions: Vec<Prediction> = outputs
        .chunks_exact(plan.output_len())
        .map(|outputs| Prediction::of(&plan, outputs))
        .collect();
    let json = json!({
        "task": info.id,
        "version": version,
        "verified": args.verified,
        "predictions": predictions.iter().map(Prediction::json).collect::<Value>(),
    });
    context.output.result(&json, &text(&plan, &predictions))
}

/// Numbers, or a file of them.
fn inputs(context: &Context, info: &TaskInfo, plan: &Plan, args: &PredictArgs) -> Result<Vec<f32>, Failure> {
    let scale = Recipe::parse(&info.args.client_config).unwrap_or_default().scale;
    let columns = args.columns.columns(scale);
    let inputs = if let Some(numbers) = numbers(&args.input, &columns) {
        numbers
    } else {
        let read = data::read_inputs(Path::new(&args.input), plan, &columns)?;
        for remark in &read.remarks {
            context.output.remark(remark);
        }
        read.data
    };
    if inputs.is_empty() {
        return Err(DataError::Empty.into());
    }
    data::check_samples(plan, &inputs)?;
    Ok(inputs)
}

/// Numbers with commas or spaces between them; none if it is something else.
fn numbers(text: &str, columns: &Columns) -> Option<Vec<f32>> {
    let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
    let scale = columns.scale.unwrap_or(1.0);
    parts
        .map(|part| part.parse().ok().map(|number: f32| number / scale))
        .collect()
}

/// Asks the canister, in as many calls as it wants.
async fn there(aggregator: &Aggregator, info: &TaskInfo, plan: &Plan, inputs: &[f32]) -> Result<Vec<f32>, Failure> {
    /// Numbers that fit a message well.
    const AT_ONCE: usize = 400_000;
    let width = plan.input_len();
    let mut samples = (AT_ONCE / width).max(1);
    let (mut outputs, mut at) = (Vec::new(), 0);
    while at < inputs.len() {
        let end = inputs.len().min(at + samples * width);
        let asked = Asked {
            task: info.id,
            inputs: inputs[at..end].to_vec(),
        };
        match aggregator.predict(&asked).await {
            Ok(some) => {
                outputs.extend(some);
                at = end;
            }
            Err(CallError::Refused {
                error: TaskError::TooMany { limit, .. },
                ..
            }) if limit < samples as u64 && limit > 0 => samples = usize::try_from(limit).unwrap_or(1),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(outputs)
}

/// Predicts on this machine with the certified model.
async fn here(
    context: &Context,
    aggregator: &Aggregator,
    info: &TaskInfo,
    plan: &Plan,
    inputs: &[f32],
) -> Result<(Vec<f32>, u32), Failure> {
    let bar = context.output.progress(1, "bytes of the model verified");
    let progress = |here, total| {
        bar.set_length(total);
        bar.set_position(here);
    };
    let model = aggregator.download_model(info.id, progress).await?;
    bar.finish_and_clear();
    let flat = weights::read(plan, &model.file).map_err(TrainerError::from)?;
    let network = Network::new(plan, &flat, &Device::flex())
        .map_err(TrainerError::from)?
        .pack();
    let outputs = network.predict(plan, inputs, &Device::flex()).map_err(Failure::usage)?;
    Ok((outputs, model.version.version))
}

/// One sample's outputs, and what they mean.
struct Prediction {
    outputs: Vec<f32>,
    /// The likeliest class and its probability.
    class: Option<(usize, f64)>,
}

impl Prediction {
    fn of(plan: &Plan, outputs: &[f32]) -> Self {
        let class = matches!(plan.output, OutputKind::Classes(_)).then(|| {
            let best = (0..outputs.len()).fold(0, |best, at| if outputs[at] > outputs[best] { at } else { best });
            let most = f64::from(outputs[best]);
            let probability = if plan.ends_in_softmax {
                most
            } else {
                let sum: f64 = outputs.iter().map(|output| (f64::from(*output) - most).exp()).sum();
                1.0 / sum
            };
            (best, probability)
        });
        Self {
            outputs: outputs.to_vec(),
            class,
        }
    }

    fn json(&self) -> Value {
        json!({
            "class": self.class.map(|(class, _)| class),
            "probability": self.class.map(|(_, probability)| probability),
            "outputs": self.outputs,
        })
    }
}

fn text(plan: &Plan, predictions: &[Prediction]) -> String {
    let classes = matches!(plan.output, OutputKind::Classes(_));
    let head = if classes {
        vec!["sample", "class", "probability"]
    } else {
        vec!["sample", "outputs"]
    };
    let mut rows = vec![head.into_iter().map(String::from).collect::<Vec<_>>()];
    rows.extend((1..).zip(predictions).map(|(number, prediction): (u64, _)| {
        let mut row = vec![number.to_string()];
        if let Some((class, probability)) = prediction.class {
            row.push(class.to_string());
            row.push(format!("{:.2} %", probability * 100.0));
        } else {
            row.push(
                prediction
                    .outputs
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
        row
    }));
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_nn::spec::{Limits, ModelSpec};

    fn plan(softmax: bool) -> Plan {
        let last = if softmax {
            r#",{"name":"p","layer":"Softmax"}"#
        } else {
            ""
        };
        let spec = format!(
            r#"{{"input_shape":[2],"layers":[{{"name":"fc","layer":{{"Linear":{{"inputs":2,"outputs":3,"bias":true}}}}}}{last}],"output":{{"Classes":3}}}}"#
        );
        let spec: ModelSpec = serde_json::from_str(&spec).unwrap();
        Plan::new(&spec, &Limits::default()).unwrap()
    }

    #[test]
    fn should_read_numbers_and_divide_them_and_take_the_rest_for_files() {
        let columns = Columns {
            scale: Some(2.0),
            ..Columns::default()
        };
        assert_eq!(numbers("1, -3,4e1", &columns), Some(vec![0.5, -1.5, 20.0]));
        assert_eq!(numbers("1 2", &Columns::default()), Some(vec![1.0, 2.0]));
        assert_eq!(numbers("samples.csv", &columns), None);
    }

    #[test]
    fn should_tell_the_likeliest_class_and_its_probability() {
        let logits = Prediction::of(&plan(false), &[0.0, 2.0_f32.ln(), 0.0]);
        let (class, probability) = logits.class.unwrap();
        assert_eq!(class, 1);
        assert!((probability - 0.5).abs() < 1e-6);
        let probabilities = Prediction::of(&plan(true), &[0.25, 0.25, 0.5]);
        assert_eq!(probabilities.class, Some((2, 0.5)));
        let shown = text(&plan(true), &[probabilities]);
        assert_eq!(shown, "sample  class  probability\n1       2      50.00 %\n");
    }
}
