"""Text that the alphabet does not cover is refused."""

from snippets.character_rnn.data import encode

if __name__ == "__main__":
    try:
        # --8<-- [start:run]
        encode("a naïve café")
        # --8<-- [end:run]
    except ValueError as error:
        print(f"ValueError: {error}")
