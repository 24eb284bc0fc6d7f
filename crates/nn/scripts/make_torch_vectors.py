"""Writes tests/vectors/{mlp,lenet5,layers,sgd,batch_norm}.*: what PyTorch computes, for crates/nn to be compared with."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

OUT = Path(__file__).resolve().parent.parent / "tests" / "vectors"


def pair(value):
    height, width = value if isinstance(value, (tuple, list)) else (value, value)
    return {"height": height, "width": width}


def spec_of(name, module):
    """The layer of ModelSpec, as serde writes it, for a PyTorch module."""
    match module:
        case nn.Linear():
            layer = {"Linear": {"inputs": module.in_features, "outputs": module.out_features, "bias": module.bias is not None}}
        case nn.Conv2d():
            layer = {
                "Conv2d": {
                    "in_channels": module.in_channels,
                    "out_channels": module.out_channels,
                    "kernel": pair(module.kernel_size),
                    "stride": pair(module.stride),
                    "padding": pair(module.padding),
                    "dilation": pair(module.dilation),
                    "groups": module.groups,
                    "bias": module.bias is not None,
                }
            }
        case nn.MaxPool2d() | nn.AvgPool2d():
            kind = type(module).__name__
            layer = {kind: {"kernel": pair(module.kernel_size), "stride": pair(module.stride), "padding": pair(module.padding)}}
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            layer = {"BatchNorm": {"features": module.num_features, "epsilon": module.eps}}
        case nn.LayerNorm():
            layer = {"LayerNorm": {"features": module.normalized_shape[0], "epsilon": module.eps}}
        case nn.Embedding():
            layer = {"Embedding": {"count": module.num_embeddings, "dimension": module.embedding_dim}}
        case nn.Dropout():
            layer = {"Dropout": {"probability": module.p}}
        case nn.ReLU():
            layer = "Relu"
        case nn.GELU():
            layer = "Gelu"
        case nn.Tanh():
            layer = "Tanh"
        case nn.Sigmoid():
            layer = "Sigmoid"
        case nn.Softmax():
            layer = "Softmax"
        case nn.Flatten():
            layer = "Flatten"
        case Residual():
            inner = [(n, m) for n, m in module.named_children() if n != "downsample"]
            layer = {
                "Residual": {
                    "layers": [spec_of(n, m) for n, m in inner],
                    "shortcut": [spec_of("downsample", module.downsample)] if hasattr(module, "downsample") else [],
                }
            }
        case _:
            raise TypeError(module)
    return {"name": name, "layer": layer}


class Residual(nn.Module):
    def __init__(self, downsample=None, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        if downsample is not None:
            self.downsample = downsample
        self.main = list(layers.values())

    def forward(self, x):
        y = x
        for layer in self.main:
            y = layer(y)
        return y + (self.downsample(x) if hasattr(self, "downsample") else x)


def sequential(**layers):
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    return model


def stir(model):
    """Moves what PyTorch initialises to ones and zeros, so that a mix-up shows."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)


def case(name, model, inputs, output="Classes"):
    stir(model)
    model.eval()
    with torch.no_grad():
        outputs = model(inputs)
    assert outputs.dim() == 2, name
    return {
        "name": name,
        "spec": {
            "input_shape": list(inputs.shape[1:]),
            "layers": [spec_of(n, m) for n, m in model.named_children()],
            "output": {output: outputs.shape[1]},
        },
        "batch": inputs.shape[0],
        "inputs": [round_trip(v) for v in inputs.flatten().tolist()],
        "outputs": [round_trip(v) for v in outputs.flatten().tolist()],
    }


def round_trip(value):
    """Nine digits hold an f32 exactly."""
    return float(f"{value:.9g}")


def whole(name, model, inputs):
    """A model with its own safetensors file."""
    written = case(name, model, inputs)
    save_file(model.state_dict(), OUT / f"{name}.safetensors")
    (OUT / f"{name}.json").write_text(json.dumps(written) + "\n")


def mlp():
    return sequential(fc1=nn.Linear(64, 32), relu1=nn.ReLU(), fc2=nn.Linear(32, 16), relu2=nn.ReLU(), fc3=nn.Linear(16, 10))


def lenet5():
    return sequential(
        conv1=nn.Conv2d(1, 6, 5, padding=2),
        tanh1=nn.Tanh(),
        pool1=nn.AvgPool2d(2),
        conv2=nn.Conv2d(6, 16, 5),
        tanh2=nn.Tanh(),
        pool2=nn.AvgPool2d(2),
        flatten=nn.Flatten(),
        fc1=nn.Linear(400, 120),
        tanh3=nn.Tanh(),
        fc2=nn.Linear(120, 84),
        tanh4=nn.Tanh(),
        fc3=nn.Linear(84, 10),
    )


