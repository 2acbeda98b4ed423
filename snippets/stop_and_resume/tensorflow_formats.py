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

if __name__ == "__main__":
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
