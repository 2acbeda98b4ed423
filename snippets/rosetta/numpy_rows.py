"""The Rosetta table's rows in NumPy: what each one means.

A function's docstring is its row's phrase; the section it stands in is its row's group;
`pytorch_rows.py` and `tensorflow_rows.py` have the same functions in the same order.
Where NumPy has no such thing (gradients, layers, optimizers), it computes by arithmetic
what the others must come to.
"""

# --8<-- [start:imports]
import math

import numpy as np

# --8<-- [end:imports]


# --8<-- [start:tensors]
def from_numbers():
    """A tensor of given numbers"""
    return np.array([1.0, 2.0], np.float32)


def zeros():
    """Zeros (or ones) of a shape"""
    return np.zeros((2, 3), np.float32)


def full_like(x):
    """One number everywhere, in the shape of another tensor"""
    return np.full_like(x, 7.0)


def arange():
    """Integers from 0 to below 10, by twos"""
    return np.arange(0, 10, 2)


def identity():
    """The identity matrix"""
    return np.eye(3, dtype=np.float32)


def from_numpy(array):
    """A NumPy array as a tensor"""
    return array


def to_numpy(x):
    """A tensor as a NumPy array"""
    return x


def to_number(x):
    """One element as a Python number"""
    return x[0, 1].item()


def cast(x):
    """Another type; what follows the point is cut off"""
    return x.astype(np.int64)


def shape(x):
    """The shape, as a tuple of integers"""
    return x.shape


def num_elements(x):
    """The number of elements"""
    return x.size


def copy(x):
    """A copy that changes of the original do not reach"""
    return x.copy()


# --8<-- [end:tensors]


# --8<-- [start:shapes]
def reshape(x):
    """Another shape, the elements in the same order"""
    return x.reshape(3, 2)


def transpose(x):
    """Rows and columns exchanged"""
    return x.T


def permute(batch):
    """Axes in another order"""
    return batch.transpose(0, 2, 1)


def insert_axis(v):
    """One more axis, of length 1"""
    return np.expand_dims(v, 1)


def drop_axis(x):
    """An axis of length 1 removed"""
    return np.squeeze(x[:, :1], axis=1)


def concatenate(x, y):
    """Along an axis that there is"""
    return np.concatenate([x, y], axis=1)


def stack(v, w):
    """Along a new axis"""
    return np.stack([v, w], axis=0)


def split_in_parts(batch):
    """Two equal parts"""
    return np.split(batch, 2, axis=2)


def split_by_lengths(x):
    """Parts of given lengths, 1 and 2"""
    return np.split(x, [1], axis=1)


def tile(v):
    """The whole again: a b c a b c"""
    return np.tile(v, 2)


def repeat(v):
    """Each element again: a a b b c c"""
    return np.repeat(v, 2)


def broadcast(v):
    """Broadcast to a shape"""
    return np.broadcast_to(v, (2, 3))


def flip(x):
    """An axis reversed"""
    return np.flip(x, axis=1)


def pad(x):
    """One zero before each row, two after it"""
    return np.pad(x, ((0, 0), (1, 2)))


def windows(x):
    """Windows of two neighbours in each row"""
    return np.lib.stride_tricks.sliding_window_view(
        x, 2, axis=1
    )


# --8<-- [end:shapes]


# --8<-- [start:indexing]
def by_mask(x):
    """The elements where a mask is true"""
    return x[x > 0]


def by_rows(x, rows):
    """Rows by their numbers"""
    return x[rows]


def by_columns(x, columns):
    """Columns by their numbers"""
    return x[:, columns]


def one_per_row(x, columns):
    """One element of each row, by its column"""
    return x[np.arange(2), columns]


def along_axis(x, order):
    """Each row in an order of its own"""
    return np.take_along_axis(x, order, axis=1)


def by_condition(x, y):
    """One or the other, element by element"""
    return np.where(x > 0, x, y)


