"""Makes digits-*.npy: handwritten digits, and one layer of a real network that reads them.

digits-images.npy holds scikit-learn's 1797 images of 8 x 8 pixels from 0 to 16, one row per image,
digits-labels.npy the digit on each, both as float16, which holds them exactly.

A classifier of handwritten digits, 64 pixels -> 16 GELU -> 10 classes, is trained for 60 epochs on
them. digits-preactivations.npy holds what its hidden layer computes before the activation, x W + b,
for all images; digits-upstream.npy the gradient of the mean cross-entropy with respect to what comes
after it. Both are float32 of shape (1797, 16), one row per image.

Run it in a virtual environment outside the repository; the seed is fixed:

    python3 -m venv /tmp/digits
    /tmp/digits/bin/pip install numpy scikit-learn
    /tmp/digits/bin/python make_digits.py
"""

from pathlib import Path

import numpy as np
from scipy.special import erf
from sklearn.datasets import load_digits

HIDDEN = 16
EPOCHS = 60
BATCH = 64
RATE = 0.1


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def gelu_slope(x):
    return 0.5 * (1 + erf(x / np.sqrt(2))) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def upstream_gradient(hidden, w, b, target):
    """Gradients of the mean cross-entropy with respect to the logits and to the hidden layer."""
    logits = hidden @ w + b
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    d_logits = (exp / exp.sum(axis=1, keepdims=True) - target) / len(hidden)
    return d_logits, d_logits @ w.T


def main():
    images, labels = load_digits(return_X_y=True)
    x = (images - images.mean(axis=0)) / 16
    target = np.eye(10)[labels]

    random = np.random.default_rng(0)
    w1 = random.normal(0, np.sqrt(2 / 64), (64, HIDDEN))
    b1 = np.zeros(HIDDEN)
    w2 = random.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, 10))
    b2 = np.zeros(10)

    for _ in range(EPOCHS):
        for batch in np.array_split(random.permutation(len(x)), len(x) // BATCH):
            before = x[batch] @ w1 + b1
            hidden = gelu(before)
            d_logits, d_hidden = upstream_gradient(hidden, w2, b2, target[batch])
            d_before = d_hidden * gelu_slope(before)
            w2 -= RATE * hidden.T @ d_logits
            b2 -= RATE * d_logits.sum(axis=0)
            w1 -= RATE * x[batch].T @ d_before
            b1 -= RATE * d_before.sum(axis=0)

    before = x @ w1 + b1
    hidden = gelu(before)
    accuracy = np.mean((hidden @ w2 + b2).argmax(axis=1) == labels)
    _, d_hidden = upstream_gradient(hidden, w2, b2, target)

    folder = Path(__file__).parent
    for name, dtype, values in [
        ("images", "<f2", images),
        ("labels", "<f2", labels),
        ("preactivations", "<f4", before),
        ("upstream", "<f4", d_hidden),
    ]:
        values = values.astype(dtype)
        path = folder / f"digits-{name}.npy"
        np.save(path, values)
        print(f"{path.name}: {values.shape}, {values.min():.3g} to {values.max():.3g}")
    print(f"training accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
