"""Language models in this process: loading, training, fine-tuning and scoring."""
