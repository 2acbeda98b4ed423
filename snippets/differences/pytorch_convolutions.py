"""How PyTorch pads, pools, orders channels and normalizes, next to Keras."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn
from torch.nn import functional

# --8<-- [end:imports]


# --8<-- [start:pad_same]
def pad_same(inputs, kernel_size, stride):
    """Pad the last axis as TensorFlow's "same" does: what is odd goes to the end."""
    size = inputs.shape[-1]
    num_windows = -(-size // stride)  # rounded up
    total = max((num_windows - 1) * stride + kernel_size - size, 0)
    return functional.pad(inputs, (total // 2, total - total // 2))


# --8<-- [end:pad_same]


if __name__ == "__main__":
    # --8<-- [start:same]
    signal = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]])  # (batch, channel, time)
    kernel = torch.ones(1, 1, 3)  # adds up three neighbours
    outputs = functional.conv1d(signal, kernel, stride=2, padding=1)
    print(outputs.flatten().tolist())
    # --8<-- [end:same]

    try:
        # --8<-- [start:refused]
        nn.Conv1d(1, 1, kernel_size=3, stride=2, padding="same")
        # --8<-- [end:refused]
    except ValueError as error:
        print(f"ValueError: {error}")

    # --8<-- [start:same_agree]
    at_the_end = pad_same(signal, kernel_size=3, stride=2)
    outputs = functional.conv1d(at_the_end, kernel, stride=2)
    print("As in Keras:  ", outputs.flatten().tolist())
    outputs = functional.conv1d(signal, kernel, stride=2, padding=1)
    print("As in PyTorch:", outputs.flatten().tolist())
    # --8<-- [end:same_agree]

    # --8<-- [start:pool]
    signal = torch.ones(1, 1, 5)  # (batch, channel, time)
    outputs = functional.avg_pool1d(signal, kernel_size=3, stride=2, padding=1)
    print(*(f"{value:.3f}" for value in outputs.flatten()))
    # --8<-- [end:pool]

    # --8<-- [start:pool_agree]
    for name, zeros in {
        "With the zeros:   ": True,
        "Without the zeros:": False,
    }.items():
        outputs = functional.avg_pool1d(signal, 3, 2, 1, count_include_pad=zeros)
        print(name, *(f"{value:.3f}" for value in outputs.flatten()))
    # --8<-- [end:pool_agree]

    # --8<-- [start:nearest]
    signal = torch.tensor([[[0.0, 1.0, 2.0]]])  # (batch, channel, time)
    outputs = functional.interpolate(signal, size=5, mode="nearest")
    print(outputs.flatten().tolist())
    # --8<-- [end:nearest]

    # --8<-- [start:nearest_agree]
    for name, mode in {"Edges:  ": "nearest", "Middles:": "nearest-exact"}.items():
        outputs = functional.interpolate(signal, size=5, mode=mode)
        print(name, outputs.flatten().tolist())
    # --8<-- [end:nearest_agree]

    # --8<-- [start:channels]
    conv = nn.Conv2d(2, 5, kernel_size=3)  # from 2 channels to 5
    print("Kernel:", tuple(conv.weight.shape))
    red, green = [[1, 2], [3, 4]], [[10, 20], [30, 40]]
    image = torch.tensor([[red, green]])  # (batch, channel, height, width)
    print("Flattened:", nn.Flatten()(image)[0].tolist())
    # --8<-- [end:channels]

    # --8<-- [start:channels_agree]
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 6, 6, 2)).astype(np.float32)  # channels last
    kernel = rng.normal(size=(3, 3, 2, 5)).astype(np.float32)  # as in Keras
    inputs = torch.tensor(image).permute(0, 3, 1, 2)  # channels second
    weight = torch.tensor(kernel).permute(3, 2, 0, 1)  # (out, in, height, width)
    outputs = functional.conv2d(inputs, weight)  # (batch, channel, height, width)
    flat = outputs.permute(0, 2, 3, 1).flatten(1)  # as Keras flattens
    print(flat.shape[1], "features:", *(f"{value:.3f}" for value in flat[0, :4]))
    # --8<-- [end:channels_agree]

    # --8<-- [start:norm]
    features = torch.tensor([[1.0], [2.0], [4.0], [5.0]])  # (batch, features)
    norm = nn.BatchNorm1d(1)
    norm(features)
    print(
        f"Mean {norm.running_mean.item():.3f}, variance {norm.running_var.item():.3f}"
    )
    outputs = norm(features / 100)
    print("Small features:", *(f"{value:.2f}" for value in outputs.flatten()))
    # --8<-- [end:norm]

    # --8<-- [start:norm_agree]
    norm = nn.BatchNorm1d(1)
    for scale in [1.0, 2.0, 3.0]:
        norm(scale * features)
        mean, variance = norm.running_mean.item(), norm.running_var.item()
        print(f"Mean {mean:.3f}, variance {variance:.3f}")
    norm.eval()
    print("Inference:", *(f"{value:.3f}" for value in norm(features).flatten()))
    # --8<-- [end:norm_agree]

    # --8<-- [start:frozen]
    norm = nn.BatchNorm1d(1)
    norm.requires_grad_(False)
    outputs = norm(features)
    print(f"Mean {norm.running_mean.item():.3f}")
    print("Outputs:", *(f"{value:.3f}" for value in outputs.flatten()))
    # --8<-- [end:frozen]

    # --8<-- [start:frozen_agree]
    norm = nn.BatchNorm1d(1)
    norm.requires_grad_(False)
    norm.eval()
    outputs = norm(features)
    print("Outputs:", *(f"{value:.3f}" for value in outputs.flatten()))
    print(f"Frozen: mean {norm.running_mean.item():.3f}")
    norm.train()  # as does train of a model that contains it
    norm(features)
    print(f"No gradients: mean {norm.running_mean.item():.3f}")
    # --8<-- [end:frozen_agree]

    # --8<-- [start:layer_norm]
    features = torch.tensor([[0.01, 0.02, 0.04, 0.05]])  # (batch, features)
    outputs = nn.LayerNorm(4)(features)
    print(*(f"{value:.2f}" for value in outputs[0]))
    # --8<-- [end:layer_norm]

    # --8<-- [start:layer_norm_agree]
    outputs = nn.LayerNorm(4, eps=1e-6)(features)
    print(*(f"{value:.2f}" for value in outputs[0]))
    # --8<-- [end:layer_norm_agree]
