"""The home page's model in PyTorch: who passes an exam, by hours of study."""

if __name__ == "__main__":
    # --8<-- [start:run]
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    hours = torch.tensor([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
    passed = torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    weight = torch.tensor(0.0, requires_grad=True)
    bias = torch.tensor(0.0, requires_grad=True)

    for step in range(1, 301):
        logits = weight * hours + bias
        loss = binary_cross_entropy_with_logits(logits, passed)
        grads = torch.autograd.grad(loss, (weight, bias))
        with torch.no_grad():
            weight -= 0.5 * grads[0]
            bias -= 0.5 * grads[1]
        if step % 100 == 0:
            print(f"Step: {step} | Loss: {loss.item():.4f}")
    half = -bias.item() / weight.item()
    print(f"Half of them pass after {half:.2f} hours")
    # --8<-- [end:run]
