"""Networks, as the papers have them."""
