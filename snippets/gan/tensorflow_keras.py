"""A GAN for digits in TensorFlow, from layers, as one trains it in practice."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf
from keras import layers

# --8<-- [end:imports]
from snippets.gan.figures import plot_digits
from snippets.gan.training import (
    NUM_NOISE,
    SEED,
    draw_networks,
    draw_noise,
    draw_noisy_batches,
    judge_digits,
    nearest_distances,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import frechet_distance, train_judge


# --8<-- [start:networks]
def build_networks(seed=SEED):
    """Return a generator (batch, NUM_NOISE) -> (batch, 784) and a discriminator."""
    normalization = {"momentum": 0.9, "epsilon": 1e-5}  # the values of PyTorch
    generator = keras.Sequential(
        [
            keras.Input((NUM_NOISE,)),
            layers.Dense(128),
            layers.BatchNormalization(**normalization),
            layers.Activation("silu"),
            layers.Dense(256),
            layers.BatchNormalization(**normalization),
            layers.Activation("silu"),
            layers.Dense(784, "sigmoid"),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((784,)), layers.Dense(128, "silu"), layers.Dense(1)]
    )
    for network, params in zip(
        (generator, discriminator), draw_networks(seed), strict=True
    ):
        dense = [layer for layer in network.layers if isinstance(layer, layers.Dense)]
        for layer, weights, bias in zip(dense, params[::2], params[1::2], strict=True):
            layer.set_weights([weights, bias])
    return generator, discriminator


# --8<-- [end:networks]


# --8<-- [start:fit]
def fit_gan(generator, discriminator, batches, learning_rate=0.001):
    """Train both networks in place; return both losses of each step, (num_steps, 2).

    At the end, the generator gets the running average of its weights.
    """
    softplus, mean = tf.nn.softplus, tf.reduce_mean
    options = {"beta_1": 0.5, "epsilon": 1e-8}
    d_optimizer = keras.optimizers.Adam(learning_rate, **options)
    options |= {"use_ema": True, "ema_momentum": 0.998}
    g_optimizer = keras.optimizers.Adam(learning_rate, **options)
    d_optimizer.build(discriminator.trainable_variables)
    g_optimizer.build(generator.trainable_variables)

    @tf.function
    def step(real, z, real_noise, fake_noise):
        with tf.GradientTape() as g_tape:
            fake = generator(z, training=True) + fake_noise
        with tf.GradientTape() as d_tape:
            real_logits = discriminator(real + real_noise)
            fake_logits = discriminator(fake)
            d_loss = mean(softplus(-real_logits)) + mean(softplus(fake_logits))
        variables = discriminator.trainable_variables
        d_optimizer.apply(d_tape.gradient(d_loss, variables), variables)

        with g_tape:  # it records on
            g_loss = mean(softplus(-discriminator(fake)))
        variables = generator.trainable_variables
        g_optimizer.apply(g_tape.gradient(g_loss, variables), variables)
        return tf.stack([d_loss, g_loss])

    losses = [step(*map(tf.constant, batch)) for batch in batches]
    g_optimizer.finalize_variable_values(generator.trainable_variables)
    return np.stack(losses)


def make_digits(generator, z):
    """Return images (num_images, 784) from noise: NumPy in, NumPy out."""
    return generator(z, training=False).numpy()


# --8<-- [end:fit]


if __name__ == "__main__":
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    judge = train_judge(X_train, y_train[:55_000])

    # --8<-- [start:run_fit]
    z = draw_noise((1000, NUM_NOISE), seed=2)
    generator, discriminator = build_networks()
    untrained = make_digits(generator, z)
    losses = fit_gan(
        generator, discriminator, draw_noisy_batches(X_train, num_steps=2500)
    )
    for step in [1, 2, 5, 10]:
        d_loss, g_loss = losses[step - 1]
        print(f"Step: {step:04d} | D loss: {d_loss:.2f} | G loss: {g_loss:.2f}")
    # --8<-- [end:run_fit]

    # --8<-- [start:run_judge]
    digits = make_digits(generator, z)
    sets = {"real digits": X_train[:1000], "untrained": untrained, "GAN": digits}
    for name, images in sets.items():
        sure, least, most = judge_digits(images, judge)
        print(f"{name:12}: sure {sure:.1f}, classes from {least:.2f} to {most:.2f}")
    # --8<-- [end:run_judge]

    # --8<-- [start:run_distance]
    for name, images in sets.items():
        print(f"{name:12}: {frechet_distance(images, X_valid, judge):.0f}")
    # --8<-- [end:run_distance]

    # --8<-- [start:run_digits]
    plot_digits(digits[:40])
    # --8<-- [end:run_digits]

    # --8<-- [start:run_nearest]
    for name, images in [("GAN", digits[:200]), ("validation", X_valid[:200])]:
        nearest = nearest_distances(images, X_train)
        median, least = np.median(nearest), nearest.min()
        print(f"{name:10}: median {median:.1f}, least {least:.1f}")
    # --8<-- [end:run_nearest]

    # --8<-- [start:left]
    generator, discriminator = build_networks()
    with tf.GradientTape() as tape:
        fake_logits = discriminator(generator(z, training=True))
        g_loss = tf.reduce_mean(tf.nn.softplus(-fake_logits))
    print("Watched by the tape:", len(tape.watched_variables()))
    print("Of the generator:", len(generator.trainable_variables))
    # --8<-- [end:left]

    # --8<-- [start:exercise_noise]
    for spread in [0.3, 0.0]:
        generator, discriminator = build_networks()
        batches = draw_noisy_batches(X_train, num_steps=300, spread=spread)
        d_loss = fit_gan(generator, discriminator, batches)[-50:, 0].mean()
        print(f"Noise {spread}: D loss {d_loss:.1f}")
    # --8<-- [end:exercise_noise]