def layers():
    image = lambda *shape: torch.randn(2, *shape)
    yield "linear", sequential(fc=nn.Linear(7, 13)), image(7), "Regression"
    yield "linear_wide", sequential(fc=nn.Linear(33, 150)), torch.randn(5, 33), "Regression"
    yield "linear_without_bias", sequential(fc=nn.Linear(5, 3, bias=False)), image(5), "Regression"
    yield "conv2d", sequential(conv=nn.Conv2d(2, 3, 3), flat=nn.Flatten()), image(2, 5, 6), "Embedding"
    yield "conv2d_padding_stride", sequential(
        conv=nn.Conv2d(2, 4, (3, 5), stride=(2, 1), padding=(1, 2)), flat=nn.Flatten()
    ), image(2, 6, 7), "Embedding"
    yield "conv2d_groups_dilation", sequential(
        conv=nn.Conv2d(4, 6, 3, dilation=2, groups=2, bias=False), flat=nn.Flatten()
    ), image(4, 7, 7), "Embedding"
    yield "max_pool", sequential(pool=nn.MaxPool2d(2), flat=nn.Flatten()), image(2, 5, 6), "Embedding"
    yield "max_pool_padding", sequential(pool=nn.MaxPool2d(3, stride=2, padding=1), flat=nn.Flatten()), image(2, 6, 6), "Embedding"
    yield "avg_pool", sequential(pool=nn.AvgPool2d(2), flat=nn.Flatten()), image(2, 5, 6), "Embedding"
    yield "avg_pool_padding", sequential(pool=nn.AvgPool2d(3, stride=2, padding=1), flat=nn.Flatten()), image(2, 6, 6), "Embedding"
    yield "batch_norm_1d", sequential(norm=nn.BatchNorm1d(6)), image(6), "Embedding"
    yield "batch_norm_2d", sequential(norm=nn.BatchNorm2d(3), flat=nn.Flatten()), image(3, 4, 4), "Embedding"
    yield "layer_norm", sequential(norm=nn.LayerNorm(9)), image(9), "Embedding"
    yield "layer_norm_of_rows", sequential(norm=nn.LayerNorm(4), flat=nn.Flatten()), image(2, 3, 4), "Embedding"
    yield "embedding", sequential(
        embed=nn.Embedding(11, 5), flat=nn.Flatten(), fc=nn.Linear(20, 3)
    ), torch.randint(0, 11, (3, 4)), "Classes"
    yield "dropout", sequential(drop=nn.Dropout(0.4), fc=nn.Linear(4, 2)), image(4), "Classes"
    yield "relu", sequential(act=nn.ReLU()), image(20), "Embedding"
    yield "gelu", sequential(act=nn.GELU()), 2 * image(20), "Embedding"
    yield "tanh", sequential(act=nn.Tanh()), 2 * image(20), "Embedding"
    yield "sigmoid", sequential(act=nn.Sigmoid()), 4 * image(20), "Embedding"
    yield "softmax", sequential(fc=nn.Linear(6, 5), act=nn.Softmax(dim=-1)), 3 * image(6), "Classes"
    yield "linear_of_rows", sequential(fc=nn.Linear(4, 6), flat=nn.Flatten()), image(3, 4), "Embedding"
    yield "residual", sequential(
        block=Residual(fc1=nn.Linear(6, 8), relu=nn.ReLU(), fc2=nn.Linear(8, 6)), head=nn.Linear(6, 3)
    ), image(6), "Classes"
    yield "residual_shortcut", sequential(
        block=Residual(
            conv1=nn.Conv2d(2, 4, 3, padding=1, stride=2),
            bn1=nn.BatchNorm2d(4),
            relu=nn.ReLU(),
            conv2=nn.Conv2d(4, 4, 3, padding=1),
            downsample=nn.Conv2d(2, 4, 1, stride=2),
        ),
        flat=nn.Flatten(),
        head=nn.Linear(36, 3),
    ), image(2, 6, 6), "Classes"


