"""What the rows are given, by the names of their parameters: float32, int64 and bool.

Each framework gets them as its own tensors, except `array`, which stays NumPy's, and
the names of files. TensorFlow gets `images` as (batch, height, width, channel) and
`filters` as (height, width, in, out): its convolutions expect them so.
"""

import numpy as np

rng = np.random.default_rng(1)


def normal(*shape):
    """Return normally distributed numbers of a shape."""
    return rng.normal(size=shape).astype(np.float32)


# --8<-- [start:inputs]
x = np.float32([[1.5, -2.0, 0.5], [-0.5, 3.0, 2.5]])
y = np.float32([[0.5, 1.0, -1.5], [2.0, -0.5, 3.0]])
v = np.float32([2.0, -1.0, 0.5])
w = np.float32([-0.5, 4.0, 1.0])
array = np.float32([[1.0, 2.0], [3.0, 4.0]])
with_nan = np.float32([1.0, np.nan, 3.0, np.inf, -np.inf])
halves = np.float32([-1.5, -0.5, 0.5, 1.5, 2.5])
square = np.float32([[2, 1, 0], [1, 3, 1], [0, 1, 4]])
batch = normal(2, 3, 4)  # (example, time, feature)
rows = np.array([1, 0, 1])
columns = np.array([2, 0])
order = np.array([[2, 0, 1], [1, 2, 0]])
tokens = np.array([3, 1, 3, 0, 1, 3])
table = normal(5, 2)  # (token, embedding)
features = normal(4, 3)  # (example, feature)
weight = normal(2, 3)  # (out, in)
bias = np.float32([0.5, -0.5])
images = normal(2, 2, 4, 4)  # (example, channel, h, w)
filters = normal(3, 2, 3, 3)  # (out, in, h, w)
logits = normal(4, 3)  # (example, class)
targets = np.array([2, 0, 1, 2])
one_hot = np.eye(3, dtype=np.float32)[targets]
scores = np.float32([2.0, -1.0, 0.5, -3.0])
labels = np.float32([1.0, 0.0, 0.0, 1.0])
predictions = np.float32([2.5, 0.0, 2.0, 10.0])
observed = np.float32([3.0, -0.5, 2.0, 7.0])
p = np.float32([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
q = np.float32([[0.2, 0.6, 0.2], [0.3, 0.3, 0.4]])
param = np.float32([1.0, -2.0, 0.5])
grad = np.float32([0.5, -1.0, 2.0])
tensor_file = "tensor.npy"
tensors_file = "tensors.npz"
weights_file = "model.weights.h5"
# --8<-- [end:inputs]