def places(x):
    """The places where a condition holds, one per row"""
    return np.argwhere(x > 0)


def set_in_copy(x):
    """One element changed, in a copy"""
    changed = x.copy()
    changed[0, 1] = 9.0
    return changed


def set_in_place(x):
    """One element changed, in place"""
    x[0, 1] = 9.0
    return x


def add_at(rows, v):
    """Numbers added up by slot, where slots repeat"""
    total = np.zeros(3, np.float32)
    np.add.at(total, rows, v)
    return total


def argmax(x):
    """Where the largest of each row stands"""
    return x.argmax(axis=1)


def argmax_of_all(x):
    """Where the largest of all stands, counted through"""
    return x.argmax()


def top_k(x):
    """The two largest of each row, and where they stand"""
    order = np.argsort(-x, axis=1)[:, :2]
    return np.take_along_axis(x, order, axis=1), order


def sort(x):
    """Each row sorted"""
    return np.sort(x, axis=1)


def argsort(x):
    """The order that sorts each row"""
    return np.argsort(x, axis=1)


def unique(tokens):
    """The distinct values, ascending, and their counts"""
    return np.unique(tokens, return_counts=True)


def one_hot_rows(targets):
    """Class numbers as one-hot rows"""
    return np.eye(3, dtype=np.float32)[targets]


# --8<-- [end:indexing]


# --8<-- [start:reductions]
def sum_of_all(x):
    """The sum of all"""
    return x.sum()


def sum_of_rows(x):
    """The sum of each row, as a column"""
    return x.sum(axis=1, keepdims=True)


def mean_of_integers(tokens):
    """The mean of integers"""
    return tokens.mean(dtype=np.float32)


def largest_of_rows(x):
    """The largest of each row"""
    return x.max(axis=1)


def any_of_rows(x):
    """Whether any element of a row (or all) is true"""
    return (x > 2).any(axis=1)


def variance(x):
    """Variance, divided by n"""
    return x.var(axis=1)


def sample_std(x):
    """Standard deviation, divided by n − 1"""
    return x.std(axis=1, ddof=1)


def median(scores):
    """The median, of an even number of elements"""
    return np.median(scores)


def norm(x):
    """Euclidean length of each row"""
    return np.linalg.norm(x, axis=1)


def cumulative_sum(x):
    """Running sum along each row"""
    return x.cumsum(axis=1)


def log_sum_exp(x):
    """Log of a sum of exponentials, without overflow"""
    largest = x.max(axis=1, keepdims=True)
    total = np.exp(x - largest).sum(axis=1)
    return largest[:, 0] + np.log(total)


# --8<-- [end:reductions]


# --8<-- [start:elementwise]
def clip(x):
    """Limited to a range"""
    return np.clip(x, -1, 1)


def round_half_to_even(halves):
    """Rounded; halves to the even neighbour"""
    return np.round(halves)


def sigmoid(x):
    """Sigmoid"""
    return 1 / (1 + np.exp(-x))


def relu(x):
    """ReLU"""
    return np.maximum(x, 0)


def replace_nan(with_nan):
    """NaN replaced"""
    return np.where(np.isnan(with_nan), 0, with_nan)


def all_close(x):
    """Whether two tensors are equal, up to rounding"""
    return np.allclose(x, x + 1e-7)


# --8<-- [end:elementwise]


# --8<-- [start:linear-algebra]
def matmul(x, y):
    """Matrix times matrix"""
    return x @ y.T


def matvec(x, v):
    """Matrix times vector"""
    return x @ v


def dot(v, w):
    """Dot product"""
    return v @ w


def outer(v, w):
    """Outer product"""
    return np.outer(v, w)


def batch_matmul(batch):
    """A product per example of a batch"""
    return batch @ batch.transpose(0, 2, 1)


def einsum(batch, x):
    """Any product, by the names of its axes"""
    return np.einsum("bij,ki->bkj", batch, x)


