"""Generated data like that of scenes: 32 to 64 MiB each, the same in every run."""

from typing import Any

import numpy as np

SIDE = 2048

Array = np.ndarray[Any, Any]


def mesh_positions() -> Array:
    """A terrain of 2,048 by 2,048 points, f4: 48 MiB."""
    x, y = np.meshgrid(np.linspace(0, 40, SIDE), np.linspace(0, 40, SIDE))
    z = np.sin(x) * np.cos(y * 1.3) + 0.05 * np.sin(31 * x + 17 * y)
    return np.stack([x, y, z], axis=-1).astype("<f4").reshape(-1, 3)


def face_indices() -> Array:
    """The quads of that terrain, i4: 64 MiB."""
    grid = np.arange(SIDE * SIDE, dtype="<i4").reshape(SIDE, SIDE)
    return np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=-1).reshape(-1)


def animation_curves() -> Array:
    """240 frames of 20,000 points that sway, f4: 55 MiB."""
    phase = np.linspace(0, 7, 20_000)[:, None] + np.array([0.0, 1.3, 2.1])
    frames = [np.sin(frame / 24 + phase) * 0.3 + phase for frame in range(240)]
    return np.stack(frames).astype("<f4")


def screenshot() -> Array:
    """A window of 4,096 by 2,160 pixels with a gradient, panels and lines of text, RGBA: 34 MiB."""
    height, width = 2160, 4096
    rng = np.random.default_rng(7)
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[..., 0] = np.linspace(30, 90, width).astype(np.uint8)
    pixels[..., 1] = np.linspace(40, 70, height).astype(np.uint8)[:, None]
    pixels[..., 2] = 60
    pixels[:, :600, :3] = 48
    for line in range(40, height - 40, 30):
        text = np.repeat(rng.random((12, 130)) < 0.4, 4, axis=1)  # noqa: PLR2004 (how dark letters are)
        pixels[line : line + 12, 20:540, :3][text] = 220
    return pixels


def noise() -> Array:
    """Random bytes as f4, which nothing makes smaller: 32 MiB."""
    return np.random.default_rng(3).integers(0, 1 << 32, 8 << 20, dtype=np.uint32).view("<f4")


DATA = {
    "mesh positions": mesh_positions,
    "face indices": face_indices,
    "animation curves": animation_curves,
    "screenshot": screenshot,
    "random": noise,
}
