"""What the post of 2024 got wrong, and what to write instead."""
