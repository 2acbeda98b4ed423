# --8<-- [start:script]
"""Start train.py in two workers of Ray Train."""

import os

import train
from ray.train import ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer


def worker(settings):
    """Do what each process of torchrun does; a worker begins in a folder of its own."""
    os.chdir(settings["folder"])
    train.main()


if __name__ == "__main__":
    trainer = TorchTrainer(
        worker,
        train_loop_config={"folder": os.getcwd()},
        torch_config=TorchConfig(backend="gloo"),
        scaling_config=ScalingConfig(num_workers=2),
    )
    trainer.fit()
# --8<-- [end:script]
