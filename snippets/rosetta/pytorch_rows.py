"""The Rosetta table's rows in PyTorch; `numpy_rows.py` says what each one means."""

# --8<-- [start:imports]
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
)

# --8<-- [end:imports]


# --8<-- [start:tensors]
def from_numbers():
    return torch.tensor([1.0, 2.0])


def zeros():
    return torch.zeros(2, 3)


def full_like(x):
    return torch.full_like(x, 7.0)


def arange():
    return torch.arange(0, 10, 2)


def identity():
    return torch.eye(3)


def from_numpy(array):
    return torch.from_numpy(array)


def to_numpy(x):
    return x.detach().cpu().numpy()


def to_number(x):
    return x[0, 1].item()


def cast(x):
    return x.to(torch.int64)


def shape(x):
    return tuple(x.shape)


def num_elements(x):
    return x.numel()


def copy(x):
    return x.clone()


# --8<-- [end:tensors]


# --8<-- [start:shapes]
def reshape(x):
    return x.reshape(3, 2)


def transpose(x):
    return x.T


def permute(batch):
    return batch.permute(0, 2, 1)


def insert_axis(v):
    return v.unsqueeze(1)


def drop_axis(x):
    return x[:, :1].squeeze(1)


def concatenate(x, y):
    return torch.cat([x, y], dim=1)


def stack(v, w):
    return torch.stack([v, w], dim=0)


def split_in_parts(batch):
    return torch.tensor_split(batch, 2, dim=2)


def split_by_lengths(x):
    return torch.split(x, [1, 2], dim=1)


def tile(v):
    return v.repeat(2)


def repeat(v):
    return v.repeat_interleave(2)


def broadcast(v):
    return v.expand(2, 3)


def flip(x):
    return x.flip(1)


def pad(x):
    return F.pad(x, (1, 2))


def windows(x):
    return x.unfold(1, 2, step=1)


# --8<-- [end:shapes]


# --8<-- [start:indexing]
def by_mask(x):
    return x[x > 0]


def by_rows(x, rows):
    return x[rows]


def by_columns(x, columns):
    return x[:, columns]


def one_per_row(x, columns):
    return x[torch.arange(2), columns]


def along_axis(x, order):
    return x.gather(1, order)


def by_condition(x, y):
    return torch.where(x > 0, x, y)


def places(x):
    return torch.nonzero(x > 0)


def set_in_copy(x):
    changed = x.clone()
    changed[0, 1] = 9.0
    return changed


def set_in_place(x):
    x[0, 1] = 9.0
    return x


def add_at(rows, v):
    return torch.zeros(3).index_add(0, rows, v)


def argmax(x):
    return x.argmax(dim=1)


def argmax_of_all(x):
    return x.argmax()


def top_k(x):
    return torch.topk(x, 2)


def sort(x):
    return x.sort(dim=1).values


def argsort(x):
    return x.argsort(dim=1)


def unique(tokens):
    return torch.unique(tokens, return_counts=True)


def one_hot_rows(targets):
    return F.one_hot(targets, 3).float()


# --8<-- [end:indexing]


# --8<-- [start:reductions]
def sum_of_all(x):
    return x.sum()


def sum_of_rows(x):
    return x.sum(dim=1, keepdim=True)


def mean_of_integers(tokens):
    return tokens.mean(dtype=torch.float32)


def largest_of_rows(x):
    return x.amax(dim=1)


def any_of_rows(x):
    return (x > 2).any(dim=1)


def variance(x):
    return x.var(dim=1, correction=0)


def sample_std(x):
    return x.std(dim=1)


def median(scores):
    return scores.quantile(0.5)


def norm(x):
    return torch.linalg.vector_norm(x, dim=1)


def cumulative_sum(x):
    return x.cumsum(dim=1)


def log_sum_exp(x):
    return x.logsumexp(dim=1)


# --8<-- [end:reductions]


# --8<-- [start:elementwise]
def clip(x):
    return x.clamp(-1, 1)


def round_half_to_even(halves):
    return halves.round()


def sigmoid(x):
    return x.sigmoid()


def relu(x):
    return x.relu()


def replace_nan(with_nan):
    return torch.where(with_nan.isnan(), 0, with_nan)


def all_close(x):
    return torch.allclose(x, x + 1e-7)


# --8<-- [end:elementwise]


# --8<-- [start:linear-algebra]
def matmul(x, y):
    return x @ y.T


def matvec(x, v):
    return x @ v


def dot(v, w):
    return v @ w


def outer(v, w):
    return torch.outer(v, w)


def batch_matmul(batch):
    return batch @ batch.mT


def einsum(batch, x):
    return torch.einsum("bij,ki->bkj", batch, x)


