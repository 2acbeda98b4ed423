"""Train a small convolutional network, and export it: PyTorch."""

# --8<-- [start:imports]
import numpy as np
import onnxruntime
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.export_and_serve.training import (
    LEARNING_RATE,
    MOMENTUM,
    apart,
    draw_batches,
    draw_weights,
)


# --8<-- [start:model]
class Classifier(nn.Module):
    """Two convolutions over a signal; the mean over time gives the logits."""

    def __init__(self):
        super().__init__()
        self.conv_1 = nn.Conv1d(1, 24, 5, stride=2)
        self.conv_2 = nn.Conv1d(24, 24, 5, stride=2)
        self.to_logits = nn.Linear(24, 10)

    def forward(self, signals):
        """Return logits (batch, 10) of signals (batch, 40)."""
        x = torch.tanh(self.conv_1(signals[:, None, :]))  # (batch, 24, 18)
        x = torch.tanh(self.conv_2(x))  # (batch, 24, 7)
        return self.to_logits(x.mean(dim=2))


def start(model):
    """Draw the weights with NumPy; biases are zero."""
    arrays = iter(draw_weights())
    with torch.no_grad():
        for param in model.parameters():
            if param.ndim == 1:
                param.zero_()
            else:
                param.copy_(torch.from_numpy(next(arrays).T))  # outputs first


# --8<-- [end:model]


# --8<-- [start:fit]
def fit(model, signals, labels, batches):
    """Train the model in place."""
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, MOMENTUM)
    for batch in torch.from_numpy(batches):
        loss = nn.functional.cross_entropy(model(signals[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# --8<-- [end:fit]


if __name__ == "__main__":
    # --8<-- [start:data]
    signals, labels = make_mnist1d()
    X_test, y_test = signals[4000:], labels[4000:]
    # --8<-- [end:data]

    # --8<-- [start:train]
    model = Classifier()
    start(model)
    fit(model, torch.from_numpy(signals), torch.from_numpy(labels), draw_batches())
    model.eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(X_test)).numpy()
    print(f"Test ACC: {100 * np.mean(logits.argmax(axis=1) == y_test):.1f}%")
    # --8<-- [end:train]

    # --8<-- [start:export]
    batch = torch.export.Dim("batch", min=1)
    example = (torch.from_numpy(X_test[:2]),)
    exported = torch.export.export(
        model, example, dynamic_shapes={"signals": {0: batch}}
    )
    torch.export.save(exported, "model.pt2")

    loaded = torch.export.load("model.pt2").module()
    with torch.inference_mode():
        again = loaded(torch.from_numpy(X_test)).numpy()
    print("Same logits within 1e-6:", apart(again, logits) < 1e-6)
    # --8<-- [end:export]

    # --8<-- [start:onnx]
    torch.onnx.export(
        exported, dynamo=True, verbose=False, external_data=False,
        input_names=["signals"], output_names=["logits"],
    ).save("model.onnx")  # fmt: skip
    np.savez("expected.npz", signals=X_test, logits=logits)
    # --8<-- [end:onnx]

    # --8<-- [start:differences]
    session = onnxruntime.InferenceSession("model.onnx")
    [whole] = session.run(None, {"signals": X_test})
    single = [session.run(None, {"signals": x[None]})[0] for x in X_test]
    rows = {
        "the framework's export": again,
        "ONNX Runtime": whole,
        "ONNX Runtime, one by one": np.concatenate(single),
    }
    for name, outputs in rows.items():
        print(f"{name:24} | differs by {apart(outputs, logits):.1e}")
    # --8<-- [end:differences]

    from snippets.export_and_serve.serving import cost

    # --8<-- [start:cost]
    costs = {name: cost(name) for name in ("torch", "onnxruntime")}
    for name, (seconds, size) in costs.items():
        print(f"{name:11} | loaded in {seconds:.1f} s | {size:.0f} MB")
    # --8<-- [end:cost]

    # --8<-- [start:mode]
    noisy, x = nn.Sequential(nn.Linear(40, 10), nn.Dropout(0.5)), torch.ones(1, 40)
    for training in (True, False):
        program = torch.export.export(noisy.train(training), (x,)).module()
        print(f"Exported with training={training}:", end=" ")
        print("the same answer twice:", torch.equal(program(x), program(x)))
    # --8<-- [end:mode]

    # --8<-- [start:fixed]
    fixed = torch.export.export(model, example)  # no dynamic_shapes
    torch.onnx.export(fixed, dynamo=True, verbose=False, input_names=["signals"]).save(
        "fixed.onnx"
    )
    session = onnxruntime.InferenceSession("fixed.onnx")
    try:
        session.run(None, {"signals": X_test[:3]})
    except Exception as error:
        print(str(error).splitlines()[1].strip())
    # --8<-- [end:fixed]

    # --8<-- [start:softmax]
    with_softmax = nn.Sequential(model, nn.Softmax(dim=1)).eval()
    torch.onnx.export(
        with_softmax, example, dynamo=True, verbose=False,
        input_names=["signals"], dynamic_shapes=({0: batch},),
    ).save("probas.onnx")  # fmt: skip
    session = onnxruntime.InferenceSession("probas.onnx")
    [probas] = session.run(None, {"signals": X_test})
    same = np.array_equal(probas.argmax(axis=1), logits.argmax(axis=1))
    print("Sums of 1:", np.allclose(probas.sum(axis=1), 1), "| same classes:", same)
    # --8<-- [end:softmax]
