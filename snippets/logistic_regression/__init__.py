"""Logistic regression on two species of iris, in PyTorch and in TensorFlow."""
