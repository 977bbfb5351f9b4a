"""Files of models, each with a tuple `MODELS`. To add one, add it there, or add a file."""
