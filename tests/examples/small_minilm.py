"""Weights of a MiniLM of random numbers, with few pieces and two narrow blocks."""

import numpy as np

WIDTH, FFN, LAYERS, HEADS = 24, 48, 2, 2


def random_weights(pieces=30):
    random = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings.weight": (pieces, WIDTH),
        "embeddings.position_embeddings.weight": (512, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    norms = ["embeddings"]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        dense = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        dense["attention.output.dense"] = (WIDTH, WIDTH)
        dense |= {"intermediate.dense": (FFN, WIDTH), "output.dense": (WIDTH, FFN)}
        for part, (out, in_) in dense.items():
            shapes[f"{name}.{part}.weight"] = (out, in_)
            shapes[f"{name}.{part}.bias"] = (out,)
        norms += [f"{name}.attention.output", f"{name}.output"]
    for norm in norms:
        shapes |= {f"{norm}.LayerNorm.{part}": (WIDTH,) for part in ("weight", "bias")}
    return {k: random.normal(0, 0.5, s).astype(np.float32) for k, s in shapes.items()}
