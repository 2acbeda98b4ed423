"""The Rosetta table's rows in TensorFlow; `numpy_rows.py` says what each one means."""

# --8<-- [start:imports]
import keras
import tensorflow as tf
from keras import layers, losses, optimizers

# --8<-- [end:imports]


# --8<-- [start:tensors]
def from_numbers():
    return tf.constant([1.0, 2.0])


def zeros():
    return tf.zeros([2, 3])


def full_like(x):
    return tf.fill(x.shape, 7.0)


def arange():
    return tf.range(0, 10, 2)


def identity():
    return tf.eye(3)


def from_numpy(array):
    return tf.constant(array)


def to_numpy(x):
    return x.numpy()


def to_number(x):
    return x[0, 1].numpy().item()


def cast(x):
    return tf.cast(x, tf.int64)


def shape(x):
    return tuple(x.shape)


def num_elements(x):
    return tf.size(x)


def copy(x):
    return tf.identity(x)


# --8<-- [end:tensors]


# --8<-- [start:shapes]
def reshape(x):
    return tf.reshape(x, [3, 2])


def transpose(x):
    return tf.transpose(x)


def permute(batch):
    return tf.transpose(batch, [0, 2, 1])


def insert_axis(v):
    return tf.expand_dims(v, 1)


def drop_axis(x):
    return tf.squeeze(x[:, :1], axis=1)


def concatenate(x, y):
    return tf.concat([x, y], axis=1)


def stack(v, w):
    return tf.stack([v, w], axis=0)


def split_in_parts(batch):
    return tf.split(batch, 2, axis=2)


def split_by_lengths(x):
    return tf.split(x, [1, 2], axis=1)


def tile(v):
    return tf.tile(v, [2])


def repeat(v):
    return tf.repeat(v, 2)


def broadcast(v):
    return tf.broadcast_to(v, [2, 3])


def flip(x):
    return tf.reverse(x, [1])


def pad(x):
    return tf.pad(x, [[0, 0], [1, 2]])


def windows(x):
    return tf.signal.frame(x, 2, frame_step=1)


# --8<-- [end:shapes]


# --8<-- [start:indexing]
def by_mask(x):
    return tf.boolean_mask(x, x > 0)


def by_rows(x, rows):
    return tf.gather(x, rows)


def by_columns(x, columns):
    return tf.gather(x, columns, axis=1)


def one_per_row(x, columns):
    return tf.gather(x, columns, axis=1, batch_dims=1)


def along_axis(x, order):
    return tf.gather(x, order, axis=1, batch_dims=1)


def by_condition(x, y):
    return tf.where(x > 0, x, y)


def places(x):
    return tf.where(x > 0)


def set_in_copy(x):
    return tf.tensor_scatter_nd_update(x, [[0, 1]], [9.0])


def set_in_place(x):
    variable = tf.Variable(x)
    variable[0, 1].assign(9.0)
    return variable


def add_at(rows, v):
    return tf.math.unsorted_segment_sum(v, rows, 3)


def argmax(x):
    return tf.argmax(x, axis=1)


def argmax_of_all(x):
    return tf.argmax(tf.reshape(x, [-1]))


def top_k(x):
    return tf.math.top_k(x, 2)


def sort(x):
    return tf.sort(x, axis=1)


def argsort(x):
    return tf.argsort(x, axis=1)


def unique(tokens):
    values, _, counts = tf.unique_with_counts(
        tf.sort(tokens)
    )
    return values, counts


def one_hot_rows(targets):
    return tf.one_hot(targets, 3)


# --8<-- [end:indexing]


# --8<-- [start:reductions]
def sum_of_all(x):
    return tf.reduce_sum(x)


def sum_of_rows(x):
    return tf.reduce_sum(x, axis=1, keepdims=True)


def mean_of_integers(tokens):
    return tf.reduce_mean(tf.cast(tokens, tf.float32))


def largest_of_rows(x):
    return tf.reduce_max(x, axis=1)


