"""What PyTorch's optimizers do by default, next to Keras'."""

# --8<-- [start:imports]
import torch
from torch import nn

# --8<-- [end:imports]


# --8<-- [start:descend]
def descend(optimizer, weight, grads):
    """Let the optimizer take a step for each of grads; return where weight ends."""
    for grad in grads:
        weight.grad = torch.full_like(weight, grad)
        optimizer.step()
    return weight.item()


# --8<-- [end:descend]


if __name__ == "__main__":
    # --8<-- [start:rates]
    weight = nn.Parameter(torch.tensor(0.0))
    for name in ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam"]:
        optimizer = getattr(torch.optim, name)([weight])
        print(f"{name:<8} {optimizer.defaults['lr']:.3f}")
    # --8<-- [end:rates]

    # --8<-- [start:rates_agree]
    weight = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    print(f"After a step: {descend(optimizer, weight, [1.0]):.3f}")
    # --8<-- [end:rates_agree]

    # --8<-- [start:adagrad]
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.Adagrad([weight], lr=0.1)
    print(f"First step: {descend(optimizer, weight, [0.01]):.3f}")
    # --8<-- [end:adagrad]

    # --8<-- [start:adagrad_agree]
    for start in [0.0, 0.1]:
        weight = nn.Parameter(torch.tensor(0.0))
        optimizer = torch.optim.Adagrad(
            [weight], lr=0.1, initial_accumulator_value=start
        )
        print(f"From {start}: {descend(optimizer, weight, [0.01]):.3f}")
    # --8<-- [end:adagrad_agree]

    # --8<-- [start:adam]
    for epsilon in [1e-8, 1e-7]:
        weight = nn.Parameter(torch.tensor(0.0))
        optimizer = torch.optim.Adam([weight], lr=0.1, eps=epsilon)
        print(f"epsilon {epsilon}: {descend(optimizer, weight, [1e-6]):.4f}")
    # --8<-- [end:adam]

    # --8<-- [start:adam_agree]
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.Adam([weight], lr=0.1, eps=1e-8)
    for grad in [1e-6, -2e-6, 3e-6]:
        print(f"{descend(optimizer, weight, [grad]):.4f}")
    # --8<-- [end:adam_agree]

    # --8<-- [start:repeated]
    table = nn.Embedding.from_pretrained(torch.ones(5, 1), freeze=False)
    optimizer = torch.optim.Adam(table.parameters(), lr=0.1)
    vectors = table(torch.tensor([2, 2]))  # (tokens, 1)
    loss = (vectors * torch.tensor([[1.0], [3.0]])).sum()
    loss.backward()
    optimizer.step()
    print(f"After a step: {table.weight[2].item():.4f}")
    # --8<-- [end:repeated]

    # --8<-- [start:repeated_agree]
    table = nn.Embedding.from_pretrained(torch.ones(5, 1), freeze=False)
    optimizer = torch.optim.Adam(table.parameters(), lr=0.1)
    vectors = table(torch.tensor([2, 2]))  # (tokens, 1)
    loss = (vectors * torch.tensor([[1.0], [3.0]])).sum()
    loss.backward()
    print("Gradient:", table.weight.grad[2].item())
    optimizer.step()
    print(f"After a step: {table.weight[2].item():.4f}")
    # --8<-- [end:repeated_agree]

    # --8<-- [start:rmsprop]
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.RMSprop([weight])
    print(f"Defaults: {descend(optimizer, weight, [1.0]):.4f}")

    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.RMSprop([weight], lr=0.01, alpha=0.99, eps=1e-7)
    print(f"Same settings: {descend(optimizer, weight, [0.001]):.4f}")
    # --8<-- [end:rmsprop]

    # --8<-- [start:rmsprop_agree]
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.RMSprop([weight])
    for grad in [0.001, -0.002, 0.003]:
        print(f"{descend(optimizer, weight, [grad]):.4f}")
    # --8<-- [end:rmsprop_agree]

    # --8<-- [start:decay]
    print(f"AdamW decays by {torch.optim.AdamW([weight]).defaults['weight_decay']:.3f}")
    for name in ["Adam", "AdamW"]:
        weight = nn.Parameter(torch.tensor(1.0))
        optimizer = getattr(torch.optim, name)([weight], lr=0.01, weight_decay=0.1)
        print(f"{name}: {descend(optimizer, weight, [0.0]):.4f}")
    # --8<-- [end:decay]

    # --8<-- [start:decay_agree]
    grads = [0.1, -0.1, 0.05]
    weight = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.Adam([weight], lr=0.01, weight_decay=0.1)
    print(f"Penalty: {descend(optimizer, weight, grads):.4f}")

    weight = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.AdamW([weight], lr=0.01, weight_decay=0.1)
    print(f"Decay: {descend(optimizer, weight, grads):.4f}")
    # --8<-- [end:decay_agree]

    # --8<-- [start:momentum]
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    print(f"First step: {descend(optimizer, weight, [1.0]):.3f}")
    optimizer.param_groups[0]["lr"] = 0.01
    print(f"A tenth of the rate: {descend(optimizer, weight, [1.0]):.3f}")
    # --8<-- [end:momentum]

    # --8<-- [start:momentum_agree]
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    print(f"First step: {descend(optimizer, weight, [1.0]):.3f}")
    optimizer.param_groups[0]["lr"] *= 0.1
    print(f"A tenth of the rate: {descend(optimizer, weight, [1.0]):.3f}")
    # --8<-- [end:momentum_agree]

    # --8<-- [start:clip]
    weights = [nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))]
    weights[0].grad, weights[1].grad = torch.tensor(3.0), torch.tensor(4.0)
    nn.utils.clip_grad_norm_(weights, max_norm=1.0)
    torch.optim.SGD(weights, lr=1.0).step()
    print([f"{weight.item():.2f}" for weight in weights])
    # --8<-- [end:clip]

    # --8<-- [start:clip_agree]
    weights = [nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))]
    weights[0].grad, weights[1].grad = torch.tensor(3.0), torch.tensor(4.0)
    nn.utils.clip_grad_norm_(weights, max_norm=1.0)
    torch.optim.SGD(weights, lr=1.0).step()
    print("Together:", [f"{weight.item():.2f}" for weight in weights])

    for weight, grad in zip(weights, [3.0, 4.0], strict=True):
        nn.init.zeros_(weight)
        weight.grad = torch.tensor(grad)
        nn.utils.clip_grad_norm_(weight, max_norm=1.0)
    torch.optim.SGD(weights, lr=1.0).step()
    print("Each:", [f"{weight.item():.2f}" for weight in weights])
    # --8<-- [end:clip_agree]