def solve(square, v):
    return torch.linalg.solve(square, v)


def least_squares(features, scores):
    solution = torch.linalg.lstsq(features, scores[:, None])
    return solution.solution.squeeze(1)


def inverse(square):
    return torch.linalg.inv(square)


def eigenvalues(square):
    return torch.linalg.eigvalsh(square)


def singular_values(x):
    return torch.linalg.svdvals(x)


def svd(x):
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    return (u * s) @ vh


def diagonal(square):
    return square.diagonal()


def lower_triangle():
    return torch.ones(3, 3).tril()


def distances(x, y):
    return torch.cdist(x, y)


# --8<-- [end:linear-algebra]


# --8<-- [start:gradients]
def gradient(x):
    x.requires_grad_()
    loss = (x**2).sum()
    loss.backward()
    return x.grad


def gradient_of_function(x):
    return torch.func.grad(lambda x: (x**2).sum())(x)


def gradients(x, y):
    x.requires_grad_()
    y.requires_grad_()
    loss = (x * y).sum()
    return torch.autograd.grad(loss, [x, y])


def gradient_of_many(x):
    x.requires_grad_()
    outputs = x**2
    outputs.backward(torch.ones_like(outputs))
    return x.grad


def weighted_gradient(x, y):
    x.requires_grad_()
    outputs = x**2
    outputs.backward(y)
    return x.grad


def second_derivative(v):
    v.requires_grad_()
    loss = (v**3).sum()
    (first,) = torch.autograd.grad(
        loss, v, create_graph=True
    )
    (second,) = torch.autograd.grad(first.sum(), v)
    return second


def jacobian(v):
    return torch.func.jacrev(lambda v: v**2)(v)


def forward_mode(x, y):
    _, derivative = torch.func.jvp(
        lambda x: x**2, (x,), (y,)
    )
    return derivative


def stop_gradient(x):
    x.requires_grad_()
    loss = (x * x.detach()).sum()
    loss.backward()
    return x.grad


def not_recorded(x):
    x.requires_grad_()
    with torch.no_grad():
        factor = x.sum()
    loss = (factor * x).sum()
    loss.backward()
    return x.grad


def without_influence(x, y):
    x.requires_grad_()
    y.requires_grad_()
    (grad,) = torch.autograd.grad(
        x.sum(), [y], materialize_grads=True
    )
    return grad


# --8<-- [end:gradients]


# --8<-- [start:layers]
def linear(features, weight, bias):
    layer = nn.Linear(3, 2)
    given = {"weight": weight, "bias": bias}
    layer.load_state_dict(given)
    return layer(features)


def embedding(tokens, table):
    layer = nn.Embedding.from_pretrained(table)
    return layer(tokens)


def convolution(images, filters):
    layer = nn.Conv2d(2, 3, 3, padding=1, bias=False)
    layer.load_state_dict({"weight": filters})
    return layer(images)


def max_pool(images):
    return nn.MaxPool2d(2)(images)


def mean_pool(images):
    return nn.AvgPool2d(2)(images)


def global_mean_pool(images):
    return images.mean(dim=(2, 3))


def layer_norm(features):
    return nn.LayerNorm(3)(features)


def batch_norm(features):
    return nn.BatchNorm1d(3).train()(features)


def running_mean(features):
    layer = nn.BatchNorm1d(3).train()
    layer(features)
    return layer.running_mean


def dropout(x):
    return nn.Dropout(0.5).eval()(x)


def dropout_in_training(x):
    return nn.Dropout(0.5).train()(x)


def leaky_relu(x):
    return nn.LeakyReLU(0.1)(x)


def gelu(x):
    return nn.GELU()(x)


def softmax(logits):
    return logits.softmax(dim=1)


def attention(batch):
    return F.scaled_dot_product_attention(
        batch, batch, batch
    )


def in_sequence(batch):
    model = nn.Sequential(nn.Flatten(), nn.ReLU())
    return model(batch)


def num_parameters():
    layer = nn.Linear(3, 2)
    return sum(p.numel() for p in layer.parameters())


# --8<-- [end:layers]


# --8<-- [start:losses]
def mean_squared_error(predictions, observed):
    return F.mse_loss(predictions, observed)


def huber(predictions, observed):
    return F.huber_loss(predictions, observed)


def binary_cross_entropy(scores, labels):
    return F.binary_cross_entropy_with_logits(
        scores, labels
    )


def cross_entropy(logits, targets):
    return F.cross_entropy(logits, targets)


def cross_entropy_one_hot(logits, one_hot):
    return F.cross_entropy(logits, one_hot)


