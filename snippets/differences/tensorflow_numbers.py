"""How TensorFlow mixes, divides and draws numbers, and updates variables."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]


# --8<-- [start:show]
def show(tensor):
    """Return a tensor's values and its type in one text."""
    return f"{tensor.numpy().tolist()} {tensor.dtype.name}"


# --8<-- [end:show]


if __name__ == "__main__":
    # --8<-- [start:promotion]
    floats = tf.constant([0.5, 0.5])
    for other in [tf.constant([1, 2]), tf.cast(floats, tf.float64)]:
        try:
            print(f"{show(floats)} + {show(other)}: {show(floats + other)}")
        except tf.errors.InvalidArgumentError as error:
            print(f"{show(floats)} + {show(other)}: {type(error).__name__}")
    # --8<-- [end:promotion]

    # --8<-- [start:arrays]
    features = np.ones((1, 2))  # of 64 bits, as NumPy makes them
    outputs = keras.layers.Dense(1)(features)
    print("From", features.dtype, "a layer makes", outputs.dtype.name)
    # --8<-- [end:arrays]

    # --8<-- [start:promotion_agree]
    integers, floats = tf.constant([1, 2]), tf.constant([0.5, 0.5])
    print(show(tf.cast(integers, tf.float32) + floats))
    features = np.ones((1, 2))
    outputs = keras.layers.Dense(1)(tf.constant(features, dtype=tf.float32))
    print("A layer returns", outputs.dtype.name)
    # --8<-- [end:promotion_agree]

    # --8<-- [start:float64]
    keras.config.set_floatx("float64")
    print("A layer computes in", keras.layers.Dense(1).compute_dtype)
    keras.config.set_floatx("float32")
    # --8<-- [end:float64]

    # --8<-- [start:float64_agree]
    keras.config.set_floatx("float64")  # losses and learning rates
    keras.config.set_dtype_policy("float64")  # layers
    print("A layer computes in", keras.layers.Dense(1).compute_dtype)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    # --8<-- [end:float64_agree]

    # --8<-- [start:float64_momentum]
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    for momentum in [0.9, 7 / 8]:
        weight = keras.Variable(0.0, dtype="float64")
        optimizer = keras.optimizers.SGD(0.1, momentum=momentum)
        for _ in range(2):  # the second step is 0.1 (1 + momentum)
            optimizer.apply([tf.constant(1.0, tf.float64)], [weight])
        print(f"Momentum {momentum}: {float(weight):.10f}")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    # --8<-- [end:float64_momentum]

    # --8<-- [start:division]
    print(show(tf.constant(7) / tf.constant(2)))
    # --8<-- [end:division]

    # --8<-- [start:division_agree]
    seven, two = tf.constant(-7), tf.constant(2)
    floats = tf.cast(seven, tf.float32), tf.cast(two, tf.float32)
    print("Divided:", (floats[0] / floats[1]).numpy().item())
    print("Rounded down:", (seven // two).numpy(), "remainder", (seven % two).numpy())
    print("Rounded to zero:", tf.truncatediv(seven, two).numpy())
    # --8<-- [end:division_agree]

    # --8<-- [start:integers]
    counts = tf.constant([2**31 - 1, 2])
    print("Sum:", show(tf.reduce_sum(counts)))
    # --8<-- [end:integers]

    # --8<-- [start:integers_mean]
    print("Mean:", tf.reduce_mean(tf.constant([1, 0, 1])).numpy())
    # --8<-- [end:integers_mean]

    # --8<-- [start:integers_agree]
    counts = tf.constant([2**31 - 1, 2], dtype=tf.int64)
    print("Sum:", show(tf.reduce_sum(counts)))
    hits = tf.constant([1, 0, 1])
    print(f"Mean: {tf.reduce_mean(tf.cast(hits, tf.float32)):.3f}")
    # --8<-- [end:integers_agree]

    # --8<-- [start:spread]
    features = tf.constant([1.0, 2.0, 3.0, 4.0])
    print(f"{tf.math.reduce_std(features):.3f}")
    # --8<-- [end:spread]

    # --8<-- [start:spread_agree]
    print(f"By n:     {tf.math.reduce_std(features):.3f}")
    n = len(features)
    print(f"By n - 1: {tf.math.reduce_std(features) * (n / (n - 1)) ** 0.5:.3f}")
    # --8<-- [end:spread_agree]

    # --8<-- [start:tensorfloat]
    used = tf.config.experimental.tensor_float_32_execution_enabled()
    print("TensorFloat-32:", used)
    # --8<-- [end:tensorfloat]

    # --8<-- [start:tensorfloat_agree]
    tf.config.experimental.enable_tensor_float_32_execution(False)
    used = tf.config.experimental.tensor_float_32_execution_enabled()
    print("TensorFloat-32:", used)
    # --8<-- [end:tensorfloat_agree]

    # --8<-- [start:seeds]
    draws = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        draws.append((tf.random.uniform([3]), np.random.rand()))
    print("Draws:", *(f"{number:.4f}" for number in draws[0][0]))
    print("NumPy repeats itself:", draws[0][1] == draws[1][1])
    # --8<-- [end:seeds]

    # --8<-- [start:seeds_layer]
    for set_seed in [tf.random.set_seed, keras.utils.set_random_seed]:
        starts = []
        for _ in range(2):
            set_seed(0)
            layer = keras.layers.Dense(3)
            layer.build((None, 2))
            starts.append(layer.get_weights()[0])
        print(f"{set_seed.__name__} repeats a layer: {np.array_equal(*starts)}")
    # --8<-- [end:seeds_layer]

    # --8<-- [start:seeds_agree]
    rng = np.random.default_rng(0)
    draws = tf.constant(rng.random(3, dtype=np.float32))
    print("Draws:", *(f"{number:.4f}" for number in draws))
    # --8<-- [end:seeds_agree]

    # --8<-- [start:deterministic]
    tf.random.set_seed(None)
    tf.config.experimental.enable_op_determinism()
    try:
        tf.random.uniform([3])
    except RuntimeError:
        print("Refused: random numbers without a seed")
    # --8<-- [end:deterministic]

    # --8<-- [start:deterministic_agree]
    tf.random.set_seed(0)
    values = tf.random.uniform([100_000])
    places = tf.random.uniform([100_000], maxval=10, dtype=tf.int32)
    first, second = (tf.math.unsorted_segment_sum(values, places, 10) for _ in range(2))
    print("Two runs are equal, bit by bit:", np.array_equal(first, second))
    # --8<-- [end:deterministic_agree]

    # --8<-- [start:inplace]
    weight = tf.Variable([1.0, 2.0])
    other_name = weight
    weight.assign_sub([0.5, 0.5])
    print("In place: ", weight.numpy().tolist(), "and", other_name.numpy().tolist())
    weight = weight - 0.5  # a new tensor, and no variable
    print("Assigned: ", weight.numpy().tolist(), "and", other_name.numpy().tolist())
    print("Trainable:", isinstance(weight, tf.Variable))
    # --8<-- [end:inplace]

    try:
        # --8<-- [start:inplace_refused]
        weight = tf.Variable([1.0, 2.0])
        weight -= 0.5
        # --8<-- [end:inplace_refused]
    except RuntimeError as error:
        print(f"RuntimeError: {error}")

    # --8<-- [start:inplace_agree]
    weight = tf.Variable([1.0, 2.0])
    other_name = weight
    weight.assign_sub([0.5, 0.5])
    print("In place:", other_name.numpy().tolist())
    print("Still the same:", weight is other_name)
    # --8<-- [end:inplace_agree]
