"""Handwritten digits: the 1,797 images that scikit-learn ships, a model trained on them, and their scoring."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from snakepit_bridge import BaseAdapter, tool

FOLDS = 2
# The same split in every worker and every run.
SEED = 0


@lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels from 0 to 1, the digit each image shows, and the fold each image belongs to."""
    data = load_digits()
    pixels = data.data / 16.0
    folds = np.empty(len(pixels), dtype=int)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for fold, (_, members) in enumerate(splitter.split(pixels, data.target)):
        folds[members] = fold
    return pixels, data.target, folds


class DigitsAdapter(BaseAdapter):
    """Tools without a memory: every call brings its model along, so any worker can do any batch."""

    # numpy and scikit-learn start no thread while they are imported, and nothing here opens anything.
    fork_safe = True

    @tool(description="The digit that each image shows, and the fold it belongs to")
    def dataset(self) -> dict[str, list[int]]:
        _, labels, folds = digits()
        return {"labels": labels.tolist(), "folds": folds.tolist()}

    @tool(description="Trains on all images that are not in a fold; returns the parameters")
    def train(self, fold: int) -> dict[str, Any]:
        pixels, labels, folds = digits()
        known = folds != fold
        fitted = LogisticRegression(C=10, max_iter=2000).fit(pixels[known], labels[known])
        return {"weights": fitted.coef_.tolist(), "bias": fitted.intercept_.tolist()}

    @tool(description="The digit that a model sees in each of these images")
    def score(self, model: dict[str, Any], images: list[int], pace_ms: float = 0) -> list[int]:
        pixels, _, _ = digits()
        time.sleep(pace_ms / 1000)  # A batch takes less than a millisecond: too fast to be watched.
        seen = pixels[images] @ np.asarray(model["weights"]).T + np.asarray(model["bias"])
        return [int(digit) for digit in seen.argmax(axis=1)]
