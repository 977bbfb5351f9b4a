"""The steps of a conversion, one a file, in the order in which `convert` takes them."""
