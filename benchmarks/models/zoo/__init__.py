"""One file for each model, with a `MODEL`. To add one, add a file."""
