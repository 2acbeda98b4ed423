"""What the post got wrong in PyTorch, and what to write instead."""

# --8<-- [start:imports]
import random
import string
import warnings

import torch
from torch.nn import functional
from torch.utils.data import DataLoader

# --8<-- [end:imports]
from snippets.then_and_now.numpy_then import show_error

# ruff: noqa: F821, UP031 (the post's names and ways are shown as they were)


# --8<-- [start:where]
def custom_where(cond, x_1, x_2):
    """Choose by arithmetic, as the post does: do not use."""
    return (cond * x_1) + ((1 - cond) * x_2)


# --8<-- [end:where]


# --8<-- [start:accuracy]
def accuracy(labels, targets):
    """Return the fraction of labels that are right; ValueError if shapes differ."""
    if labels.shape != targets.shape:
        shapes = f"{tuple(labels.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"labels and targets differ in shape: {shapes}")
    return (labels == targets).float().mean().item()


# --8<-- [end:accuracy]


# --8<-- [start:module]
class LogisticRegression(torch.nn.Module):
    """A linear layer that starts from zero; it returns logits (batch,)."""

    def __init__(self, num_features):
        super().__init__()
        self.linear = torch.nn.Linear(num_features, 1)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, features):
        """Return the logits of features (batch, num_features)."""
        return self.linear(features).squeeze(1)  # (batch,)


# --8<-- [end:module]


# --8<-- [start:epochs]
def second_epoch(train_loader, other_loader):
    """Train an epoch, measure with other_loader, return the next epoch's order."""
    torch.manual_seed(123)
    list(train_loader)
    list(other_loader)
    return torch.cat(list(train_loader)).tolist()


# --8<-- [end:epochs]


# --8<-- [start:characters]
ALPHABET = string.printable  # 100 characters


def char_to_tensor(text):
    """Return the characters' indices (len(text),); ValueError where there are none."""
    if not text or not set(text) <= set(ALPHABET):
        raise ValueError(f"text {text!r} is empty or leaves the alphabet")
    return torch.tensor([ALPHABET.index(character) for character in text])


def draw_random_sample(text, size, generator):
    """Return random inputs and targets (size,); ValueError if text is too short."""
    if not 1 <= size < len(text):
        raise ValueError(f"size is {size}, must be 1 to {len(text) - 1}")
    start = torch.randint(len(text) - size, (), generator=generator).item()
    portion = char_to_tensor(text[start : start + size + 1])  # (size + 1,)
    return portion[:-1], portion[1:]


# --8<-- [end:characters]


# --8<-- [start:rnn]
class CharacterGRU(torch.nn.Module):
    """An embedding, a GRU and a linear layer; each size is used where it belongs."""

    def __init__(self, num_characters, embedding_dim, num_hidden, num_layers=1):
        super().__init__()
        self.embed = torch.nn.Embedding(num_characters, embedding_dim)
        self.gru = torch.nn.GRU(embedding_dim, num_hidden, num_layers, batch_first=True)
        self.fc = torch.nn.Linear(num_hidden, num_characters)

    def forward(self, tokens, hidden=None):
        """Return logits (batch, time, characters) and the last hidden state."""
        outputs, hidden = self.gru(self.embed(tokens), hidden)  # starts from zero
        return self.fc(outputs), hidden


# --8<-- [end:rnn]


# --8<-- [start:draw]
def draw_index(logits, temperature):
    """Draw from softmax(logits / temperature); ValueError if temperature is not > 0."""
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, must be above 0")
    return torch.multinomial(functional.softmax(logits / temperature, dim=-1), 1).item()


# --8<-- [end:draw]


