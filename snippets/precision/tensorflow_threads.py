# --8<-- [start:script]
"""Add up products on so many threads: python threads.py THREADS FILE."""

import sys

import numpy as np
import tensorflow as tf


def main(threads, path):
    """Write the sums (2000,) of a product's rows; print how many threads there are."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)  # before all else
    matrix = np.random.default_rng(1).normal(size=(2000, 2000)).astype(np.float32)
    np.save(path, tf.reduce_sum(matrix @ tf.constant(matrix), axis=1))
    print("threads:", tf.config.threading.get_intra_op_parallelism_threads())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
# --8<-- [end:script]
