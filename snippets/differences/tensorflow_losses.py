"""What Keras' and TensorFlow's losses take and return, next to PyTorch's."""

# --8<-- [start:imports]
import keras
import tensorflow as tf

# --8<-- [end:imports]


if __name__ == "__main__":
    # --8<-- [start:targets]
    logits = tf.constant([[2.0, 1.0, -1.0], [0.0, 1.0, 0.0]])  # (batch, classes)
    indices = tf.constant([0, 2])  # (batch,)
    one_hot = tf.one_hot(indices, depth=3)  # (batch, classes)
    sparse_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    dense_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
    print(f"Indices: {sparse_fn(indices, logits):.4f}")
    print(f"One-hot: {dense_fn(one_hot, logits):.4f}")
    # --8<-- [end:targets]

    # --8<-- [start:axis]
    logits = tf.constant([[[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [3.0, 0.0, 0.0]]])
    targets = tf.constant([[0, 1, 0]])  # (batch, time); each has the largest logit
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    print(f"{loss_fn(targets, logits):.4f}")
    # --8<-- [end:axis]

    # --8<-- [start:axis_agree]
    print(f"{loss_fn(targets, logits):.4f}")  # (batch, time, classes)
    # --8<-- [end:axis_agree]

    # --8<-- [start:logits]
    logits, target = tf.Variable([[2.0, 1.0, -1.0]]), tf.constant([1])
    loss_fn = keras.losses.SparseCategoricalCrossentropy()
    with tf.GradientTape() as tape:
        loss = loss_fn(target, logits)
    slopes = tape.gradient(loss, logits).numpy().any()
    print(f"From logits: {loss:.4f}, slopes: {slopes}")

    probas = tf.constant([[0.0, 1.0, 0.0]])  # certain, and right
    print(f"From probabilities: {loss_fn(target, probas):.4f}")
    # --8<-- [end:logits]

    # --8<-- [start:logits_agree]
    logits, target = tf.constant([[2.0, 1.0, -1.0]]), tf.constant([1])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    print(f"From logits: {loss_fn(target, logits):.4f}")
    loss_fn = keras.losses.SparseCategoricalCrossentropy()
    print(f"From probabilities: {loss_fn(target, tf.nn.softmax(logits)):.4f}")
    # --8<-- [end:logits_agree]

    # --8<-- [start:reduction]
    bias, targets = tf.Variable(0.0), tf.ones(4)
    with tf.GradientTape() as tape:
        logits = tf.fill(4, bias)
        loss = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    print("Shape:", tuple(loss.shape))
    print(f"Slope: {tape.gradient(loss, bias):.2f}")
    # --8<-- [end:reduction]

    # --8<-- [start:reduction_agree]
    bias, targets = tf.Variable(0.0), tf.ones(4)
    for name, reduce in {"Mean": tf.reduce_mean, "Sum": tf.reduce_sum}.items():
        with tf.GradientTape() as tape:
            logits = tf.fill(4, bias)
            loss = reduce(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))
        print(f"{name}: {loss:.4f}, slope {tape.gradient(loss, bias):.2f}")
    # --8<-- [end:reduction_agree]

    # --8<-- [start:weights]
    logits = tf.constant([[2.0, 0.0], [2.0, 0.0]])  # (batch, classes)
    targets = tf.constant([0, 1])  # right, wrong
    class_weights = tf.constant([1.0, 3.0])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = loss_fn(targets, logits, sample_weight=tf.gather(class_weights, targets))
    print(f"{loss:.4f}")
    # --8<-- [end:weights]

    # --8<-- [start:weights_agree]
    weights = tf.gather(class_weights, targets)  # (batch,)
    reductions = {
        "By the weights": "mean_with_sample_weight",
        "By the batch": "sum_over_batch_size",
    }
    for name, reduction in reductions.items():
        loss_fn = keras.losses.SparseCategoricalCrossentropy(True, reduction=reduction)
        print(f"{name}: {loss_fn(targets, logits, sample_weight=weights):.4f}")
    # --8<-- [end:weights_agree]
