"""Pictures: what is decoded, what is counted, and how frames become one vector."""

import io

import numpy as np
import open_clip
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images_fixture import MeanColour, jpeg, noise
from PIL import Image

from reelrank.datasets.images import list_images
from reelrank.errors import InputError
from reelrank.features import image_loading
from reelrank.features.image_loading import Preprocessing, load_image, own_pixel_limit
from reelrank.features.item_images import embed_images

SMALL = Preprocessing(16, 16)


def test_a_png_named_jpg_is_decoded(tmp_path):
    noise(1).save(tmp_path / "1.jpg", "PNG")
    pixels, fault = load_image(tmp_path / "1.jpg", SMALL)
    assert fault is None and pixels.shape == (16, 16, 3) and pixels.dtype == np.uint8


def test_a_cmyk_jpeg_shows_what_the_rgb_one_shows(tmp_path):
    noise(1).save(tmp_path / "rgb.jpg", quality=95)
    noise(1).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    rgb, cmyk = (load_image(tmp_path / name, SMALL)[0].astype(int) for name in ("rgb.jpg", "cmyk.jpg"))
    assert np.abs(rgb - cmyk).mean() < 12


def test_sixteen_bits_keep_their_upper_eight(tmp_path):
    grey = np.linspace(0, 65535, 32 * 32).astype(np.uint16).reshape(32, 32)
    Image.fromarray(grey).save(tmp_path / "1.png")
    pixels, _ = load_image(tmp_path / "1.png", Preprocessing(32, 32))
    np.testing.assert_allclose(pixels[:, :, 0], grey >> 8, atol=1)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I", "F", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    name = tmp_path / ("1.tiff" if mode in ("I", "F", "YCbCr") else "1.png")
    picture = noise(2).convert("L").convert(mode) if mode in ("I", "F") else noise(2).convert(mode)
    picture.save(name)
    assert load_image(name, SMALL)[0].shape == (16, 16, 3)


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture at all", jpeg(noise(3))[:200], jpeg(noise(3))[:-150], b"\x89PNG\r\n\x1a\n" + b"\0" * 50],
)
def test_a_damaged_file_is_told_not_raised(tmp_path, content):
    (tmp_path / "1.jpg").write_bytes(content)
    assert load_image(tmp_path / "1.jpg", SMALL) == (None, "unreadable")


@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.binary(min_size=1, max_size=40))
def test_no_bytes_crash_it(tmp_path_factory, seed, place, garbage):
    path = tmp_path_factory.mktemp("damaged") / "1.jpg"
    good = jpeg(noise(seed))
    path.write_bytes(good[:place] + garbage + good[place + len(garbage) :])
    pixels, fault = load_image(path, SMALL)
    assert (pixels is None) == (fault in ("unreadable", "too_large"))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "JPEG2000"])
def test_damage_in_any_format_is_told(tmp_path, kind):
    stream, rng = io.BytesIO(), np.random.default_rng(1)
    noise(1).save(stream, kind)
    for _ in range(40):
        content = bytearray(stream.getvalue())
        for place in rng.integers(0, min(len(content), 200), 3):
            content[place] = rng.integers(0, 256)
        (tmp_path / "1.jpg").write_bytes(content[: rng.integers(1, 2 * len(content))])
        pixels, fault = load_image(tmp_path / "1.jpg", SMALL)
        assert (pixels is None) == (fault in ("unreadable", "too_large"))


def test_a_file_that_would_run_a_program_is_not_opened(tmp_path, monkeypatch):
    noise(1).save(tmp_path / "1.jpg", "EPS")
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("a program was started"))
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", "gs")
    assert load_image(tmp_path / "1.jpg", SMALL) == (None, "unreadable")


def test_a_missing_file_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_image(tmp_path / "1.jpg", SMALL)


