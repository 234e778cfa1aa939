"""A classifier of three dense layers in plain NumPy, its parameters in one flat vector."""

from itertools import pairwise

import numpy as np


class Network:
    """Dense layers with ReLU between them; the last gives one score per class."""

    def __init__(self, *sizes: int) -> None:
        self._shapes = list(pairwise(sizes))
        self.size = sum(rows * columns + columns for rows, columns in self._shapes)

    def initial(self, seed: int) -> np.ndarray:
        """Random weights scaled for ReLU (He et al., 2015), biases zero."""
        random = np.random.default_rng(seed)
        flat = np.zeros(self.size, np.float32)
        for weights, _ in self._layers(flat):
            weights[:] = random.standard_normal(weights.shape) * np.sqrt(2 / len(weights))
        return flat

    def accuracy(self, flat: np.ndarray, images: np.ndarray, labels: np.ndarray) -> float:
        """Share of images whose label has the highest score."""
        scores = self._forward(flat, images)[-1]
        return float((scores.argmax(axis=1) == labels).mean())

    def gradient(self, flat: np.ndarray, images: np.ndarray, labels: np.ndarray, out: np.ndarray) -> float:
        """Mean cross-entropy of a batch; its gradient by every parameter goes to `out`."""
        values = self._forward(flat, images)
        scores = values[-1] - values[-1].max(axis=1, keepdims=True)
        exponents = np.exp(scores)
        shares = exponents / exponents.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        loss = -float(np.log(np.maximum(shares[rows, labels], 1e-12)).mean())
        back = shares
        back[rows, labels] -= 1
        back /= len(labels)
        layers, gradients = self._layers(flat), self._layers(out)
        for index in reversed(range(len(layers))):
            np.matmul(values[index].T, back, out=gradients[index][0])
            back.sum(axis=0, out=gradients[index][1])
            if index:
                back = (back @ layers[index][0].T) * (values[index] > 0)
        return loss

    def _forward(self, flat: np.ndarray, images: np.ndarray) -> list[np.ndarray]:
        """What goes into each layer, and the scores."""
        values = [images]
        for index, (weights, biases) in enumerate(self._layers(flat)):
            raw = values[-1] @ weights + biases
            values.append(raw if index == len(self._shapes) - 1 else np.maximum(raw, 0))
        return values

    def _layers(self, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights and biases as views of the vector."""
        layers, start = [], 0
        for rows, columns in self._shapes:
            middle, end = start + rows * columns, start + rows * columns + columns
            layers.append((flat[start:middle].reshape(rows, columns), flat[middle:end]))
            start = end
        return layers
