"""What the sliding-window screen gives away: the picture as PNG; both scores of every window as CSV and NPZ; and its code."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np

from app.figures.detection.sliding_window import Slide, all_crops, window_pixels
from app.pictures import as_photo
from cnn.images.encode import png_bytes, to_hwc

WindowFile = tuple[str, str, Callable[[], bytes], str]


def window_files(slide: Slide) -> tuple[WindowFile, ...]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    picture = slide.picture
    return (
        ("picture", "picture.png", lambda: png_bytes(to_hwc(as_photo(picture))), "image/png"),
        ("csv", "windows.csv", lambda: windows_csv(slide), "text/csv"),
        ("npz", "windows.npz", lambda: windows_npz(slide), "application/octet-stream"),
    )


def windows_csv(slide: Slide) -> bytes:
    """Return a line a window: its corners, then for each class its score from the crop and from the one pass."""
    crops, once, boxes = all_crops(slide), slide.once.scores, slide.boxes
    names = slide.record.categories
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["row", "column", "x1", "y1", "x2", "y2", *(f"crop_{n}" for n in names),
                     *(f"pass_{n}" for n in names)])  # fmt: skip
    for row in range(slide.grid[0]):
        for column in range(slide.grid[1]):
            numbers = [
                *boxes[row, column].tolist(),
                *crops[:, row, column].tolist(),
                *once[:, row, column].tolist(),
            ]
            writer.writerow([row, column, *(f"{value:.9g}" for value in numbers)])
    return file.getvalue().encode()


def windows_npz(slide: Slide) -> bytes:
    """Return `crop_scores` and `convolutional_scores` (K, R, S) and `boxes` (R, S, 4) in pixels of the picture."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        crop_scores=all_crops(slide).numpy(),
        convolutional_scores=slide.once.scores.numpy(),
        boxes=slide.boxes.numpy(),
        categories=np.array(slide.record.categories),
    )
    return file.getvalue()


def pytorch_code(slide: Slide) -> str:
    """Return code whose `found` holds both scores of every window, in a fresh interpreter beside the downloaded picture."""
    record, once = slide.record, slide.once
    mode = "L" if record.channels == 1 and slide.picture.pixels.shape[0] == 1 else "RGB"
    gray = "(pixels * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)"
    lines = [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        "",
        "from cnn.detection.convolutional import as_convolutional",
        "from cnn.detection.sliding_window import fitted_picture, sliding_windows",
        "from cnn.weights.builtin import builtin_record, load_builtin, normalised",
        "",
        f'pixels = np.array(Image.open("picture.png").convert("{mode}"))  # from Downloads',
        "pixels = torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1) / 255  # (C, H, W), 0..1",
        *([f"pixels = {gray}"] if record.channels == 1 and mode == "RGB" else []),
        f"model, record = load_builtin({record.name!r}), builtin_record({record.name!r})",
        f"window = {window_pixels(slide.picture, slide.window)}  # side in pixels of the picture",
        "scaled, scale = fitted_picture(pixels, window, record.input_size)  # a window is the network's input",
        "found = sliding_windows(model, normalised(scaled, record), window=record.input_size,",
        f"                        stride={once.stride})",
        "print(found.crop_scores.shape, found.largest_difference, found.same, found.padded)",
        "print(found.crop_multiply_adds, found.convolutional_multiply_adds)",
        "print(found.crop_seconds, found.convolutional_seconds)",
        "print(as_convolutional(model, (record.channels, *record.input_size)).network)  # no fully connected layer",
    ]
    return "\n".join(lines)