def test_thirty_thousand_pixels(tmp_path, monkeypatch):
    Image.new("L", (30_000, 30_000), 90).save(tmp_path / "bomb.png")
    Image.new("L", (30_000, 40), 90).save(tmp_path / "long.png")
    with own_pixel_limit():
        assert load_image(tmp_path / "bomb.png", SMALL) == (None, "too_large")
        assert load_image(tmp_path / "long.png", SMALL)[0].shape == (16, 16, 3)
        # The same at a hundredth: a baseline JPEG is shrunk while decoding, a progressive one is not.
        monkeypatch.setattr(image_loading, "MAX_PIXELS", 10_000)
        Image.new("RGB", (600, 600), (10, 200, 30)).save(tmp_path / "large.jpg")
        Image.new("RGB", (600, 600), (10, 200, 30)).save(tmp_path / "progressive.jpg", progressive=True)
        pixels, _ = load_image(tmp_path / "large.jpg", SMALL)
        np.testing.assert_allclose(pixels.reshape(-1, 3).mean(0), [10, 200, 30], atol=4)
        assert load_image(tmp_path / "progressive.jpg", SMALL) == (None, "too_large")
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / "bomb.png")  # Pillow's own limit is back


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("size", [(64, 48), (31, 97), (20, 20)])
def test_it_is_open_clips_preprocessing(tmp_path, mode, size):
    picture = noise(4, size)
    picture.save(tmp_path / "1.png")
    wanted = Preprocessing(24, 24, mode)
    theirs = open_clip.image_transform(24, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), resize_mode=mode)
    ours = load_image(tmp_path / "1.png", wanted)[0].transpose(2, 0, 1) / 255
    assert np.abs(ours - theirs(picture).numpy()).mean() < 0.02


def coloured(folder, name, colour):
    """Write a picture of one colour and return its path."""
    Image.new("RGB", (20, 20), colour).save(folder / name, quality=95)
    return folder / name


@pytest.mark.parametrize("pooling", ["mean", "max", "first"])
def test_frames_are_pooled(tmp_path, pooling):
    red, blue = coloured(tmp_path, "1-1.jpg", (250, 0, 0)), coloured(tmp_path, "1-2.jpg", (0, 0, 250))
    (tmp_path / "1-0.jpg").write_bytes(b"broken")
    encoder = MeanColour()
    paths = [[tmp_path / "1-0.jpg", red, blue], [], [tmp_path / "1-0.jpg"], [blue]]
    vectors, present, counts = embed_images(encoder, paths, pooling)
    assert present.tolist() == [True, False, False, True]
    assert not vectors[1:3].any() and np.allclose(np.linalg.norm(vectors[present], axis=1), 1)
    assert counts["items_without_file"] == 1 and counts["unreadable"] == 2 and counts["too_large"] == 0
    expected = {"first": [1, 0, 0]}.get(pooling, [0.7, 0, 0.7])
    np.testing.assert_allclose(vectors[0], expected, atol=0.08)


def test_many_pictures_in_small_batches_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("reelrank.features.item_images.BATCH_SIZE", 4)
    colours = np.random.default_rng(1).integers(0, 256, (23, 3))
    paths = [[coloured(tmp_path, f"{i}.png", tuple(map(int, c)))] if i % 5 else [] for i, c in enumerate(colours)]
    encoder = MeanColour()
    vectors, present, counts = embed_images(encoder, paths, workers=3)
    expected = (colours + 1) / np.linalg.norm(colours + 1, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors[present], expected[present], atol=1e-5)
    assert counts["images"] == present.sum() == 18 and max(encoder.batches) == 4


def test_no_picture_at_all():
    vectors, present, counts = embed_images(MeanColour(), [[], []])
    assert vectors.shape == (2, 3) and not vectors.any() and not present.any() and counts["items_without_file"] == 2


def test_pictures_are_listed_by_item_and_number(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("7.jpg", "sub/12-10.jpg", "sub/12-2.jpg", "sub/12-1.JPG", "x.jpg", "3.txt", "4-a.jpg"):
        (tmp_path / name).touch()
    found = {item: [path.rpartition("/")[2] for path in paths] for item, paths in list_images(tmp_path).items()}
    assert found == {7: ["7.jpg"], 12: ["12-1.JPG", "12-2.jpg", "12-10.jpg"]}
    with pytest.raises(InputError, match="does not exist"):
        list_images(tmp_path / "nowhere")
