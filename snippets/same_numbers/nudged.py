"""What becomes of a tiny difference while a model trains, in one framework.

python -m snippets.same_numbers.nudged pytorch
"""

import sys

from snippets.same_numbers.batches import SEED, draw_starts, shakespeare_batches
from snippets.same_numbers.compare import differences, nudge, plot_gaps, print_gaps
from snippets.same_numbers.trainers import trainers

if __name__ == "__main__":
    train_logistic_regression, train_softmax_regression, train_character_rnn = trainers(
        sys.argv[1]
    )
    starts = draw_starts(SEED)
    runs = {
        "logistic regression, float64": train_logistic_regression(
            starts["logistic regression"], "float64"
        ),
        "softmax regression, float64": train_softmax_regression(
            starts["softmax regression"], "float64"
        ),
    }

    # --8<-- [start:run_rnn]
    gaps, start = {}, starts["character RNN"]
    for learning_rate in (0.01, 0.005):
        run, nudged_run = (
            train_character_rnn(
                arrays, "float64", learning_rate, shakespeare_batches(400, 50)
            )
            for arrays in (start, nudge(start))
        )
        name = f"character RNN, learning rate {learning_rate}"
        gaps[name] = differences(run, nudged_run)[0]
    print_gaps(gaps)
    # --8<-- [end:run_rnn]

    # --8<-- [start:run_regressions]
    nudged_run = train_logistic_regression(
        nudge(starts["logistic regression"]), "float64"
    )
    gaps["logistic regression"] = differences(
        runs["logistic regression, float64"], nudged_run
    )[0]
    nudged_run = train_softmax_regression(
        nudge(starts["softmax regression"]), "float64"
    )
    gaps["softmax regression"] = differences(
        runs["softmax regression, float64"], nudged_run
    )[0]
    print_gaps(gaps)
    # --8<-- [end:run_regressions]

    # --8<-- [start:plot]
    plot_gaps(gaps, floor=1e-12)
    # --8<-- [end:plot]