def flat(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def balanced(classes, count):
    """Every class the same: scikit-learn's compute_class_weight("balanced"), 0 for a class that does not occur."""
    occur = torch.bincount(classes, minlength=count).float()
    return torch.where(occur > 0, len(classes) / ((occur > 0).sum() * occur.clamp(min=1)), 0.0)


def descent(name, model, inputs, targets, proximal_mu=0.0, momentum=0.9, class_weight="none"):
    """Five steps of SGD on one batch."""
    written = case(name, model, inputs, "Classes" if targets.dtype == torch.long else "Regression")
    start = [p.detach().clone() for p in model.parameters()]
    begun = flat(model)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
    weight = balanced(targets, written["spec"]["output"]["Classes"]) if class_weight == "balanced" else None
    criterion = nn.CrossEntropyLoss(weight) if targets.dtype == torch.long else nn.MSELoss()
    for _ in range(5):
        optimiser.zero_grad()
        loss = criterion(model(inputs), targets)
        loss = loss + proximal_mu / 2 * sum(((p - s) ** 2).sum() for p, s in zip(model.parameters(), start))
        loss.backward()
        optimiser.step()
    return {
        "name": name,
        "spec": written["spec"],
        "start": [round_trip(v) for v in begun.tolist()],
        "inputs": written["inputs"],
        "classes" if targets.dtype == torch.long else "values": targets.flatten().tolist(),
        "learning_rate": 0.1,
        "momentum": momentum,
        "proximal_mu": proximal_mu,
        "class_weight": class_weight,
        "epochs": 5,
        "expected": [round_trip(v) for v in flat(model).tolist()],
    }


def normed():
    """Batch norms in training: the batch's own statistics, the running ones moved with momentum 0.1. All tensors of the model
    are kept, in the order of its state dictionary."""
    torch.manual_seed(7)
    for name, model, inputs in [
        ("batch_norm_1d", sequential(fc1=nn.Linear(4, 6), norm=nn.BatchNorm1d(6), act=nn.ReLU(), fc2=nn.Linear(6, 3)), torch.randn(7, 4)),
        (
            "batch_norm_2d",
            sequential(
                block=Residual(conv=nn.Conv2d(2, 2, 3, padding=1), bn=nn.BatchNorm2d(2)), flat=nn.Flatten(), fc=nn.Linear(32, 3)
            ),
            torch.randn(5, 2, 4, 4),
        ),
    ]:
        targets = torch.randint(0, 3, (inputs.shape[0],))
        written = case(name, model, inputs)
        model.train()
        state = lambda: torch.cat([t.flatten() for k, t in model.state_dict().items() if not k.endswith("num_batches_tracked")])
        begun = state().clone()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(5):
            optimiser.zero_grad()
            nn.CrossEntropyLoss()(model(inputs), targets).backward()
            optimiser.step()
        yield {
            "name": name,
            "spec": written["spec"],
            "start": [round_trip(v) for v in begun.tolist()],
            "inputs": written["inputs"],
            "classes": targets.tolist(),
            "learning_rate": 0.1,
            "momentum": 0.9,
            "proximal_mu": 0.0,
            "class_weight": "none",
            "epochs": 5,
            "expected": [round_trip(v) for v in state().tolist()],
        }


def descents():
    yield descent(
        "classes",
        sequential(
            conv=nn.Conv2d(1, 2, 3), act=nn.Tanh(), pool=nn.MaxPool2d(2), flat=nn.Flatten(), norm=nn.LayerNorm(8), fc=nn.Linear(8, 3)
        ),
        torch.randn(6, 1, 6, 6),
        torch.randint(0, 3, (6,)),
    )
    yield descent(
        "values", sequential(fc1=nn.Linear(4, 6), act=nn.GELU(), fc2=nn.Linear(6, 2)), torch.randn(5, 4), torch.randn(5, 2), momentum=0.0
    )
    yield descent(
        "proximal",
        sequential(fc1=nn.Linear(4, 6), act=nn.ReLU(), fc2=nn.Linear(6, 2)),
        torch.randn(5, 4),
        torch.randint(0, 2, (5,)),
        proximal_mu=0.5,
    )
    yield descent(
        "balanced",
        sequential(fc1=nn.Linear(4, 6), act=nn.ReLU(), fc2=nn.Linear(6, 4)),
        torch.randn(7, 4),
        torch.tensor([2, 0, 0, 2, 0, 0, 3]),
        class_weight="balanced",
    )


def main():
    torch.manual_seed(20260)
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    whole("mlp", mlp(), torch.randn(4, 64))
    whole("lenet5", lenet5(), torch.randn(2, 1, 28, 28))
    cases, tensors = [], {}
    for name, model, inputs, output in layers():
        cases.append(case(name, model, inputs, output))
        for key, tensor in model.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                tensors[f"{name}/{key}"] = tensor.contiguous()
    save_file(tensors, OUT / "layers.safetensors")
    (OUT / "sgd.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in descents()) + "\n]\n")
    (OUT / "batch_norm.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in normed()) + "\n]\n")
    (OUT / "layers.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
