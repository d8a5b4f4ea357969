"""Commands of gait-reid for data sets, training, evaluation and export."""
