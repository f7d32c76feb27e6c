"""The training loop of the neural base models: samples, checkpoints, top-K."""
