"""What Keras' optimizers do by default, and how to make them step as PyTorch's."""

# --8<-- [start:imports]
import keras
import tensorflow as tf

# --8<-- [end:imports]


# --8<-- [start:descend]
def descend(optimizer, weight, grads):
    """Let the optimizer take a step for each of grads; return where weight ends."""
    for grad in grads:
        optimizer.apply([tf.fill(weight.shape, grad)], [weight])
    return weight.numpy().item()


# --8<-- [end:descend]


# --8<-- [start:adam_class]
class AdamAsInPyTorch(keras.optimizers.Adam):
    """Adam that adds epsilon after it has corrected the second moment's bias."""

    def update_step(self, gradient, variable, learning_rate):
        """Step as Keras' Adam does, with the epsilon that this step needs."""
        epsilon = self.epsilon
        step = tf.cast(self.iterations + 1, variable.dtype)
        self.epsilon = epsilon * tf.sqrt(1 - self.beta_2**step)
        super().update_step(gradient, variable, learning_rate)
        self.epsilon = epsilon


# --8<-- [end:adam_class]


# --8<-- [start:rmsprop_class]
class RMSpropAsInPyTorch(keras.optimizers.RMSprop):
    """RMSprop, without momentum, that adds epsilon outside of the root."""

    def __init__(self, learning_rate=0.01, rho=0.99, epsilon=1e-8):
        super().__init__(learning_rate, rho, epsilon=epsilon)

    def update_step(self, gradient, variable, learning_rate):
        """Average the squared gradients; step by the gradient over their root."""
        mean_square = self._velocities[self._get_variable_index(variable)]
        self.assign_add(mean_square, (1 - self.rho) * (gradient**2 - mean_square))
        step = learning_rate * gradient / (tf.sqrt(mean_square) + self.epsilon)
        self.assign_sub(variable, step)


# --8<-- [end:rmsprop_class]


