"""Networks, data, training, evaluation and export; the only package that needs torch."""
