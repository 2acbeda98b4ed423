"""How PyTorch mixes, divides and draws numbers, and updates them in place."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]


# --8<-- [start:show]
def show(tensor):
    """Return a tensor's values and its type in one text."""
    return f"{tensor.tolist()} {str(tensor.dtype).removeprefix('torch.')}"


# --8<-- [end:show]


if __name__ == "__main__":
    # --8<-- [start:promotion]
    floats = torch.tensor([0.5, 0.5])
    for other in [torch.tensor([1, 2]), floats.double()]:
        print(f"{show(floats)} + {show(other)}: {show(floats + other)}")
    # --8<-- [end:promotion]

    try:
        # --8<-- [start:arrays]
        features = np.ones((1, 2))  # of 64 bits, as NumPy makes them
        nn.Linear(2, 1)(torch.tensor(features))
        # --8<-- [end:arrays]
    except RuntimeError as error:
        print(f"RuntimeError: {error}")

    # --8<-- [start:promotion_agree]
    integers, floats = torch.tensor([1, 2]), torch.tensor([0.5, 0.5])
    print(show(integers.float() + floats))
    features = np.ones((1, 2))
    outputs = nn.Linear(2, 1)(torch.tensor(features, dtype=torch.float32))
    print("A layer returns", str(outputs.dtype).removeprefix("torch."))
    # --8<-- [end:promotion_agree]

    # --8<-- [start:float64]
    torch.set_default_dtype(torch.float64)
    print("A layer computes in", str(nn.Linear(1, 1).weight.dtype)[6:])
    torch.set_default_dtype(torch.float32)
    # --8<-- [end:float64]

    # --8<-- [start:float64_momentum]
    for momentum in [0.9, 7 / 8]:
        weight = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([weight], lr=0.1, momentum=momentum)
        for _ in range(2):  # the second step is 0.1 (1 + momentum)
            optimizer.zero_grad()
            weight.backward()  # its gradient is 1
            optimizer.step()
        print(f"Momentum {momentum}: {weight.item():.10f}")
    # --8<-- [end:float64_momentum]

    # --8<-- [start:division]
    print(show(torch.tensor(7) / torch.tensor(2)))
    # --8<-- [end:division]

    # --8<-- [start:division_agree]
    seven, two = torch.tensor(-7), torch.tensor(2)
    print("Divided:", (seven.float() / two.float()).item())
    print("Rounded down:", (seven // two).item(), "remainder", (seven % two).item())
    towards_zero = torch.div(seven, two, rounding_mode="trunc")
    print("Rounded to zero:", towards_zero.item())
    # --8<-- [end:division_agree]

    # --8<-- [start:integers]
    counts = torch.tensor([2**31 - 1, 2])
    print("Sum:", show(counts.sum()))
    # --8<-- [end:integers]

    try:
        # --8<-- [start:integers_mean]
        torch.tensor([1, 0, 1]).mean()
        # --8<-- [end:integers_mean]
    except NotImplementedError as error:
        print(f"NotImplementedError: {error}")

    # --8<-- [start:integers_agree]
    counts = torch.tensor([2**31 - 1, 2], dtype=torch.int64)
    print("Sum:", show(counts.sum()))
    hits = torch.tensor([1, 0, 1])
    print(f"Mean: {hits.float().mean():.3f}")
    # --8<-- [end:integers_agree]

    # --8<-- [start:spread]
    features = torch.tensor([1.0, 2.0, 3.0, 4.0])
    print(f"{features.std():.3f}")
    # --8<-- [end:spread]

    # --8<-- [start:spread_agree]
    print(f"By n:     {features.std(correction=0):.3f}")
    print(f"By n - 1: {features.std():.3f}")
    # --8<-- [end:spread_agree]

    # --8<-- [start:tensorfloat]
    print("Products:        ", torch.get_float32_matmul_precision())
    print("Convolutions:    ", torch.backends.cudnn.conv.fp32_precision)
    print("Recurrent layers:", torch.backends.cudnn.rnn.fp32_precision)
    # --8<-- [end:tensorfloat]

    # --8<-- [start:tensorfloat_agree]
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # the standard of float32
    torch.backends.cudnn.rnn.fp32_precision = "ieee"
    convolutions = torch.backends.cudnn.conv.fp32_precision
    recurrent = torch.backends.cudnn.rnn.fp32_precision
    print("TensorFloat-32:", "tf32" in (convolutions, recurrent))
    # --8<-- [end:tensorfloat_agree]

    # --8<-- [start:seeds]
    draws = []
    for _ in range(2):
        torch.manual_seed(0)
        draws.append((torch.rand(3), np.random.rand()))
    print("Draws:", *(f"{number:.4f}" for number in draws[0][0]))
    print("NumPy repeats itself:", draws[0][1] == draws[1][1])
    # --8<-- [end:seeds]

    # --8<-- [start:seeds_agree]
    rng = np.random.default_rng(0)
    draws = torch.tensor(rng.random(3, dtype=np.float32))
    print("Draws:", *(f"{number:.4f}" for number in draws))
    # --8<-- [end:seeds_agree]

    # --8<-- [start:deterministic]
    torch.use_deterministic_algorithms(True)
    try:
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    except RuntimeError:
        print("Refused: two values for one place")
    print("Random numbers without a seed:", torch.rand(3).shape[0])
    # --8<-- [end:deterministic]

    # --8<-- [start:deterministic_agree]
    torch.manual_seed(0)
    values, places = torch.rand(100_000), torch.randint(10, (100_000,))
    first, second = (torch.zeros(10).index_add(0, places, values) for _ in range(2))
    print("Two runs are equal, bit by bit:", torch.equal(first, second))
    # --8<-- [end:deterministic_agree]

    # --8<-- [start:inplace]
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    other_name = weight
    with torch.no_grad():
        weight -= 0.5
    print("In place: ", weight.tolist(), "and", other_name.tolist())
    with torch.no_grad():
        weight = weight - 0.5  # a new tensor, and no parameter
    print("Assigned: ", weight.tolist(), "and", other_name.tolist())
    print("Trainable:", weight.requires_grad)
    # --8<-- [end:inplace]

    try:
        # --8<-- [start:inplace_refused]
        weight = torch.tensor([1.0, 2.0], requires_grad=True)
        weight -= 0.5  # without no_grad
        # --8<-- [end:inplace_refused]
    except RuntimeError as error:
        print(f"RuntimeError: {error}")

    # --8<-- [start:inplace_agree]
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    other_name = weight
    with torch.no_grad():
        weight.sub_(0.5)
    print("In place:", other_name.tolist())
    print("Still the same:", weight is other_name)
    # --8<-- [end:inplace_agree]