def any_of_rows(x):
    return tf.reduce_any(x > 2, axis=1)


def variance(x):
    return tf.math.reduce_variance(x, axis=1)


def sample_std(x):
    n = x.shape[1]
    variance = tf.math.reduce_variance(x, axis=1)
    return tf.sqrt(variance * n / (n - 1))


def median(scores):
    return keras.ops.median(scores)


def norm(x):
    return tf.norm(x, axis=1)


def cumulative_sum(x):
    return tf.cumsum(x, axis=1)


def log_sum_exp(x):
    return tf.reduce_logsumexp(x, axis=1)


# --8<-- [end:reductions]


# --8<-- [start:elementwise]
def clip(x):
    return tf.clip_by_value(x, -1, 1)


def round_half_to_even(halves):
    return tf.round(halves)


def sigmoid(x):
    return tf.sigmoid(x)


def relu(x):
    return tf.nn.relu(x)


def replace_nan(with_nan):
    missing = tf.math.is_nan(with_nan)
    return tf.where(missing, 0.0, with_nan)


def all_close(x):
    close = keras.ops.isclose(x, x + 1e-7)
    return bool(tf.reduce_all(close))


# --8<-- [end:elementwise]


# --8<-- [start:linear-algebra]
def matmul(x, y):
    return x @ tf.transpose(y)


def matvec(x, v):
    return tf.linalg.matvec(x, v)


def dot(v, w):
    return tf.tensordot(v, w, 1)


def outer(v, w):
    return tf.tensordot(v, w, 0)


def batch_matmul(batch):
    return tf.matmul(batch, batch, transpose_b=True)


def einsum(batch, x):
    return tf.einsum("bij,ki->bkj", batch, x)


def solve(square, v):
    solution = tf.linalg.solve(square, v[:, None])
    return tf.squeeze(solution, axis=1)


def least_squares(features, scores):
    solution = tf.linalg.lstsq(features, scores[:, None])
    return tf.squeeze(solution, axis=1)


def inverse(square):
    return tf.linalg.inv(square)


def eigenvalues(square):
    return tf.linalg.eigvalsh(square)


def singular_values(x):
    return tf.linalg.svd(x, compute_uv=False)


def svd(x):
    s, u, v = tf.linalg.svd(x)
    return (u * s) @ tf.transpose(v)


def diagonal(square):
    return tf.linalg.diag_part(square)


def lower_triangle():
    return tf.linalg.band_part(tf.ones([3, 3]), -1, 0)


def distances(x, y):
    return tf.norm(x[:, None] - y, axis=2)


# --8<-- [end:linear-algebra]


