"""What PyTorch's losses take and return, next to Keras'."""

# --8<-- [start:imports]
import torch
from torch.nn import functional

# --8<-- [end:imports]


if __name__ == "__main__":
    # --8<-- [start:targets]
    logits = torch.tensor([[2.0, 1.0, -1.0], [0.0, 1.0, 0.0]])  # (batch, classes)
    indices = torch.tensor([0, 2])  # (batch,)
    one_hot = functional.one_hot(indices, num_classes=3).float()  # (batch, classes)
    print(f"Indices: {functional.cross_entropy(logits, indices):.4f}")
    print(f"One-hot: {functional.cross_entropy(logits, one_hot):.4f}")
    # --8<-- [end:targets]

    # --8<-- [start:axis]
    logits = torch.tensor([[[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [3.0, 0.0, 0.0]]])
    targets = torch.tensor([[0, 1, 0]])  # (batch, time); each has the largest logit
    print(f"{functional.cross_entropy(logits, targets):.4f}")
    # --8<-- [end:axis]

    # --8<-- [start:axis_agree]
    classes_second = logits.transpose(1, 2)  # (batch, classes, time)
    print(f"{functional.cross_entropy(classes_second, targets):.4f}")
    # --8<-- [end:axis_agree]

    # --8<-- [start:logits]
    logits = torch.tensor([[2.0, 1.0, -1.0]], requires_grad=True)
    target = torch.tensor([1])
    loss = functional.cross_entropy(logits, target)
    loss.backward()
    print(f"From logits: {loss.item():.4f}, slopes: {logits.grad.any().item()}")

    probas = torch.tensor([[0.0, 1.0, 0.0]])  # certain, and right
    print(f"From probabilities: {functional.cross_entropy(probas, target):.4f}")
    # --8<-- [end:logits]

    # --8<-- [start:logits_agree]
    logits = torch.tensor([[2.0, 1.0, -1.0]])
    target = torch.tensor([1])
    print(f"From logits: {functional.cross_entropy(logits, target):.4f}")
    probas = functional.softmax(logits, dim=1)
    print(f"From probabilities: {functional.nll_loss(probas.log(), target):.4f}")
    # --8<-- [end:logits_agree]

    # --8<-- [start:reduction]
    bias = torch.tensor(0.0, requires_grad=True)
    logits, targets = bias.expand(4), torch.ones(4)
    loss = functional.binary_cross_entropy_with_logits(logits, targets)
    loss.backward()
    print("Shape:", tuple(loss.shape))
    print(f"Slope: {bias.grad:.2f}")
    # --8<-- [end:reduction]

    # --8<-- [start:reduction_agree]
    bias = torch.tensor(0.0, requires_grad=True)
    logits, targets = bias.expand(4), torch.ones(4)
    losses = functional.binary_cross_entropy_with_logits(
        logits, targets, reduction="none"
    )
    for name, loss in {"Mean": losses.mean(), "Sum": losses.sum()}.items():
        (slope,) = torch.autograd.grad(loss, bias, retain_graph=True)
        print(f"{name}: {loss.item():.4f}, slope {slope:.2f}")
    # --8<-- [end:reduction_agree]

    # --8<-- [start:weights]
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])  # (batch, classes)
    targets = torch.tensor([0, 1])  # right, wrong
    class_weights = torch.tensor([1.0, 3.0])
    loss = functional.cross_entropy(logits, targets, weight=class_weights)
    print(f"{loss:.4f}")
    # --8<-- [end:weights]

    # --8<-- [start:weights_agree]
    total = functional.cross_entropy(
        logits, targets, weight=class_weights, reduction="sum"
    )
    print(f"By the weights: {total / class_weights[targets].sum():.4f}")
    print(f"By the batch: {total / len(targets):.4f}")
    # --8<-- [end:weights_agree]
