"""Messages made from simulated frames."""
