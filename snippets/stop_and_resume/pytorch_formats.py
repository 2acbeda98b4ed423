"""What PyTorch's files hold, and how they are loaded without running code."""

# --8<-- [start:imports]
import pickle

import torch
from safetensors.torch import load_file, save_file
from torch import nn

# --8<-- [end:imports]
from snippets.stop_and_resume.pytorch_train import Training
from snippets.stop_and_resume.resume import Stranger, flip_a_bit

if __name__ == "__main__":
    import copy

    with open("flipped.ckpt", "wb") as file:
        Training().write(file)
    flip_a_bit("flipped.ckpt")
    # --8<-- [start:unchecked]
    state = torch.load("flipped.ckpt", weights_only=True)
    print("Loaded:", *state)
    # --8<-- [end:unchecked]

    # --8<-- [start:refuse]
    torch.save(Stranger(), "stranger.pt")
    try:
        torch.load("stranger.pt", weights_only=True)
    except pickle.UnpicklingError as error:
        print("Refused:", str(error).partition(".")[0])
    # --8<-- [end:refuse]

    # --8<-- [start:safetensors]
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))
    save_file(model.state_dict(), "model.safetensors")
    arrays = load_file("model.safetensors")
    for name, array in arrays.items():
        print(name, tuple(array.shape))
    model.load_state_dict(arrays)
    # --8<-- [end:safetensors]

    # --8<-- [start:own]
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5))
    model(torch.ones(1, 2))  # dropout draws from the generator
    torch.save(model.state_dict(), "model.pt")
    print("In the file:", *torch.load("model.pt", weights_only=True))
    # --8<-- [end:own]

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
        logits = resumed.model.eval()(resumed.features)
        right = (logits.argmax(dim=1) == resumed.targets).double().mean()
        print(f"Left out: {part:9} | points right: {right:.0%}")
    # --8<-- [end:lighter]
