"""The home page's model in TensorFlow: who passes an exam, by hours of study."""

if __name__ == "__main__":
    # --8<-- [start:run]
    import tensorflow as tf

    hours = tf.constant([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
    passed = tf.constant([0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    weight = tf.Variable(0.0)
    bias = tf.Variable(0.0)

    for step in range(1, 301):
        with tf.GradientTape() as tape:
            logits = weight * hours + bias
            losses = tf.nn.sigmoid_cross_entropy_with_logits(passed, logits)
            loss = tf.reduce_mean(losses)
        grads = tape.gradient(loss, (weight, bias))
        weight.assign_sub(0.5 * grads[0])
        bias.assign_sub(0.5 * grads[1])
        if step % 100 == 0:
            print(f"Step: {step} | Loss: {loss.numpy():.4f}")
    half = -bias.numpy() / weight.numpy()
    print(f"Half of them pass after {half:.2f} hours")
    # --8<-- [end:run]
