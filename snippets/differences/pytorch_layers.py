"""What PyTorch's layers do by default, and how to start them as Keras does."""

# --8<-- [start:imports]
import torch
from torch import nn
from torch.nn import functional

# --8<-- [end:imports]


# --8<-- [start:linear_start]
def start_linear_as_keras(layer):
    """Start a linear layer from Glorot's uniform weights and biases of 0, in place."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)


# --8<-- [end:linear_start]


# --8<-- [start:recurrent_start]
def start_recurrent_as_keras(layer):
    """Start an RNN's or a GRU's weights as Keras does, in place."""
    for name, parameter in layer.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)  # over all gates at once
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        else:
            nn.init.zeros_(parameter)


# --8<-- [end:recurrent_start]


# --8<-- [start:recurrent_describe]
def describe_gru(layer):
    """Return how large a GRU's weights are, and whether the state's are orthogonal.

    The weights are the input's; the biases are the input's and the state's.
    """
    weights = layer.weight_ih_l0.abs().max()
    biases = max(layer.bias_ih_l0.abs().max(), layer.bias_hh_l0.abs().max())
    product = layer.weight_hh_l0.T @ layer.weight_hh_l0  # (hidden, hidden)
    orthogonal = torch.allclose(product, torch.eye(len(product)), atol=1e-5)
    return f"{weights:.2f}, biases {biases:.2f}, orthogonal: {orthogonal}"


# --8<-- [end:recurrent_describe]


if __name__ == "__main__":
    # --8<-- [start:linear]
    torch.manual_seed(1)
    layer = nn.Linear(100, 50)
    print(f"Weights: up to {layer.weight.abs().max():.2f}")
    print(f"Biases:  up to {layer.bias.abs().max():.2f}")
    # --8<-- [end:linear]

    # --8<-- [start:linear_agree]
    layers = {"PyTorch's": nn.Linear(100, 50), "Keras'": nn.Linear(100, 50)}
    start_linear_as_keras(layers["Keras'"])
    for name, layer in layers.items():
        weights, biases = layer.weight.abs().max(), layer.bias.abs().max()
        print(f"{name} start: weights up to {weights:.2f}, biases up to {biases:.2f}")
    # --8<-- [end:linear_agree]

    # --8<-- [start:embedding]
    torch.manual_seed(0)
    layer = nn.Embedding(1000, 64)
    print(f"Standard deviation: {layer.weight.std():.2f}")
    # --8<-- [end:embedding]

    # --8<-- [start:embedding_agree]
    layers = {"PyTorch's": nn.Embedding(1000, 64), "Keras'": nn.Embedding(1000, 64)}
    nn.init.uniform_(layers["Keras'"].weight, -0.05, 0.05)
    for name, layer in layers.items():
        print(f"{name} start: standard deviation {layer.weight.std():.2f}")
    # --8<-- [end:embedding_agree]

    # --8<-- [start:recurrent]
    torch.manual_seed(0)
    print("Weights up to", describe_gru(nn.GRU(50, 100)))
    # --8<-- [end:recurrent]

    # --8<-- [start:recurrent_agree]
    layers = {"PyTorch's": nn.GRU(50, 100), "Keras'": nn.GRU(50, 100)}
    start_recurrent_as_keras(layers["Keras'"])
    for name, layer in layers.items():
        print(f"{name} start: weights up to", describe_gru(layer))
    # --8<-- [end:recurrent_agree]

    # --8<-- [start:dropout]
    torch.manual_seed(0)
    outputs = nn.Dropout(p=0.1)(torch.ones(100_000))
    print(f"Dropped: {(outputs == 0).float().mean():.2f}")
    print(f"The others: {outputs.max():.2f}")
    # --8<-- [end:dropout]

    # --8<-- [start:mode]
    torch.manual_seed(0)
    layer = nn.Dropout(0.5)
    outputs = layer(torch.ones(1000))
    print("Drops:", (outputs == 0).any().item())
    # --8<-- [end:mode]

    # --8<-- [start:mode_agree]
    layer.train()
    print("In training drops:", (layer(torch.ones(1000)) == 0).any().item())
    layer.eval()
    print("In inference drops:", (layer(torch.ones(1000)) == 0).any().item())
    # --8<-- [end:mode_agree]

    # --8<-- [start:leaky]
    print(f"The layer: {nn.LeakyReLU()(torch.tensor(-1.0)):.2f}")
    print(f"The function: {functional.leaky_relu(torch.tensor(-1.0)):.2f}")
    # --8<-- [end:leaky]

    # --8<-- [start:leaky_agree]
    layer = nn.LeakyReLU(negative_slope=0.1)
    print(f"The layer: {layer(torch.tensor(-1.0)):.2f}")
    output = functional.leaky_relu(torch.tensor(-1.0), negative_slope=0.1)
    print(f"The function: {output:.2f}")
    # --8<-- [end:leaky_agree]
