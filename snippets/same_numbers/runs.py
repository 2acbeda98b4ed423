"""Train all three models in one framework, in both precisions, and keep the runs.

    python -m snippets.same_numbers.runs pytorch

What is run reads the same in both frameworks; what it calls does not.
"""

import sys

from snippets.same_numbers.batches import SEED, draw_starts, shakespeare_batches
from snippets.same_numbers.compare import print_run, save_runs
from snippets.same_numbers.trainers import trainers

if __name__ == "__main__":
    train_logistic_regression, train_softmax_regression, train_character_rnn = trainers(
        sys.argv[1]
    )
    starts = draw_starts(SEED)

    # --8<-- [start:run_logistic]
    runs = {}
    for dtype in ("float32", "float64"):
        runs[f"logistic regression, {dtype}"] = train_logistic_regression(
            starts["logistic regression"], dtype
        )
    print_run(runs, "logistic regression", steps=[1, 10, 100, 1000], bound=2e-5)
    # --8<-- [end:run_logistic]

    # --8<-- [start:run_softmax]
    for dtype in ("float32", "float64"):
        runs[f"softmax regression, {dtype}"] = train_softmax_regression(
            starts["softmax regression"], dtype
        )
    print_run(runs, "softmax regression", steps=[1, 10, 100, 1000, 2350], bound=1e-6)
    # --8<-- [end:run_softmax]

    # --8<-- [start:run_rnn]
    for dtype in ("float32", "float64"):
        batches = shakespeare_batches(num_steps=100, portion_size=200)
        runs[f"character RNN, {dtype}"] = train_character_rnn(
            starts["character RNN"], dtype, 0.005, batches
        )
    print_run(runs, "character RNN", steps=[1, 10, 100], bound=5e-6)
    # --8<-- [end:run_rnn]

    # --8<-- [start:save]
    save_runs("runs.npz", runs)
    # --8<-- [end:save]
