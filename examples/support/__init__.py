"""What the examples share: where data lies, how it is read, the models they prune."""
