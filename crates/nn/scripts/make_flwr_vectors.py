"""Writes tests/vectors/strategies.json: what Flower's strategy classes give, for crates/nn to be compared with.

FedBuff (Nguyen et al. 2022, algorithm 1) and norm clipping (Sun et al. 2019) are computed here, in double precision.
"""

import json
from pathlib import Path

import numpy as np
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server.strategy import (
    Bulyan,
    FedAdagrad,
    FedAdam,
    FedAvg,
    FedAvgM,
    FedMedian,
    FedProx,
    FedTrimmedAvg,
    FedYogi,
    Krum,
)

OUT = Path(__file__).resolve().parent.parent / "tests" / "vectors"
LENGTH = 37
rng = np.random.default_rng(20260)


def numbers(array):
    """Nine digits hold an f32 exactly."""
    return [float(f"{value:.9g}") for value in np.asarray(array, dtype=np.float32)]


def clients(count, model, hostile=0):
    """Weights around a common step; hostile ones go the other way, far."""
    step = rng.normal(0, 0.1, LENGTH)
    updates = [(model + step + rng.normal(0, 0.05, LENGTH)).astype(np.float32) for _ in range(count)]
    for k in range(hostile):
        updates[k] = (model - 8 * step + rng.normal(0, 0.5, LENGTH)).astype(np.float32)
    samples = [int(n) for n in rng.integers(5, 400, count)]
    return updates, samples


def results(updates, samples):
    # Two tensors, as Flower sees layers.
    return [
        (None, FitRes(Status(Code.OK, ""), ndarrays_to_parameters([u[:20].reshape(4, 5), u[20:]]), n, {}))
        for u, n in zip(updates, samples)
    ]


def flat(parameters):
    return np.concatenate([array.ravel() for array in parameters_to_ndarrays(parameters)])


def case(name, strategy, flower, count, rounds=1, hostile=0):
    model = rng.normal(0, 1, LENGTH).astype(np.float32)
    flower = flower(ndarrays_to_parameters([model[:20].reshape(4, 5), model[20:]]))
    steps = []
    start = model
    for number in range(1, rounds + 1):
        updates, samples = clients(count, start, hostile)
        combined, _ = flower.aggregate_fit(number, results(updates, samples), [])
        start = flat(combined).astype(np.float32)
        steps.append({"updates": [numbers(u) for u in updates], "samples": samples, "expected": numbers(start)})
    return {"name": name, "strategy": strategy, "model": numbers(model), "rounds": steps}


def norm_clipping(name, bound):
    """w + Σ n_k/n · min(1, bound/‖Δ_k‖)·Δ_k."""
    model = rng.normal(0, 1, LENGTH).astype(np.float32)
    updates, samples = clients(6, model, hostile=2)
    deltas = [np.asarray(u, dtype=np.float64) - model for u in updates]
    clipped = [d * min(1.0, bound / np.linalg.norm(d)) for d in deltas]
    expected = model + sum(n * d for n, d in zip(samples, clipped)) / sum(samples)
    step = {"updates": [numbers(u) for u in updates], "samples": samples, "expected": numbers(expected)}
    return {"name": name, "strategy": {"NormClipping": {"bound": bound}}, "model": numbers(model), "rounds": [step]}


def fed_buff(name, size, rate, scaled):
    """Algorithm 1: each update scaled by its staleness, the mean of a full buffer times the rate moves the model."""
    model = rng.normal(0, 1, LENGTH).astype(np.float32)
    current = np.asarray(model, dtype=np.float64)
    arrivals, versions = [], []
    buffer, held = np.zeros(LENGTH), 0
    for _ in range(3 * size):
        delta = rng.normal(0, 0.1, LENGTH).astype(np.float32)
        staleness = int(rng.integers(0, 6))
        buffer += np.asarray(delta, dtype=np.float64) * (1 / np.sqrt(1 + staleness) if scaled else 1)
        held += 1
        arrivals.append({"delta": numbers(delta), "staleness": staleness})
        if held == size:
            current = current + rate * buffer / size
            buffer, held = np.zeros(LENGTH), 0
            versions.append(numbers(current))
    return {
        "name": name,
        "buffer": size,
        "server_learning_rate": rate,
        "scale_by_staleness": scaled,
        "model": numbers(model),
        "arrivals": arrivals,
        "versions": versions,
    }


def main():
    cases = [
        case("fed_avg", "FedAvg", lambda w: FedAvg(), 5),
        case("fed_avg_alone", "FedAvg", lambda w: FedAvg(), 1),
        case(
            "fed_avg_m",
            {"FedAvgM": {"server_learning_rate": 0.7, "server_momentum": 0.9}},
            lambda w: FedAvgM(initial_parameters=w, server_learning_rate=0.7, server_momentum=0.9),
            4,
            rounds=4,
        ),
        case(
            "fed_avg_m_default",
            {"FedAvgM": {"server_learning_rate": 1.0, "server_momentum": 0.0}},
            lambda w: FedAvgM(initial_parameters=w),
            4,
            rounds=2,
        ),
        case("fed_adagrad", {"FedAdagrad": {"eta": 0.1, "tau": 1e-9}}, lambda w: FedAdagrad(initial_parameters=w), 4, rounds=4),
        case(
            "fed_adam",
            {"FedAdam": {"eta": 0.1, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-9}},
            lambda w: FedAdam(initial_parameters=w),
            4,
            rounds=4,
        ),
        case(
            "fed_yogi",
            {"FedYogi": {"eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3}},
            lambda w: FedYogi(initial_parameters=w),
            4,
            rounds=4,
        ),
        case("fed_prox", {"FedProx": {"proximal_mu": 0.1}}, lambda w: FedProx(proximal_mu=0.1), 5),
        case("fed_median_odd", "FedMedian", lambda w: FedMedian(), 7, hostile=2),
        case("fed_median_even", "FedMedian", lambda w: FedMedian(), 10, hostile=3),
        case("fed_median_many", "FedMedian", lambda w: FedMedian(), 21, hostile=5),
        case("trimmed_mean", {"TrimmedMean": {"beta": 0.2}}, lambda w: FedTrimmedAvg(), 10, hostile=2),
        case("trimmed_mean_third", {"TrimmedMean": {"beta": 0.35}}, lambda w: FedTrimmedAvg(beta=0.35), 9, hostile=3),
        case("krum", {"Krum": {"malicious": 3}}, lambda w: Krum(num_malicious_clients=3), 10, hostile=3),
        case(
            "multi_krum",
            {"MultiKrum": {"malicious": 3, "keep": 5}},
            lambda w: Krum(num_malicious_clients=3, num_clients_to_keep=5),
            10,
            hostile=3,
        ),
        case("bulyan", {"Bulyan": {"malicious": 3}}, lambda w: Bulyan(num_malicious_clients=3, to_keep=0), 15, hostile=3),
        case("bulyan_even", {"Bulyan": {"malicious": 1}}, lambda w: Bulyan(num_malicious_clients=1, to_keep=0), 8, hostile=1),
        norm_clipping("norm_clipping", 0.75),
        norm_clipping("norm_clipping_wide", 1000.0),
    ]
    buffered = [fed_buff("fed_buff", 4, 1.0, True), fed_buff("fed_buff_unscaled", 3, 0.5, False)]
    lines = ",\n".join(json.dumps(c) for c in cases)
    more = ",\n".join(json.dumps(c) for c in buffered)
    (OUT / "strategies.json").write_text(f'{{"rounds": [\n{lines}\n],\n"buffered": [\n{more}\n]}}\n')


if __name__ == "__main__":
    main()
