"""Times strokes in the cut-out editor on a picture of 12 megapixels, and says what they win back.

Run it on a quiet machine, from the checkout:
``xvfb-run -a -s "-screen 0 1440x960x24" python tests/gui/benchmarks/cutout.py PHOTO...`` where the
photos have plain backgrounds: the masks that are found of them are taken as true. Discs about
random places of the object are cut away from each, or added, until a tenth of the mask is wrong;
then one dab of a brush is put where the largest error is. Printed are the window's longest pause
during a stroke, the time from the mouse's release to the new mask, and which share of the lost IoU
the dab wins back.
"""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

GOAL_PAUSE_MS, GOAL_STROKE_MS, GOAL_SHARE = 50.0, 150.0, 0.5
WRONG, DISC = 0.1, 0.05  # share of the mask; radius in sides of the picture
STROKES = 12
PIXELS = (4000, 3000)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def spoilt(true: np.ndarray, missing: bool, seed: int) -> np.ndarray:
    """A mask of which a tenth is missing, or too much."""
    rng, mask = np.random.default_rng(seed), true.copy()
    rows, columns = np.mgrid[0 : true.shape[0], 0 : true.shape[1]]
    near = np.argwhere(true)
    while (mask ^ true).sum() < WRONG * true.sum():
        row, column = near[rng.integers(len(near))]
        disc = np.hypot(rows - row, columns - column) < DISC * max(true.shape)
        mask = mask & ~disc if missing else mask | disc
    return mask


def won_back(photo: Path, missing: bool, seed: int) -> float:
    """Which share of the lost IoU one dab at the largest error brings."""
    import cv2

    from shapelab.core.inputs import images
    from shapelab.core.inputs.corrected_picture import CutoutCorrection
    from shapelab.core.inputs.cutout_edit import Brush, CutoutEdit

    picture = images.prepare(photo.read_bytes())
    assert picture.mask is not None
    true = picture.mask > 127
    mask = spoilt(true, missing, seed)
    alpha = np.where(mask, 255, 0).astype(np.uint8)
    wrong = cv2.distanceTransform((mask ^ true).astype(np.uint8), cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
    longest = max(true.shape)
    width = 2 * float(wrong.max()) / longest
    dab = Brush(((column / longest, row / longest),), width, missing)
    correction = CutoutCorrection(replace(picture, mask=alpha, method="grabcut"))
    after = correction.mask(CutoutEdit((dab,))) > 127
    before = iou(mask, true)
    return (iou(after, true) - before) / max(1e-6, 1 - before)


def strokes() -> tuple[list[float], list[float]]:
    """Longest pauses of the event loop, and times from release to mask, in ms."""
    from PIL import Image
    from PySide6.QtCore import QPointF, Qt, QTimer
    from PySide6.QtTest import QTest

    from shapelab.core.inputs import images
    from shapelab.core.model.spec import ModelSpec
    from shapelab.gui import app as application
    from shapelab.gui.cutout.cutout_dialog import CutoutDialog

    app = application.application()
    width, height = PIXELS
    rng = np.random.default_rng(0)
    pixels = np.full((height, width, 3), (120, 140, 120), np.int16)
    pixels[800:2600, 1200:2800] = (130, 70, 40)
    pixels += rng.integers(-12, 12, (height, width, 1), np.int16)
    stream = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=92)
    picture = images.prepare(stream.getvalue())
    dialog = CutoutDialog(picture, ModelSpec(image_size=128, image_mode="RGBA"), "room.jpg")
    dialog.show()
    turns: list[float] = []
    timer = QTimer(interval=0)
    timer.timeout.connect(lambda: turns.append(time.perf_counter()))
    timer.start()

    def wait() -> None:
        while dialog.busy:
            app.processEvents()

    wait()
    dialog.action("background").trigger()
    pauses, times = [], []
    for _ in range(STROKES):
        ends = [QPointF(x, y) for x, y in rng.uniform(0.3, 0.7, (2, 2)) * 700]
        line = [
            dialog.canvas.to_widget(ends[0] + (ends[1] - ends[0]) * t).toPoint()
            for t in np.linspace(0, 1, 20)
        ]
        turns.clear()
        QTest.mousePress(dialog.canvas, Qt.MouseButton.LeftButton, pos=line[0])
        for point in line[1:]:
            QTest.mouseMove(dialog.canvas, point)
            app.processEvents()
        start = time.perf_counter()
        QTest.mouseRelease(dialog.canvas, Qt.MouseButton.LeftButton, pos=line[-1])
        wait()
        times.append(1e3 * (time.perf_counter() - start))
        pauses.append(1e3 * float(np.diff(turns).max(initial=0.0)))
    dialog.reject()
    return pauses, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="*", type=Path)
    photos = parser.parse_args().photos
    pauses, times = strokes()
    print(f"longest pause of the window {max(pauses):.0f} ms (goal {GOAL_PAUSE_MS:.0f})")
    print(
        f"release to mask: median {np.median(times):.0f}, worst {max(times):.0f} ms "
        f"(goal {GOAL_STROKE_MS:.0f})"
    )
    for missing, words in ((True, "missing"), (False, "too much")):
        shares = [won_back(photo, missing, k) for k, photo in enumerate(photos)]
        if shares:
            print(
                f"{WRONG:.0%} {words}: one dab wins back {np.median(shares):.0%} of the lost IoU "
                f"(median of {len(shares)}; worst {min(shares):.0%}; goal {GOAL_SHARE:.0%})"
            )


if __name__ == "__main__":
    main()
