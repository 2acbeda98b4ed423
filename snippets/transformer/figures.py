"""Pictures of positions and of attention: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]


# --8<-- [start:positions]
def plot_positions(positions):
    """Draw the vectors of all places: (length, width)."""
    _, axis = plt.subplots(figsize=(7, 2.2), layout="constrained")
    axis.imshow(positions, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    axis.set(xlabel="number of the entry", ylabel="place")


# --8<-- [end:positions]


# --8<-- [start:attention]
def plot_attention(weights, symbols):
    """Draw how much each place looks at each place: (length, length)."""
    _, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axis.imshow(weights, cmap="Blues", vmin=0, vmax=1)
    places = range(len(symbols))
    axis.set_xticks(places, symbols)
    axis.set_yticks(places, symbols[::-1])
    axis.set(xlabel="symbol that is read (key)", ylabel="symbol to be written (query)")


# --8<-- [end:attention]

if __name__ == "__main__":
    from snippets.transformer.training import LENGTH, WIDTH, sinusoids

    # --8<-- [start:run_positions]
    plot_positions(sinusoids(LENGTH, WIDTH))
    # --8<-- [end:run_positions]
