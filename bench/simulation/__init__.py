"""How close the simulator comes to recordings, and how learnable its people are."""
