"""How well ``procedural`` completes pieces of its own that one look of a depth camera has seen.

    python -m tests.trainer.evaluation.benchmark_half_views [--seeds 4 5 6]

Prints of each class the IoU at 128³ and how many came out as what they are, and of all the same
beside that of the seen cells taken as if they were all (the baseline).
"""

from __future__ import annotations

import argparse

import numpy as np

from shapelab.core.inputs.reconstruct import iou
from shapelab.core.model.shape_model import load_model
from trainer.evaluation.one_sided_scoring import HIGHEST, LOWEST, look

CLASSES = ("chair", "table", "sofa", "bed", "desk", "bookshelf", "armchair", "toilet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[4, 5, 6])
    seeds = parser.parse_args().seeds
    model = load_model("procedural")
    scores, plain, right = [], [], 0
    for name in CLASSES:
        for seed in seeds:
            rng = np.random.default_rng([seed, 1])
            solid = model.decode(model.sample(name, seed)[0]) > 0.5
            sight = look(solid, rng.uniform(0, 360), rng.uniform(LOWEST, HIGHEST))
            baseline = model.encode_voxels(sight.seen)
            latent, _ = model.complete([sight])
            for told, each in ((plain, baseline), (scores, latent)):
                told.append(float(iou(model.decode(each) > 0.5, solid)))
            right += model.density.nearest_class(latent) == name
        marks = " ".join(f"{score:.2f}" for score in scores[-len(seeds) :])
        print(f"{name:12}{marks}", flush=True)
    print(
        f"mean IoU {np.mean(scores):.3f}, taken as whole {np.mean(plain):.3f}; "
        f"{right} of {len(scores)} are of their class"
    )


if __name__ == "__main__":
    main()
