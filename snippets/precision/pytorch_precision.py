"""Precision, reproducibility, a profile and a log in PyTorch."""

# --8<-- [start:imports]
import time

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.precision.figures import plot_ranges
from snippets.precision.training import (
    NUM_CLASSES,
    NUM_HIDDEN,
    NUM_STEPS,
    SEED,
    draw_batches,
    draw_params,
    print_equal,
    print_flushed,
)


# --8<-- [start:model]
def build_model(dropout=0.0, seed=SEED):
    """Return a perceptron with dropout between its layers, in float32."""
    hidden = [nn.Linear(40, NUM_HIDDEN), nn.ReLU(), nn.Dropout(dropout)]
    model = nn.Sequential(*hidden, nn.Linear(NUM_HIDDEN, NUM_CLASSES))
    with torch.no_grad():
        for param, array in zip(model.parameters(), draw_params(seed), strict=True):
            param.copy_(torch.from_numpy(array.T))
    return model


# --8<-- [end:model]


# --8<-- [start:train]
def train(model, features, targets, num_steps=NUM_STEPS, seed=SEED, bfloat16=False):
    """Train in place by SGD with momentum; return the loss of each step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model.train()
    losses = []
    for batch in draw_batches(len(targets), num_steps, seed):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            logits = model(features[batch])
        loss = nn.functional.cross_entropy(logits.float(), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.inference_mode()
def accuracy(model, features, targets):
    """Return the share of signals that are read right."""
    model.eval()
    return (model(features).argmax(dim=1) == targets).double().mean().item()


def weights_of(model):
    """Return copies of the weights as arrays."""
    return [param.detach().numpy().copy() for param in model.parameters()]


# --8<-- [end:train]


# --8<-- [start:run_seeds]
def run(weight_seed=1, order_seed=1, dropout_seed=1, extra=False):
    """Return the weights after 20 steps, by the seeds of all that is random."""
    torch.manual_seed(dropout_seed)
    if extra:
        nn.Linear(2, 2)  # draws its weights
    model = build_model(dropout=0.5, seed=weight_seed)
    train(model, X, y, 20, order_seed)
    return weights_of(model)


# --8<-- [end:run_seeds]

if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid = signals[:3200], signals[3200:4000]
    y_train, y_valid = labels[:3200], labels[3200:4000]

    # --8<-- [start:run_formats]
    ranges = {}
    for dtype in [torch.float32, torch.bfloat16, torch.float16]:
        info = torch.finfo(dtype)
        name = str(dtype).removeprefix("torch.")
        ranges[name] = info.smallest_normal * info.eps, info.max
        print(f"{name:8} | {info.bits} bits | step above 1: {info.eps:.1e}", end="")
        print(f" | {ranges[name][0]:.0e} to {ranges[name][1]:.0e}")
    # --8<-- [end:run_formats]

    # --8<-- [start:run_autocast]
    X, y = torch.from_numpy(X_train), torch.from_numpy(y_train)
    valid_data = torch.from_numpy(X_valid), torch.from_numpy(y_valid)
    accuracies, units = {}, {}
    for bfloat16 in [False, True]:
        model = build_model()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            hidden = model[0](X)  # (3200, NUM_HIDDEN)
        name = str(hidden.dtype).removeprefix("torch.")
        units[name] = hidden.detach().float()
        train(model, X, y, bfloat16=bfloat16)
        accuracies[name] = accuracy(model, *valid_data)
        weights = str(model[0].weight.dtype).removeprefix("torch.")
        print(f"{name:8} | hidden units: {hidden.nbytes:,} bytes | weights: {weights}")
    apart = (units["bfloat16"] - units["float32"]).norm() / units["float32"].norm()
    print("Hidden units within 1%:", bool(apart < 0.01))
    apart = abs(accuracies["float32"] - accuracies["bfloat16"])
    print("Valid ACC within 3 points:", apart < 0.03)
    # --8<-- [end:run_autocast]

    # --8<-- [start:run_seconds]
    for dtype in [torch.float32, torch.bfloat16]:
        matrix = torch.ones(1000, 1000, dtype=dtype)
        matrix @ matrix  # the first product prepares
        start = time.perf_counter()
        for _ in range(5):
            matrix @ matrix
        print(f"{dtype}: {(time.perf_counter() - start) / 5 * 1000:.0f} ms")
    # --8<-- [end:run_seconds]

    # --8<-- [start:run_underflow]
    model = build_model()
    train(model, X, y, 32)
    with torch.inference_mode():
        probas = torch.softmax(model(X), dim=1)  # (3200, classes)
    grads = (probas - nn.functional.one_hot(y)) / len(y)  # of the mean loss
    for power in [0, 16, 30]:
        scale = 2.0**power
        print_flushed(f"float16, times 2**{power}", [(scale * grads).half()])
    print_flushed("bfloat16", [grads.bfloat16().float()])
    # --8<-- [end:run_underflow]

    # --8<-- [start:plot_ranges]
    plot_ranges(ranges, grads.numpy(), scale=2.0**16)
    # --8<-- [end:plot_ranges]

    # --8<-- [start:run_scaler]
    for enabled in [False, True]:
        weight = nn.Parameter(torch.tensor(0.0))
        optimizer = torch.optim.SGD([weight], lr=1.0)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**15, enabled=enabled)
        for slopes in [(1e-4, 1e-4), (10.0, 10.0)] if enabled else [(1e-4, 1e-4)]:
            loss = (weight.half() * slopes[0] * slopes[1]).float()
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)  # divides by the scale, or skips the step
            scaler.update()
            scale = int(scaler.get_scale())
            print(f"Weight: {weight.item():.1e}, scale afterwards: {scale}")
    # --8<-- [end:run_scaler]

    # --8<-- [start:run_deterministic]
    torch.use_deterministic_algorithms(True)
    places = torch.tensor([0, 0])
    torch.zeros(2).put_(places, torch.tensor([1.0, 2.0]))  # which one is last?
    # --8<-- [end:run_deterministic]

    # --8<-- [start:run_sources]
    reference = run()
    print_equal("all seeds the same", run(), reference)
    print_equal("other weights", run(weight_seed=2), reference)
    print_equal("other order", run(order_seed=2), reference)
    print_equal("other dropout", run(dropout_seed=2), reference)
    print_equal("one more layer built before", run(extra=True), reference)
    # --8<-- [end:run_sources]

    # --8<-- [start:run_threads]
    num_threads = torch.get_num_threads()
    for count in [1, 2]:
        torch.set_num_threads(count)
        print_equal(f"threads: {count}", run(), reference)
    torch.set_num_threads(num_threads)
    # --8<-- [end:run_threads]

    # --8<-- [start:run_profile]
    torch.use_deterministic_algorithms(False)
    activities = [ProfilerActivity.CPU]
    model.eval()
    found = {}
    for name, parts in [("one by one", X[:100].split(1)), ("batch", [X[:100]])]:
        with torch.inference_mode(), profile(activities=activities) as profiler:
            for part in parts:
                model(part)
        found[name] = {x.key: x for x in profiler.key_averages()}
        print(f"{name:10} | matrix products: {found[name]['aten::addmm'].count}")
    # --8<-- [end:run_profile]

    # --8<-- [start:run_table]
    rows = sorted(found["one by one"].values(), key=lambda x: -x.self_cpu_time_total)
    for row in rows[:5]:
        milliseconds = row.self_cpu_time_total / 1000
        print(f"{row.key:20} | {row.count:4} calls | {milliseconds:.1f} ms")
    # --8<-- [end:run_table]

    # --8<-- [start:run_log]
    losses = train(build_model(), X, y, 3)
    # TensorBoard loads TensorFlow where it is installed, which must come after PyTorch.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter("logs")
    for step, loss in enumerate(losses):
        writer.add_scalar("loss", loss, step)
    writer.close()

    log = EventAccumulator("logs").Reload()
    for event in log.Scalars("loss"):
        print(f"Step: {event.step} | Loss: {event.value:.3f}")
    # --8<-- [end:run_log]

    # --8<-- [start:exercise_average]
    for dtype in [torch.float32, torch.bfloat16]:
        average = torch.tensor(1.0, dtype=dtype)
        for _ in range(1000):  # an average that moves towards 0
            average = 0.999 * average
        print(f"{str(dtype).removeprefix('torch.'):8} | {average.item():.2f}")
    # --8<-- [end:exercise_average]

    # --8<-- [start:exercise_scale]
    for power in range(0, 31, 3):
        print_flushed(f"float16, times 2**{power}", [(2.0**power * grads).half()])
    # --8<-- [end:exercise_scale]

    # --8<-- [start:exercise_batch]
    few = grads[:100] * 32  # the mean over 100 instead of 3,200
    for name, values in [("mean over 3,200", grads), ("mean over 100", few)]:
        print_flushed(name, [values.half()])
    # --8<-- [end:exercise_batch]
