# --8<-- [start:predict]
"""Run model.onnx, and compare its logits with those of the framework."""

import sys

import numpy as np
import onnxruntime


def apart(logits, expected):
    """Return the largest difference, as a share of the largest expected logit."""
    return np.abs(logits - expected).max() / np.abs(expected).max()


def main():
    """Print what the model takes, and how its logits compare."""
    session = onnxruntime.InferenceSession("model.onnx")
    [given] = session.get_inputs()
    print(f"Input '{given.name}': {given.type}, {given.shape[1]} numbers a signal")
    expected = np.load("expected.npz")
    for size in (1000, 1, 7):
        [logits] = session.run(None, {given.name: expected["signals"][:size]})
        same = apart(logits, expected["logits"][:size]) < 1e-6
        print(f"{size:4} signals: logits {logits.shape}, within 1e-6: {same}")
    try:
        session.run(None, {given.name: expected["signals"][:2, :39]})
    except Exception as error:  # ONNX Runtime's own class
        print("39 numbers a signal:", str(error).splitlines()[1].strip())
    loaded = {"torch", "tensorflow", "keras"} & sys.modules.keys()
    print("Frameworks loaded:", ", ".join(sorted(loaded)) or "none")


if __name__ == "__main__":
    main()
# --8<-- [end:predict]
