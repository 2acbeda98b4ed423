"""The training functions of one framework, by its name."""

from importlib import import_module


def trainers(framework):
    """Return what trains logistic regression, softmax regression and character RNN."""
    training = import_module(f"snippets.same_numbers.{framework}_training")
    return (
        training.train_logistic_regression,
        training.train_softmax_regression,
        training.train_character_rnn,
    )