def solve(square, v):
    """The solution of a linear system"""
    return np.linalg.solve(square, v)


def least_squares(features, scores):
    """The least-squares solution"""
    return np.linalg.lstsq(features, scores)[0]


def inverse(square):
    """The inverse"""
    return np.linalg.inv(square)


def eigenvalues(square):
    """Eigenvalues of a symmetric matrix, ascending"""
    return np.linalg.eigvalsh(square)


def singular_values(x):
    """Singular values, descending"""
    return np.linalg.svd(x, compute_uv=False)


def svd(x):
    """Singular value decomposition, and back"""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return (u * s) @ vh


def diagonal(square):
    """The diagonal of a matrix"""
    return np.diagonal(square)


def lower_triangle():
    """Ones up to the diagonal: a causal mask"""
    return np.tril(np.ones((3, 3), np.float32))


def distances(x, y):
    """Distance of each row of x to each row of y"""
    return np.linalg.norm(x[:, None] - y, axis=2)


# --8<-- [end:linear-algebra]


# --8<-- [start:gradients]
def gradient(x):
    """Gradient of a sum of squares"""
    return 2 * x


def gradient_of_function(x):
    """Gradient, as a function"""
    return 2 * x


def gradients(x, y):
    """Gradients by two tensors"""
    return y, x


def gradient_of_many(x):
    """Several outputs: the gradient of their sum"""
    return 2 * x


def weighted_gradient(x, y):
    """Several outputs, each with a weight"""
    return 2 * x * y


def second_derivative(v):
    """Second derivative of a cube"""
    return 6 * v


def jacobian(v):
    """Jacobian: every output by every input"""
    return np.diag(2 * v)


def forward_mode(x, y):
    """Derivative along a direction, in forward mode"""
    return 2 * x * y


def stop_gradient(x):
    """A factor that counts as constant"""
    return x


def not_recorded(x):
    """Operations that are not recorded"""
    return np.full_like(x, x.sum())


def without_influence(x, y):
    """Zero, where the output does not depend on it"""
    return np.zeros_like(y)


# --8<-- [end:gradients]


# --8<-- [start:layers]
def linear(features, weight, bias):
    """Linear layer with given weights"""
    return features @ weight.T + bias


def embedding(tokens, table):
    """Embedding with a given table"""
    return table[tokens]


def convolution(images, filters):
    """Convolution, as large as its input"""
    padded = np.pad(
        images, ((0, 0), (0, 0), (1, 1), (1, 1))
    )
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, (3, 3), axis=(2, 3)
    )
    return np.einsum("nchwij,ocij->nohw", windows, filters)