if __name__ == "__main__":
    # --8<-- [start:rates]
    for name in ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Nadam"]:
        optimizer = getattr(keras.optimizers, name)()
        print(f"{name:<8} {optimizer.learning_rate.numpy():.3f}")
    # --8<-- [end:rates]

    # --8<-- [start:rates_agree]
    weight = tf.Variable(1.0)
    optimizer = keras.optimizers.SGD(learning_rate=0.1)
    print(f"After a step: {descend(optimizer, weight, [1.0]):.3f}")
    # --8<-- [end:rates_agree]

    # --8<-- [start:adagrad]
    weight = tf.Variable(0.0)
    optimizer = keras.optimizers.Adagrad(learning_rate=0.1)
    print(f"First step: {descend(optimizer, weight, [0.01]):.3f}")
    # --8<-- [end:adagrad]

    # --8<-- [start:adagrad_agree]
    for start in [0.0, 0.1]:
        weight = tf.Variable(0.0)
        optimizer = keras.optimizers.Adagrad(0.1, initial_accumulator_value=start)
        print(f"From {start}: {descend(optimizer, weight, [0.01]):.3f}")
    # --8<-- [end:adagrad_agree]

    # --8<-- [start:adam]
    for epsilon in [1e-8, 1e-7]:
        weight = tf.Variable(0.0)
        optimizer = keras.optimizers.Adam(learning_rate=0.1, epsilon=epsilon)
        print(f"epsilon {epsilon}: {descend(optimizer, weight, [1e-6]):.4f}")
    # --8<-- [end:adam]

    # --8<-- [start:adam_agree]
    weight = tf.Variable(0.0)
    optimizer = AdamAsInPyTorch(learning_rate=0.1, epsilon=1e-8)
    for grad in [1e-6, -2e-6, 3e-6]:
        print(f"{descend(optimizer, weight, [grad]):.4f}")
    # --8<-- [end:adam_agree]

    # --8<-- [start:repeated]
    table = keras.layers.Embedding(5, 1, embeddings_initializer="ones")
    optimizer = keras.optimizers.Adam(learning_rate=0.1)
    with tf.GradientTape() as tape:
        vectors = table(tf.constant([2, 2]))  # (tokens, 1)
        loss = tf.reduce_sum(vectors * tf.constant([[1.0], [3.0]]))
    grads = tape.gradient(loss, table.trainable_variables)
    optimizer.apply(grads, table.trainable_variables)
    print(f"After a step: {table.embeddings[2, 0]:.4f}")
    # --8<-- [end:repeated]

    # --8<-- [start:repeated_agree]
    table = keras.layers.Embedding(5, 1, embeddings_initializer="ones")
    optimizer = keras.optimizers.Adam(learning_rate=0.1)
    with tf.GradientTape() as tape:
        vectors = table(tf.constant([2, 2]))  # (tokens, 1)
        loss = tf.reduce_sum(vectors * tf.constant([[1.0], [3.0]]))
    grads = tape.gradient(loss, table.trainable_variables)
    grads = [tf.convert_to_tensor(grad) for grad in grads]  # adds what is repeated
    print("Gradient:", grads[0][2, 0].numpy())
    optimizer.apply(grads, table.trainable_variables)
    print(f"After a step: {table.embeddings[2, 0]:.4f}")
    # --8<-- [end:repeated_agree]

    # --8<-- [start:rmsprop]
    weight = tf.Variable(0.0)
    optimizer = keras.optimizers.RMSprop()
    print(f"Defaults: {descend(optimizer, weight, [1.0]):.4f}")

    weight = tf.Variable(0.0)
    optimizer = keras.optimizers.RMSprop(learning_rate=0.01, rho=0.99, epsilon=1e-7)
    print(f"Same settings: {descend(optimizer, weight, [0.001]):.4f}")
    # --8<-- [end:rmsprop]

    # --8<-- [start:rmsprop_agree]
    weight = tf.Variable(0.0)
    optimizer = RMSpropAsInPyTorch()
    for grad in [0.001, -0.002, 0.003]:
        print(f"{descend(optimizer, weight, [grad]):.4f}")
    # --8<-- [end:rmsprop_agree]

    # --8<-- [start:decay]
    print(f"AdamW decays by {keras.optimizers.AdamW().weight_decay:.3f}")
    for name in ["Adam", "AdamW"]:
        weight = tf.Variable(1.0)
        optimizer = getattr(keras.optimizers, name)(0.01, weight_decay=0.1)
        print(f"{name}: {descend(optimizer, weight, [0.0]):.4f}")
    # --8<-- [end:decay]

    # --8<-- [start:decay_agree]
    grads = [0.1, -0.1, 0.05]
    weight = tf.Variable(1.0)
    optimizer = keras.optimizers.Adam(learning_rate=0.01)
    penalty = keras.regularizers.L2(0.1 / 2)  # 0.05 * weight**2, its slope 0.1 * weight
    for grad in grads:
        with tf.GradientTape() as tape:
            loss = grad * weight + penalty(weight)
        optimizer.apply(tape.gradient(loss, [weight]), [weight])
    print(f"Penalty: {weight.numpy():.4f}")

    weight = tf.Variable(1.0)
    optimizer = keras.optimizers.AdamW(learning_rate=0.01, weight_decay=0.1)
    print(f"Decay: {descend(optimizer, weight, grads):.4f}")
    # --8<-- [end:decay_agree]

    # --8<-- [start:momentum]
    weight = tf.Variable(0.0)
    optimizer = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)
    print(f"First step: {descend(optimizer, weight, [1.0]):.3f}")
    optimizer.learning_rate = 0.01
    print(f"A tenth of the rate: {descend(optimizer, weight, [1.0]):.3f}")
    # --8<-- [end:momentum]

    # --8<-- [start:momentum_agree]
    weight = tf.Variable(0.0)
    optimizer = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)
    print(f"First step: {descend(optimizer, weight, [1.0]):.3f}")
    optimizer.learning_rate = 0.1 * optimizer.learning_rate
    for momentum in optimizer.momentums:  # they hold steps, not gradients
        momentum.assign(0.1 * momentum)
    print(f"A tenth of the rate: {descend(optimizer, weight, [1.0]):.3f}")
    # --8<-- [end:momentum_agree]

    # --8<-- [start:clip]
    weights, grads = [tf.Variable(0.0), tf.Variable(0.0)], [3.0, 4.0]
    optimizer = keras.optimizers.SGD(learning_rate=1.0, clipnorm=1.0)
    optimizer.apply([tf.constant(grad) for grad in grads], weights)
    print([f"{weight.numpy():.2f}" for weight in weights])
    # --8<-- [end:clip]

    # --8<-- [start:clip_agree]
    for name, argument in {"Together": "global_clipnorm", "Each": "clipnorm"}.items():
        weights, grads = [tf.Variable(0.0), tf.Variable(0.0)], [3.0, 4.0]
        optimizer = keras.optimizers.SGD(learning_rate=1.0, **{argument: 1.0})
        optimizer.apply([tf.constant(grad) for grad in grads], weights)
        print(f"{name}:", [f"{weight.numpy():.2f}" for weight in weights])
    # --8<-- [end:clip_agree]