# --8<-- [start:gradients]
def gradient(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(x**2)
    return tape.gradient(loss, x)


def gradient_of_function(x):
    def grad(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(x**2)
        return tape.gradient(loss, x)

    return grad(x)


def gradients(x, y):
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        loss = tf.reduce_sum(x * y)
    return tape.gradient(loss, [x, y])


def gradient_of_many(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = x**2
    return tape.gradient(outputs, x)


def weighted_gradient(x, y):
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = x**2
    return tape.gradient(outputs, x, output_gradients=y)


def second_derivative(v):
    with tf.GradientTape() as outer:
        outer.watch(v)
        with tf.GradientTape() as inner:
            inner.watch(v)
            loss = tf.reduce_sum(v**3)
        first = inner.gradient(loss, v)
    return outer.gradient(first, v)


def jacobian(v):
    with tf.GradientTape() as tape:
        tape.watch(v)
        outputs = v**2
    return tape.jacobian(outputs, v)


def forward_mode(x, y):
    with tf.autodiff.ForwardAccumulator(x, y) as forward:
        outputs = x**2
    return forward.jvp(outputs)


def stop_gradient(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(x * tf.stop_gradient(x))
    return tape.gradient(loss, x)


def not_recorded(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        with tape.stop_recording():
            factor = tf.reduce_sum(x)
        loss = tf.reduce_sum(factor * x)
    return tape.gradient(loss, x)


def without_influence(x, y):
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        loss = tf.reduce_sum(x)
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient(
        loss, y, unconnected_gradients=zero
    )


# --8<-- [end:gradients]


# --8<-- [start:layers]
def linear(features, weight, bias):
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.set_weights([tf.transpose(weight), bias])
    return layer(features)


def embedding(tokens, table):
    layer = layers.Embedding(5, 2)
    layer.build()
    layer.set_weights([table])
    return layer(tokens)


def convolution(images, filters):
    layer = layers.Conv2D(
        3, 3, padding="same", use_bias=False
    )
    layer.build(images.shape)
    layer.set_weights([filters])
    return layer(images)


def max_pool(images):
    return layers.MaxPooling2D(2)(images)


def mean_pool(images):
    return layers.AveragePooling2D(2)(images)


def global_mean_pool(images):
    return tf.reduce_mean(images, axis=(1, 2))


def layer_norm(features):
    layer = layers.LayerNormalization(epsilon=1e-5)
    return layer(features)


def batch_norm(features):
    layer = layers.BatchNormalization(epsilon=1e-5)
    return layer(features, training=True)


def running_mean(features):
    layer = layers.BatchNormalization(momentum=0.9)
    layer(features, training=True)
    return layer.moving_mean


def dropout(x):
    return layers.Dropout(0.5)(x, training=False)


def dropout_in_training(x):
    return layers.Dropout(0.5)(x, training=True)


def leaky_relu(x):
    return layers.LeakyReLU(0.1)(x)


def gelu(x):
    return layers.Activation("gelu")(x)


def softmax(logits):
    return tf.nn.softmax(logits)


def attention(batch):
    heads = batch[:, :, None]  # a single one
    return keras.ops.dot_product_attention(
        heads, heads, heads
    )[:, :, 0]


def in_sequence(batch):
    model = keras.Sequential(
        [layers.Flatten(), layers.ReLU()]
    )
    return model(batch)


def num_parameters():
    layer = layers.Dense(2)
    layer.build((None, 3))
    return layer.count_params()


# --8<-- [end:layers]


# --8<-- [start:losses]
def mean_squared_error(predictions, observed):
    return losses.MeanSquaredError()(observed, predictions)


def huber(predictions, observed):
    return losses.Huber()(observed, predictions)


def binary_cross_entropy(scores, labels):
    loss_fn = losses.BinaryCrossentropy(from_logits=True)
    return loss_fn(labels, scores)


def cross_entropy(logits, targets):
    loss_fn = losses.SparseCategoricalCrossentropy(
        from_logits=True
    )
    return loss_fn(targets, logits)


def cross_entropy_one_hot(logits, one_hot):
    loss_fn = losses.CategoricalCrossentropy(
        from_logits=True
    )
    return loss_fn(one_hot, logits)


def cross_entropy_smoothed(logits, one_hot):
    loss_fn = losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.1
    )
    return loss_fn(one_hot, logits)


def cross_entropy_per_example(logits, targets):
    loss_fn = losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction=None
    )
    return loss_fn(targets, logits)


def kl_divergence(p, q):
    return losses.KLDivergence()(p, q)


def cosine_similarity(x, y):
    return -losses.cosine_similarity(x, y, axis=1)


# --8<-- [end:losses]


# --8<-- [start:optimizers]
def sgd(param, grad):
    variable = tf.Variable(param)
    optimizers.SGD(0.1).apply([grad], [variable])
    return variable


def sgd_with_momentum(param, grad):
    variable = tf.Variable(param)
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    for _ in range(2):
        optimizer.apply([grad], [variable])
    return variable


def adam(param, grad):
    variable = tf.Variable(param)
    optimizers.Adam(0.1).apply([grad], [variable])
    return variable


def adam_with_weight_decay(param, grad):
    variable = tf.Variable(param)
    optimizer = optimizers.AdamW(0.1, weight_decay=0.01)
    optimizer.apply([grad], [variable])
    return variable


def clip_by_norm(grad):
    (clipped,), _ = tf.clip_by_global_norm([grad], 1.0)
    return clipped


def training_step(features, scores, v):
    variable = tf.Variable(v)
    optimizer = optimizers.SGD(0.1)
    with tf.GradientTape() as tape:
        outputs = tf.linalg.matvec(features, variable)
        loss = losses.MeanSquaredError()(scores, outputs)
    grads = tape.gradient(loss, [variable])
    optimizer.apply(grads, [variable])
    return variable


def cosine_schedule():
    return optimizers.schedules.CosineDecay(0.1, 10)(3)


def set_learning_rate():
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate = 0.01
    return optimizer.learning_rate


# --8<-- [end:optimizers]


# --8<-- [start:data]
def batches(features, targets):
    dataset = tf.data.Dataset.from_tensor_slices(
        (features, targets)
    )
    return list(dataset.batch(3))


def full_batches(features):
    dataset = tf.data.Dataset.from_tensor_slices(features)
    return list(dataset.batch(3, drop_remainder=True))


def shuffled(tokens):
    dataset = tf.data.Dataset.from_tensor_slices(tokens)
    return list(dataset.shuffle(len(tokens), seed=1))


def mapped(features):
    dataset = tf.data.Dataset.from_tensor_slices(features)
    return list(dataset.map(lambda example: 2 * example))


def first_examples(features):
    dataset = tf.data.Dataset.from_tensor_slices(features)
    return list(dataset.take(2))


def padded_sequences(v):
    return tf.ragged.stack([v, v[:2]]).to_tensor()


# --8<-- [end:data]


# --8<-- [start:devices]
def device_of(x):
    device = tf.DeviceSpec.from_string(x.device)
    return device.device_type.lower()


def has_accelerator():
    return bool(tf.config.list_physical_devices("GPU"))


def to_device(x):
    with tf.device("CPU"):
        return tf.identity(x)


def on_device():
    with tf.device("CPU"):
        return tf.zeros([3])


# --8<-- [end:devices]


# --8<-- [start:saving]
def save_tensor(x, tensor_file):
    serialized = tf.io.serialize_tensor(x)
    tf.io.write_file(tensor_file, serialized)
    saved = tf.io.read_file(tensor_file)
    return tf.io.parse_tensor(saved, tf.float32)


def save_weights(features, weight, bias, weights_file):
    model = keras.Sequential([layers.Dense(2)])
    other = keras.Sequential([layers.Dense(2)])
    model.build((None, 3))
    other.build((None, 3))
    model.set_weights([tf.transpose(weight), bias])
    model.save_weights(weights_file)
    other.load_weights(weights_file)
    return other(features)


# --8<-- [end:saving]


# --8<-- [start:compiling]
def compiled(x):
    @tf.function
    def sum_of_squares(x):
        return tf.reduce_sum(x**2)

    return sum_of_squares(x)


def compiled_branch(x):
    @tf.function
    def with_positive_sum(x):
        return x if tf.reduce_sum(x) > 0 else -x

    return with_positive_sum(x)


def vectorized(x, y):
    def dot(pair):
        return tf.tensordot(pair[0], pair[1], 1)

    return tf.vectorized_map(dot, (x, y))


# --8<-- [end:compiling]


# --8<-- [start:random]
def normal():
    return tf.random.normal([1000])


def uniform():
    return tf.random.uniform([1000], 2, 5)


def integers():
    return tf.random.uniform([1000], 0, 10, tf.int64)


def permutation():
    return tf.random.shuffle(tf.range(10))


def classes(scores):
    drawn = tf.random.categorical(scores[None], 1000)
    return tf.squeeze(drawn, axis=0)


def seeded():
    tf.random.set_seed(1)
    return tf.random.normal([3])


def from_generator():
    generator = tf.random.Generator.from_seed(1)
    return generator.normal([3])


def glorot_uniform():
    initializer = keras.initializers.GlorotUniform()
    return initializer((20, 30))


# --8<-- [end:random]