if __name__ == "__main__":
    # --8<-- [start:probas]
    logits = torch.tensor([-1.4, 1.4])
    probas = torch.sigmoid(logits)
    # --8<-- [end:probas]

    try:
        # --8<-- [start:bool]
        custom_where(probas >= 0.5, 1, 0)
        # --8<-- [end:bool]
    except NotImplementedError as error:
        print(f"NotImplementedError: {error}")

    # --8<-- [start:bool_now]
    print(torch.where(probas > 0.5, 1, 0))
    print((logits > 0).int())  # the same, without probabilities
    # --8<-- [end:bool_now]

    # --8<-- [start:division]
    hits = torch.tensor([True, True, False])
    then = torch.div(hits.sum(), 3, rounding_mode="floor")  # what `/` did in 2018
    print(f"Then: {then:.3f} | Now: {hits.float().mean():.3f}")
    # --8<-- [end:division]

    # --8<-- [start:shapes]
    labels = torch.tensor([0.0, 1.0, 1.0])  # (3,), all of them right
    targets = torch.tensor([0.0, 1.0, 1.0]).view(-1, 1)  # (3, 1)
    hits = labels.view(-1) == targets  # (3, 3)
    print(f"Then: accuracy {torch.sum(hits) / targets.size()[0]:.3f}")
    with show_error():
        accuracy(labels, targets)
    print(f"Now: accuracy {accuracy(labels, targets.view(-1)):.3f}")
    # --8<-- [end:shapes]

    # --8<-- [start:log]
    logit, target = torch.tensor(20.0), torch.tensor(1.0)
    proba = torch.sigmoid(logit)  # rounded to 1
    cost = -target * torch.log(proba) - (1 - target) * torch.log(1 - proba)
    print(f"Then: {cost:.3f}")
    print(f"Now: {functional.softplus(logit) - target * logit:.3f}")
    # --8<-- [end:log]

    # --8<-- [start:sigmoid]
    logit = torch.tensor(-100.0, requires_grad=True)
    (slope,) = torch.autograd.grad(1.0 / (1.0 + torch.exp(-logit)), logit)
    print(f"Then: {slope:.3f}")
    (slope,) = torch.autograd.grad(torch.sigmoid(logit), logit)
    print(f"Now: {slope:.3f}")
    # --8<-- [end:sigmoid]

    # --8<-- [start:clipped]
    logit = torch.tensor([20.0], requires_grad=True)
    target = torch.tensor([0.0])  # certain, and wrong
    cost = torch.nn.BCELoss(reduction="sum")(torch.sigmoid(logit), target)
    (slope,) = torch.autograd.grad(cost, logit)
    print(f"Then: cost {cost.item():.3f}, slope {slope.item():.3f}")
    cost = torch.nn.BCEWithLogitsLoss(reduction="sum")(logit, target)
    (slope,) = torch.autograd.grad(cost, logit)
    print(f"Now: cost {cost.item():.3f}, slope {slope.item():.3f}")
    # --8<-- [end:clipped]

    # --8<-- [start:scalar]
    cost = torch.tensor([2.758], requires_grad=True) * 1
    with warnings.catch_warnings(), show_error():
        warnings.simplefilter("error")  # else it is a line on standard error
        print("Cost: %.3f" % cost)
    print(f"Cost: {cost.item():.3f}")
    # --8<-- [end:scalar]

    # --8<-- [start:pieces]
    class OnlyLayers(torch.nn.Module):
        """The first block of the class, taken by itself."""

        def __init__(self, num_features):
            super().__init__()
            self.linear = torch.nn.Linear(num_features, 1)

    with show_error():
        self.linear.weight.detach().zero_()
    # --8<-- [end:pieces]

    with show_error():
        # --8<-- [start:forward]
        OnlyLayers(num_features=2)(torch.zeros(3, 2))
        # --8<-- [end:forward]

    # --8<-- [start:super]
    class Misnamed(torch.nn.Module):
        """A class that calls itself by another name."""

        def __init__(self):
            super(LogisticRegression3, self).__init__()

    with show_error():
        Misnamed()
    # --8<-- [end:super]

    # --8<-- [start:module_now]
    model = LogisticRegression(num_features=2)
    print("Logits:", model(torch.ones(3, 2)).tolist())
    # --8<-- [end:module_now]

    try:
        # --8<-- [start:minus]
        compile("DataLoader(dataset, batch_size=256, shuffle-True)", "post", "eval")
        # --8<-- [end:minus]
    except SyntaxError as error:
        print(f"SyntaxError: {error.msg}")

    # --8<-- [start:minus_now]
    test_loader = DataLoader(range(5), batch_size=2, shuffle=False)
    print([batch.tolist() for batch in test_loader])
    # --8<-- [end:minus_now]

    # --8<-- [start:drawn]
    examples = range(75)
    train_loader = DataLoader(examples, batch_size=25, shuffle=True)
    unmeasured = second_epoch(train_loader, [])
    measured = second_epoch(train_loader, train_loader)
    print("Then: the same second epoch:", measured == unmeasured)

    orders = []
    for measure in [False, True]:
        own = torch.Generator().manual_seed(123)
        train_loader = DataLoader(examples, batch_size=25, shuffle=True, generator=own)
        accuracy_loader = DataLoader(
            examples, batch_size=25, generator=torch.Generator()
        )
        orders.append(second_epoch(train_loader, accuracy_loader if measure else []))
    print("Now: the same second epoch:", orders[0] == orders[1])
    # --8<-- [end:drawn]

    # --8<-- [start:empty]
    correct, num_examples = 0, 0  # and no batch was left to add to them
    with show_error():
        print(correct.float() / num_examples)
    with show_error():
        if not num_examples:
            raise ValueError("the loader holds no examples")
    # --8<-- [end:empty]

    # --8<-- [start:logits]
    logits = torch.tensor([[2.0, 1.0, 0.0]])  # (batch, classes)
    print(f"Logits: exponentials add up to {logits.exp().sum():.3f}")
    log_probas = functional.log_softmax(logits, dim=1)
    print(f"Log-probabilities: they add up to {log_probas.exp().sum():.3f}")
    # --8<-- [end:logits]

    # --8<-- [start:dim]
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])  # (batch, classes)
    for dim in [0, 1]:
        sums = functional.softmax(logits, dim=dim).sum(
            dim=1
        )  # one sum for each example
        print(f"dim={dim}: {sums[0]:.3f} {sums[1]:.3f}")
    # --8<-- [end:dim]

    # --8<-- [start:max]
    probas = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
    values, labels = torch.max(probas, 1)
    print("Largest:", [f"{value:.1f}" for value in values], "at", labels.tolist())
    print("The same, from logits:", torch.argmax(probas.log(), dim=1).tolist())
    # --8<-- [end:max]

    # --8<-- [start:labels]
    logits = torch.tensor([[2.0, 1.0, 0.0]], requires_grad=True)
    print("Labels can be learned from:", logits.argmax(dim=1).requires_grad)
    cost = functional.cross_entropy(logits, torch.tensor([0]))
    print("Logits can be learned from:", cost.requires_grad)
    # --8<-- [end:labels]

    # --8<-- [start:add]
    weight = torch.tensor(1.0, requires_grad=True)
    for _ in range(2):
        (3 * weight).backward()
        print(f"Gradient: {weight.grad.item():.1f}")
    # --8<-- [end:add]

    # --8<-- [start:zeros]
    logits = torch.zeros(1, 10)  # (batch, classes)
    print(f"First cost: {functional.cross_entropy(logits, torch.tensor([7])):.4f}")

    layers = [torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 10)]
    model = torch.nn.Sequential(*layers)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    functional.cross_entropy(model(torch.ones(1, 4)), torch.tensor([7])).backward()
    print("A hidden layer learns:", layers[0].weight.grad.any().item())
    # --8<-- [end:zeros]

    # --8<-- [start:sum]
    weight = torch.zeros((), requires_grad=True)
    logits, targets = weight * torch.ones(75), torch.ones(75)
    for reduction in ["sum", "mean"]:
        cost = functional.binary_cross_entropy_with_logits(
            logits, targets, reduction=reduction
        )
        (slope,) = torch.autograd.grad(cost, weight, retain_graph=True)
        print(f"{reduction}: step of {-0.1 * slope.item():.2f}")
    # --8<-- [end:sum]

    # --8<-- [start:shared]
    weights = torch.zeros(2, requires_grad=True)
    tmp = weights.detach()
    tmp -= 1  # no copy: the weights change with it
    print("Then:", weights.tolist(), weights.requires_grad)
    with torch.no_grad():
        weights -= 1
    print("Now: ", weights.tolist(), weights.requires_grad)
    # --8<-- [end:shared]

    # --8<-- [start:embedding]
    num_characters, embedding_dim, hidden_size = 100, 64, 128
    embed = torch.nn.Embedding(num_characters, hidden_size)
    gru = torch.nn.GRU(embedding_dim, hidden_size)
    # --8<-- [end:embedding]

    with show_error():
        # --8<-- [start:mismatch]
        gru(embed(torch.tensor([3])).view(1, 1, -1))
        # --8<-- [end:mismatch]

    # --8<-- [start:embedding_now]
    model = CharacterGRU(num_characters, embedding_dim, hidden_size)
    logits, hidden = model(torch.tensor([[3]]))
    print("Logits:", tuple(logits.shape), "hidden:", tuple(hidden.shape))
    # --8<-- [end:embedding_now]

    # --8<-- [start:settings]
    num_hidden = 8
    then = torch.nn.GRU(input_size=4, hidden_size=16, num_layers=num_hidden)
    print("Then:", then.num_layers, "layers of", then.hidden_size)
    model = CharacterGRU(len(ALPHABET), embedding_dim=4, num_hidden=num_hidden)
    print("Now: ", model.gru.num_layers, "layer of", model.gru.hidden_size)
    # --8<-- [end:settings]

    # --8<-- [start:sequence]
    tokens = char_to_tensor("then").view(1, -1)  # (batch, time)
    gru = torch.nn.GRU(4, num_hidden)  # fits one character
    with show_error():
        gru(model.embed(tokens).view(1, 1, -1))  # four characters glued into one
    print("Now:", tuple(model(tokens)[0].shape))
    # --8<-- [end:sequence]

    # --8<-- [start:unused]
    model.init_hidden = torch.nn.Parameter(torch.zeros(1, 1, hidden_size))
    model(tokens)[0].sum().backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            print("Then: never trained:", name)
    del model.init_hidden
    print("Now:", all(parameter.grad is not None for parameter in model.parameters()))
    # --8<-- [end:unused]

    # --8<-- [start:overflow]
    logits = torch.tensor([20.0, 10.0])  # of a model that is sure of itself
    # --8<-- [end:overflow]

    with show_error():
        # --8<-- [start:multinomial]
        torch.multinomial(logits.div(0.2).exp(), 1)
        # --8<-- [end:multinomial]

    # --8<-- [start:overflow_now]
    print("Now:", draw_index(logits, temperature=0.2))
    with show_error():
        draw_index(logits, temperature=0)
    # --8<-- [end:overflow_now]

    # --8<-- [start:prompt]
    with show_error():
        torch.tensor([])[-1]
    with show_error():
        char_to_tensor("")
    # --8<-- [end:prompt]

    # --8<-- [start:defined]
    own = torch.Generator().manual_seed(123)
    inputs, targets = draw_random_sample("then and now", 4, own)
    print("One further on:", torch.equal(inputs[1:], targets[:-1]))
    # --8<-- [end:defined]

    # --8<-- [start:seeds]
    draws = []
    for _ in range(2):
        torch.manual_seed(123)
        draws.append((torch.rand(()).item(), random.random()))
    print("torch draws the same:", draws[0][0] == draws[1][0])
    print("random draws the same:", draws[0][1] == draws[1][1])
    # --8<-- [end:seeds]

    # --8<-- [start:data]
    features = torch.tensor([0.0, 0.0], requires_grad=True)
    output = torch.sigmoid(features)  # its slope is 0.25
    output.data.zero_()  # behind autograd's back
    output.sum().backward()
    print("Then:", features.grad.tolist())
    output = torch.sigmoid(features)
    output.detach().zero_()
    with show_error():
        output.sum().backward()
    # --8<-- [end:data]
