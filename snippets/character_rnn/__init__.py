"""A character RNN (a GRU language model), in PyTorch and in TensorFlow."""
