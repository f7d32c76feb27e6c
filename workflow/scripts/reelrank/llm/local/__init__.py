"""Language models in this process: loading, training, tuning and scoring."""
