"""What Keras' files hold, and how they are loaded without running code."""

# --8<-- [start:imports]
import zipfile

import keras
import numpy as np
from keras import layers
from safetensors.numpy import load_file, save_file

# --8<-- [end:imports]
from snippets.stop_and_resume.resume import flip_a_bit
from snippets.stop_and_resume.tensorflow_train import Training


# --8<-- [start:backup]
class Stop(keras.callbacks.Callback):
    """Interrupts a training before its third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def fit(folder, rate, *callbacks):
    """Train for four epochs, backed up in a folder; return weights and epochs done."""
    keras.utils.set_random_seed(1)
    hidden = [layers.Dense(8, "tanh"), layers.Dropout(rate)]
    model = keras.Sequential([keras.Input((2,)), *hidden, layers.Dense(1)])
    model.compile("adam", "mse")
    backup = keras.callbacks.BackupAndRestore(folder)
    x = np.random.default_rng(1).normal(size=(64, 2))
    done = model.fit(
        x, x[:, :1] > 0, epochs=4, verbose=0, callbacks=[backup, *callbacks]
    )
    return model.get_weights(), len(done.epoch)


# --8<-- [end:backup]

if __name__ == "__main__":
    import copy

    with open("flipped.ckpt", "wb") as file:
        Training().write(file)
    flip_a_bit("flipped.ckpt")
    # --8<-- [start:unchecked]
    try:
        print("Loaded:", *dict(np.load("flipped.ckpt")))
    except zipfile.BadZipFile as error:
        print("Refused:", error)
    # --8<-- [end:unchecked]

    # --8<-- [start:refuse]
    double = layers.Lambda(lambda x: 2 * x, output_shape=(3,))
    keras.Sequential([keras.Input((3,)), double]).save("stranger.keras")
    try:
        keras.models.load_model("stranger.keras")
    except ValueError as error:
        print("Refused:", str(error).partition(".")[0])
    # --8<-- [end:refuse]

    # --8<-- [start:safetensors]
    inputs = keras.Input((2,))
    hidden = layers.Dense(4, "tanh", name="hidden")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(hidden))
    save_file({x.path: x.numpy() for x in model.weights}, "model.safetensors")
    arrays = load_file("model.safetensors")
    for name, array in arrays.items():
        print(name, array.shape)
    model.set_weights([arrays[x.path] for x in model.weights])
    # --8<-- [end:safetensors]

    # --8<-- [start:own]
    dropout = layers.Dropout(0.5, seed=1)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(4), dropout])
    model(np.ones((1, 2)), training=True)  # dropout draws from its generator
    model.save("model.keras")
    loaded = keras.models.load_model("model.keras")
    for name, x in {"Generator:": model, "In the file:": loaded}.items():
        print(name, x.layers[-1].seed_generator.state.numpy())
    # --8<-- [end:own]

    # --8<-- [start:run_backup]
    for rate in [0.0, 0.5]:
        whole, _ = fit(f"whole-{rate}", rate)
        try:
            fit(f"stopped-{rate}", rate, Stop())
        except KeyboardInterrupt:
            resumed, epochs = fit(f"stopped-{rate}", rate)
        same = all(map(np.array_equal, whole, resumed))
        print(f"Dropout {rate} | epochs resumed: {epochs} | same weights: {same}")
    # --8<-- [end:run_backup]

    fresh, training = Training().state(), Training()
    training.run(250)
    middle = copy.deepcopy(training.state())
    # --8<-- [start:lighter]
    for part in ["nothing", "optimizer"]:
        resumed = Training()
        resumed.load_state(
            {x: (fresh if x.startswith(part) else middle)[x] for x in middle}
        )
        resumed.run(600)
        logits = resumed.model(resumed.features)
        right = np.mean(logits.numpy().argmax(axis=1) == resumed.targets.numpy())
        print(f"Left out: {part:9} | points right: {right:.0%}")
    # --8<-- [end:lighter]