def cross_entropy_smoothed(logits, one_hot):
    return F.cross_entropy(
        logits, one_hot, label_smoothing=0.1
    )


def cross_entropy_per_example(logits, targets):
    return F.cross_entropy(
        logits, targets, reduction="none"
    )


def kl_divergence(p, q):
    return F.kl_div(q.log(), p, reduction="batchmean")


def cosine_similarity(x, y):
    return F.cosine_similarity(x, y, dim=1)


# --8<-- [end:losses]


# --8<-- [start:optimizers]
def sgd(param, grad):
    param.grad = grad
    optim.SGD([param], lr=0.1).step()
    return param


def sgd_with_momentum(param, grad):
    optimizer = optim.SGD([param], lr=0.1, momentum=0.9)
    for _ in range(2):
        param.grad = grad
        optimizer.step()
    return param


def adam(param, grad):
    param.grad = grad
    optim.Adam([param], lr=0.1).step()
    return param


def adam_with_weight_decay(param, grad):
    param.grad = grad
    optim.AdamW([param], lr=0.1, weight_decay=0.01).step()
    return param


def clip_by_norm(grad):
    param = torch.zeros_like(grad)
    param.grad = grad
    nn.utils.clip_grad_norm_([param], 1.0)
    return param.grad


def training_step(features, scores, v):
    v.requires_grad_()
    optimizer = optim.SGD([v], lr=0.1)
    loss = F.mse_loss(features @ v, scores)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return v


def cosine_schedule():
    optimizer = optim.SGD([torch.zeros(1)], lr=0.1)
    schedule = optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=10
    )
    for _ in range(3):
        optimizer.step()
        schedule.step()
    return optimizer.param_groups[0]["lr"]


def set_learning_rate():
    optimizer = optim.SGD([torch.zeros(1)], lr=0.1)
    for group in optimizer.param_groups:
        group["lr"] = 0.01
    return optimizer.param_groups[0]["lr"]


# --8<-- [end:optimizers]


# --8<-- [start:data]
def batches(features, targets):
    dataset = TensorDataset(features, targets)
    return list(DataLoader(dataset, batch_size=3))


def full_batches(features):
    loader = DataLoader(
        features, batch_size=3, drop_last=True
    )
    return list(loader)


def shuffled(tokens):
    generator = torch.Generator().manual_seed(1)
    loader = DataLoader(
        tokens,
        batch_size=None,
        shuffle=True,
        generator=generator,
    )
    return list(loader)


def mapped(features):
    class Doubled(Dataset):
        def __len__(self):
            return len(features)

        def __getitem__(self, index):
            return 2 * features[index]

    return list(DataLoader(Doubled(), batch_size=None))


def first_examples(features):
    dataset = TensorDataset(features)
    return [x for (x,) in Subset(dataset, range(2))]


def padded_sequences(v):
    return nn.utils.rnn.pad_sequence(
        [v, v[:2]], batch_first=True
    )


# --8<-- [end:data]


# --8<-- [start:devices]
def device_of(x):
    return x.device.type


def has_accelerator():
    return torch.accelerator.is_available()


def to_device(x):
    return x.to("cpu")


def on_device():
    return torch.zeros(3, device="cpu")


# --8<-- [end:devices]


# --8<-- [start:saving]
def save_tensor(x, tensor_file):
    torch.save(x, tensor_file)
    return torch.load(tensor_file)


def save_weights(features, weight, bias, weights_file):
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    given = {"weight": weight, "bias": bias}
    model.load_state_dict(given)
    torch.save(model.state_dict(), weights_file)
    other.load_state_dict(torch.load(weights_file))
    return other(features)


# --8<-- [end:saving]


# --8<-- [start:compiling]
def compiled(x):
    @torch.compile
    def sum_of_squares(x):
        return (x**2).sum()

    return sum_of_squares(x)


def compiled_branch(x):
    @torch.compile
    def with_positive_sum(x):
        return x if x.sum() > 0 else -x

    return with_positive_sum(x)


def vectorized(x, y):
    return torch.vmap(torch.dot)(x, y)


# --8<-- [end:compiling]


# --8<-- [start:random]
def normal():
    return torch.randn(1000)


def uniform():
    return torch.empty(1000).uniform_(2, 5)


def integers():
    return torch.randint(10, (1000,))


def permutation():
    return torch.randperm(10)


def classes(scores):
    probas = scores.softmax(dim=0)
    return torch.multinomial(probas, 1000, replacement=True)


def seeded():
    torch.manual_seed(1)
    return torch.randn(3)


def from_generator():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, generator=generator)


def glorot_uniform():
    weight = torch.empty(20, 30)
    return nn.init.xavier_uniform_(weight)


# --8<-- [end:random]
