"""How TensorFlow and Keras cut data into batches and shuffle them."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]


# --8<-- [start:mean]
def mean_over_examples(losses, batch_size):
    """Average losses (examples,), batch by batch, each by its number of examples.

    Raises ValueError if there is no loss: the mean of nothing is no number.
    """
    if len(losses) == 0:
        raise ValueError("losses are empty: give at least one")
    average = keras.metrics.Mean()
    for batch in tf.data.Dataset.from_tensor_slices(losses).batch(batch_size):
        average.update_state(tf.reduce_mean(batch), sample_weight=len(batch))
    return average.result().numpy().item()


# --8<-- [end:mean]


# --8<-- [start:watch]
class Watch(keras.Model):
    """A model that learns nothing, and notes which examples `fit` shows to it."""

    def train_step(self, data):
        """Note a batch."""
        self.batches.append(data.numpy().tolist())
        return {"loss": 0.0}


# --8<-- [end:watch]


if __name__ == "__main__":
    # --8<-- [start:last]
    for drop in [False, True]:
        loader = tf.data.Dataset.range(10).batch(4, drop_remainder=drop)
        print(f"Last batch {'dropped' if drop else 'kept'}:", [len(x) for x in loader])
    # --8<-- [end:last]

    # --8<-- [start:average]
    losses = np.array([[0.0]] * 8 + [[9.0], [9.0]])  # of ten examples
    model = keras.Sequential([keras.layers.Identity()])
    model.compile(loss=lambda targets, outputs: outputs)
    average = model.evaluate(losses, losses, batch_size=4, verbose=0)
    print(f"What evaluate returns: {average:.1f}")
    # --8<-- [end:average]

    # --8<-- [start:average_agree]
    print(f"Mean of the examples: {mean_over_examples(losses[:, 0], batch_size=4):.1f}")
    # --8<-- [end:average_agree]

    # --8<-- [start:shuffle]
    keras.utils.set_random_seed(0)
    model = Watch()
    model.batches = []
    model.compile(run_eagerly=True)
    model.fit(np.arange(100), verbose=0)
    print("Batch size:", len(model.batches[0]))
    seen = [example for batch in model.batches for example in batch]
    print("In order:", seen == list(range(100)))

    first = next(iter(tf.data.Dataset.range(100).shuffle(buffer_size=10))).numpy()
    print("First of shuffle(10) is below 10:", bool(first < 10))
    # --8<-- [end:shuffle]

    # --8<-- [start:shuffle_agree]
    order = np.random.default_rng(0).permutation(10)
    loader = tf.data.Dataset.from_tensor_slices(order).batch(4)
    print([batch.numpy().tolist() for batch in loader])
    # --8<-- [end:shuffle_agree]

    # --8<-- [start:moved]
    draws = []
    for passes in [0, 1]:
        tf.random.set_seed(0)
        for _ in range(passes):
            list(tf.data.Dataset.range(10))
        draws.append(float(tf.random.uniform([1])[0]))
    print("A pass over the data changes the next draw:", draws[0] != draws[1])
    # --8<-- [end:moved]

    # --8<-- [start:moved_agree]
    draws = []
    for passes in [0, 1]:
        tf.random.set_seed(0)
        for _ in range(passes):
            list(tf.data.Dataset.range(10).shuffle(10, seed=1))  # a seed of its own
        draws.append(float(tf.random.uniform([1])[0]))
    print("A pass over the data changes the next draw:", draws[0] != draws[1])
    # --8<-- [end:moved_agree]
