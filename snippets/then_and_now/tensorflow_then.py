"""What the post got wrong in TensorFlow, and what to write instead."""

# --8<-- [start:imports]
from operator import attrgetter

import keras
import tensorflow as tf
import tensorflow.compat.v1 as tf1

# --8<-- [end:imports]


# --8<-- [start:exists]
def exists(dotted):
    """Return whether TensorFlow has this name, as in "tf.train.Example"."""
    try:
        attrgetter(dotted.removeprefix("tf."))(tf)
    except AttributeError:
        return False
    return True


# --8<-- [end:exists]


if __name__ == "__main__":
    # --8<-- [start:log]
    logit, target = tf.constant(20.0), tf.constant(1.0)
    proba = tf.sigmoid(logit)  # rounded to 1
    cost = -target * tf.math.log(proba) - (1 - target) * tf.math.log(1 - proba)
    print(f"Then: {cost:.3f}")
    print(f"Now: {tf.math.softplus(logit) - target * logit:.3f}")
    # --8<-- [end:log]

    # --8<-- [start:sigmoid]
    logit = tf.Variable(-100.0)
    with tf.GradientTape() as tape:
        proba = 1.0 / (1.0 + tf.exp(-logit))
    print(f"Then: {tape.gradient(proba, logit):.3f}")
    with tf.GradientTape() as tape:
        proba = tf.sigmoid(logit)
    print(f"Now: {tape.gradient(proba, logit):.3f}")
    # --8<-- [end:sigmoid]

    # --8<-- [start:clipped]
    logit = tf.Variable([20.0])
    target = tf.constant([0.0])  # certain, and wrong
    with tf.GradientTape() as tape:
        cost = keras.losses.BinaryCrossentropy()(target, tf.sigmoid(logit))
    print(f"Then: cost {cost:.3f}, slope {tape.gradient(cost, logit)[0]:.3f}")
    with tf.GradientTape() as tape:
        cost = keras.losses.BinaryCrossentropy(from_logits=True)(target, logit)
    print(f"Now: cost {cost:.3f}, slope {tape.gradient(cost, logit)[0]:.3f}")
    # --8<-- [end:clipped]

    # --8<-- [start:mean]
    losses = tf.constant([1.0, 2.0, 3.0])
    print("Then:", tf.reduce_mean(tf.reduce_sum(losses)).numpy())
    print("Now: ", tf.reduce_mean(losses).numpy())
    # --8<-- [end:mean]

    # --8<-- [start:scalar]
    print("Then:", tf.Variable([[0.0]]).shape)
    print("Now: ", tf.Variable(0.0).shape)
    # --8<-- [end:scalar]

    # --8<-- [start:gone]
    for name in [
        "tf.placeholder",
        "tf.log",
        "tf.train.GradientDescentOptimizer",
        "tf.global_variables_initializer",
        "tf.Session",
        "tf.keras.optimizers.SGD.minimize",
    ]:
        print(f"{name}: {'still there' if exists(name) else 'gone'}")
    # --8<-- [end:gone]

    # --8<-- [start:kept]
    kept = (
        "Graph Variable zeros matmul sigmoid reshape reduce_sum reduce_mean round equal"
        " cast float32"
    )
    print(all(exists(f"tf.{name}") for name in kept.split()))
    # --8<-- [end:kept]

    # --8<-- [start:then]
    graph = tf.Graph()
    with graph.as_default():
        inputs = tf1.placeholder(tf.float32, [None], name="inputs")
        weight = tf1.Variable(2.0, name="weight")
        cost = tf1.reduce_sum(tf1.log(weight * inputs), name="cost")
        tf1.train.GradientDescentOptimizer(0.1).minimize(cost, name="train")
        initialize = tf1.global_variables_initializer()

    with tf1.Session(graph=graph) as session:
        session.run(initialize)
        _, value = session.run(["train", "cost:0"], {"inputs:0": [1.0, 3.0]})
        by_name, by_object = session.run(["weight:0", weight])
    print(f"Cost: {value:.3f}")
    print(f"Weight: {by_object:.3f}")
    print("By name:", by_name.dtype.names, "in bytes")
    # --8<-- [end:then]

    # --8<-- [start:variable]
    weight = tf.Variable(2.0)  # has its value at once
    optimizer = keras.optimizers.SGD(learning_rate=0.1)
    # --8<-- [end:variable]

    # --8<-- [start:cost]
    @tf.function  # traces a graph; without this line it just runs
    def cost_of(inputs):
        """Return the cost of inputs (batch,)."""
        return tf.reduce_sum(tf.math.log(weight * inputs))

    # --8<-- [end:cost]

    # --8<-- [start:step]
    with tf.GradientTape() as tape:
        cost = cost_of(tf.constant([1.0, 3.0]))
    optimizer.apply_gradients([(tape.gradient(cost, weight), weight)])
    print(f"Cost: {cost:.3f}")
    print(f"Weight: {weight.numpy():.3f}")
    # --8<-- [end:step]
