"""Softmax regression: one snippet per framework and approach."""