def max_pool(images):
    """Largest of each 2 × 2 square"""
    n, c, h, w = images.shape
    squares = images.reshape(n, c, h // 2, 2, w // 2, 2)
    return squares.max(axis=(3, 5))


def mean_pool(images):
    """Mean of each 2 × 2 square"""
    n, c, h, w = images.shape
    squares = images.reshape(n, c, h // 2, 2, w // 2, 2)
    return squares.mean(axis=(3, 5))


def global_mean_pool(images):
    """Mean of each channel of each image"""
    return images.mean(axis=(2, 3))


def layer_norm(features):
    """Layer normalization"""
    mean = features.mean(axis=1, keepdims=True)
    var = features.var(axis=1, keepdims=True)
    return (features - mean) / np.sqrt(var + 1e-5)


def batch_norm(features):
    """Batch normalization, in training"""
    mean, var = features.mean(axis=0), features.var(axis=0)
    return (features - mean) / np.sqrt(var + 1e-5)


def running_mean(features):
    """Its running mean, after one batch"""
    return 0.9 * np.zeros(
        3, np.float32
    ) + 0.1 * features.mean(0)


def dropout(x):
    """Dropout, in evaluation"""
    return x


def dropout_in_training(x):
    """Dropout, in training: kept ones are doubled"""
    kept = np.random.default_rng().random(x.shape) < 0.5
    return np.where(kept, x / 0.5, 0)


def leaky_relu(x):
    """ReLU with a slope below 0"""
    return np.where(x > 0, x, 0.1 * x)


def gelu(x):
    """GELU, exact"""
    erf = np.vectorize(math.erf, otypes=[np.float32])
    return x * (1 + erf(x / math.sqrt(2))) / 2


def softmax(logits):
    """Softmax of each row"""
    largest = logits.max(axis=1, keepdims=True)
    powers = np.exp(logits - largest)
    return powers / powers.sum(axis=1, keepdims=True)


def attention(batch):
    """Attention of a sequence to itself"""
    products = batch @ batch.transpose(0, 2, 1)
    powers = np.exp(products / math.sqrt(batch.shape[2]))
    return powers / powers.sum(2, keepdims=True) @ batch


def in_sequence(batch):
    """One layer after the other"""
    return np.maximum(batch.reshape(len(batch), -1), 0)


def num_parameters():
    """The number of parameters"""
    return 2 * 3 + 2


# --8<-- [end:layers]


# --8<-- [start:losses]
def mean_squared_error(predictions, observed):
    """Mean squared error"""
    return ((predictions - observed) ** 2).mean()


def huber(predictions, observed):
    """Huber loss"""
    error = np.abs(predictions - observed)
    return np.where(
        error < 1, error**2 / 2, error - 0.5
    ).mean()


def binary_cross_entropy(scores, labels):
    """Two classes, from logits"""
    return (
        np.log1p(np.exp(scores)) - labels * scores
    ).mean()


def cross_entropy(logits, targets):
    """Several classes, from logits and class numbers"""
    totals = np.log(np.exp(logits).sum(axis=1))
    return (totals - logits[np.arange(4), targets]).mean()


def cross_entropy_one_hot(logits, one_hot):
    """Several classes, from logits and one-hot rows"""
    totals = np.log(np.exp(logits).sum(axis=1))
    return (totals - (one_hot * logits).sum(axis=1)).mean()


def cross_entropy_smoothed(logits, one_hot):
    """The same, with label smoothing"""
    smooth = 0.9 * one_hot + 0.1 / 3
    totals = np.log(np.exp(logits).sum(axis=1))
    return (totals - (smooth * logits).sum(axis=1)).mean()


def cross_entropy_per_example(logits, targets):
    """One loss per example, instead of their mean"""
    totals = np.log(np.exp(logits).sum(axis=1))
    return totals - logits[np.arange(4), targets]


def kl_divergence(p, q):
    """Kullback–Leibler divergence, p from q, mean of rows"""
    return (p * np.log(p / q)).sum(axis=1).mean()


def cosine_similarity(x, y):
    """Cosine of the angle between rows"""
    lengths = np.linalg.norm([x, y], axis=2)
    return (x * y).sum(axis=1) / lengths[0] / lengths[1]


# --8<-- [end:losses]


# --8<-- [start:optimizers]
def sgd(param, grad):
    """One step of gradient descent"""
    return param - 0.1 * grad


def sgd_with_momentum(param, grad):
    """Two steps with momentum"""
    return param - 0.1 * grad - 0.1 * (0.9 * grad + grad)


def adam(param, grad):
    """One step of Adam"""
    mean = (1 - 0.9) * grad / (1 - 0.9)
    square = (1 - 0.999) * grad**2 / (1 - 0.999)
    return param - 0.1 * mean / (np.sqrt(square) + 1e-8)


def adam_with_weight_decay(param, grad):
    """One step of AdamW"""
    decayed = param - 0.1 * 0.01 * param
    return decayed - 0.1 * grad / (np.abs(grad) + 1e-8)


def clip_by_norm(grad):
    """Gradients scaled to a common norm of at most 1"""
    return grad * min(1, 1 / np.linalg.norm(grad))


def training_step(features, scores, v):
    """A whole training step, from v"""
    errors = features @ v - scores
    return v - 0.1 * 2 * errors @ features / len(errors)


def cosine_schedule():
    """A learning rate on a cosine, after 3 of 10 steps"""
    return 0.1 * (1 + math.cos(math.pi * 3 / 10)) / 2


def set_learning_rate():
    """Another learning rate, on the way"""
    return 0.01


# --8<-- [end:optimizers]


# --8<-- [start:data]
def batches(features, targets):
    """Batches of pairs, in order"""
    parts = [slice(i, i + 3) for i in (0, 3)]
    return [(features[p], targets[p]) for p in parts]


def full_batches(features):
    """Without the rest that fills no batch"""
    return [features[:3]]


def shuffled(tokens):
    """Shuffled, from a seed"""
    generator = np.random.default_rng(1)
    return list(generator.permutation(tokens))


def mapped(features):
    """A function on each example"""
    return [2 * example for example in features]


def first_examples(features):
    """The first two examples"""
    return [features[0], features[1]]


def padded_sequences(v):
    """Sequences of different lengths, padded with zeros"""
    return np.stack([v, np.pad(v[:2], (0, 1))])


# --8<-- [end:data]


# --8<-- [start:devices]
def device_of(x):
    """Where a tensor is"""
    return x.device


def has_accelerator():
    """Whether there is an accelerator"""
    return False


def to_device(x):
    """Moved to a device"""
    return x.to_device("cpu")


def on_device():
    """Made on a device"""
    return np.zeros(3, np.float32, device="cpu")


# --8<-- [end:devices]


# --8<-- [start:saving]
def save_tensor(x, tensor_file):
    """A tensor to a file, and back"""
    np.save(tensor_file, x)
    return np.load(tensor_file)


def save_weights(features, weight, bias, tensors_file):
    """Weights to a file, and into another model"""
    np.savez(tensors_file, weight=weight, bias=bias)
    saved = np.load(tensors_file)
    return features @ saved["weight"].T + saved["bias"]


# --8<-- [end:saving]


# --8<-- [start:compiling]
def compiled(x):
    """A function, compiled"""
    return (x**2).sum()


def compiled_branch(x):
    """A branch on a value, in a compiled function"""
    return x if x.sum() > 0 else -x


def vectorized(x, y):
    """A function of one example, on a batch"""
    return np.stack(
        [a @ b for a, b in zip(x, y, strict=True)]
    )


# --8<-- [end:compiling]


# --8<-- [start:random]
def normal():
    """Normally distributed numbers, mean 0, deviation 1"""
    generator = np.random.default_rng()
    return generator.standard_normal(1000, np.float32)


def uniform():
    """Uniformly distributed numbers, from 2 to below 5"""
    generator = np.random.default_rng()
    return generator.uniform(2, 5, 1000).astype(np.float32)


def integers():
    """Integers, from 0 to 9"""
    return np.random.default_rng().integers(10, size=1000)


def permutation():
    """A permutation of 0 to 9"""
    return np.random.default_rng().permutation(10)


def classes(scores):
    """Class numbers, drawn by their logits"""
    probas = np.exp(scores) / np.exp(scores).sum()
    generator = np.random.default_rng()
    return generator.choice(len(scores), 1000, p=probas)


def seeded():
    """The same numbers again, from a global seed"""
    np.random.seed(1)
    return np.random.standard_normal(3).astype(np.float32)


def from_generator():
    """The same numbers again, from a generator"""
    generator = np.random.default_rng(1)
    return generator.standard_normal(3, np.float32)


def glorot_uniform():
    """Start weights of shape (20, 30) by Glorot's rule"""
    limit = math.sqrt(6 / (30 + 20))
    generator = np.random.default_rng()
    weight = generator.uniform(-limit, limit, (20, 30))
    return weight.astype(np.float32)


# --8<-- [end:random]
