"""Prediction: scales, flips, per-class scales, and the folder of label images."""

import numpy as np
import pandas as pd
import pytest
import torch

from tailcutmix.dataset.images import read_label
from tailcutmix.dataset.normalisation import MEAN, STD
from tailcutmix.dataset.packing import Packed
from tailcutmix.dataset.parts import parts_of
from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable
from tailcutmix.models.build import build_model
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.resizing import at_scale
from tailcutmix.nearest import resize_nearest
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.prediction.inference import Predictor, argmax_of_sets, build_predictor
from tailcutmix.prediction.run import predict_split
from tailcutmix.prediction.scales import read_scales, select_scales, write_scales

CLASSES = 3
SETS = {"training": [0.5, 1.0], "full": [0.5, 1.0, 2.0]}


class Brightest(MultiScaleNet):
    """Says which colour channel is brightest, at every pixel; counts how often each scale is run."""

    def __init__(self, attention="none"):
        super().__init__(4, attention, (1.0,))
        self.runs = []

    def predict_scale(self, x, scale, attention=True):
        self.runs.append(scale)
        x = at_scale(x, scale)
        colours = x * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
        return 10 * colours, torch.full_like(x[:, :1], 0.5)


def labels_of_test():
    rows = ((0, "void", 255, "void"), (7, "road", 0, "flat"), (11, "big house", 1, "thing"), (26, "car", 2, "thing"))
    return LabelTable(tuple(Label(*row) for row in rows))


def colour_images(count=3, height=10, width=13, seed=0):
    """Images whose brightest channel is known, and that channel."""
    truth = np.random.default_rng(seed).integers(0, CLASSES, (count, height, width)).astype(np.uint8)
    images = np.full((count, height, width, 3), 40, np.uint8)
    np.put_along_axis(images, truth[..., None], 200, axis=-1)
    return images, truth


def packed_of(images, labels):
    names = [f"image{number}" for number in range(len(images))]
    return Packed(images, labels, names, np.ones(len(names), bool))


def manifest_of(packed, height, width):
    return pd.DataFrame({"image_id": packed.image_ids[::-1], "width": width, "height": height})


@pytest.fixture(scope="module")
def hrnet():
    torch.manual_seed(0)
    model = build_model(Network(width=4, head_channels=8), CLASSES)
    model(torch.randn(4, 3, 64, 64))  # running statistics of something
    return model.eval()


def test_labels_are_the_most_probable_classes():
    images, truth = colour_images()
    np.testing.assert_array_equal(Predictor(Brightest()).labels(images), truth)


def test_every_scale_is_run_once_for_all_sets():
    model = Brightest()
    Predictor(model, SETS).logits(colour_images()[0])
    assert sorted(model.runs) == [0.5, 1.0, 2.0]


def test_sets_computed_together_equal_sets_computed_alone(hrnet):
    images, _ = colour_images(height=40, width=70)
    together = Predictor(hrnet, SETS).logits(images)
    for name, scales in SETS.items():
        alone = Predictor(hrnet, scales).logits(images)["full"]
        torch.testing.assert_close(together[name], alone)


def test_predictor_normalises_as_training_does(hrnet):
    images, _ = colour_images(height=64, width=64)
    x = (torch.from_numpy(images) / 255.0 - torch.tensor(MEAN)) / torch.tensor(STD)
    expected = hrnet.predict(x.permute(0, 3, 1, 2), [0.5, 1.0, 2.0])
    torch.testing.assert_close(Predictor(hrnet, SETS).logits(images, ["full"])["full"], expected)


def test_flip_makes_prediction_symmetric(hrnet):
    images, _ = colour_images(height=64, width=64)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    plain, flipping = Predictor(hrnet, SETS), Predictor(hrnet, SETS, flip=True)
    one, other = plain.logits(images), plain.logits(mirrored)
    for name, logits in flipping.logits(images).items():
        torch.testing.assert_close(logits, (one[name] + other[name].flip(-1)) / 2)
        torch.testing.assert_close(logits, flipping.logits(mirrored)[name].flip(-1), rtol=1e-4, atol=1e-5)


def test_batch_size_does_not_matter(hrnet):
    images, _ = colour_images(count=3, height=40, width=70)
    predictor = Predictor(hrnet, [0.5, 1.0])
    singly = torch.cat([predictor.logits(images[i : i + 1])["full"] for i in range(3)])
    torch.testing.assert_close(predictor.logits(images)["full"], singly, rtol=1e-4, atol=1e-5)


def test_input_scale_brings_labels_back_to_the_size_of_the_image():
    truth = np.random.default_rng(1).integers(0, CLASSES, (2, 6, 8)).astype(np.uint8).repeat(4, 1).repeat(4, 2)
    images = np.where(np.arange(3) == truth[..., None], 200, 40).astype(np.uint8)
    model = Brightest()
    predictor = Predictor(model, input_scale=0.5)
    assert predictor.logits(images)["full"].shape[-2:] == (12, 16)
    np.testing.assert_array_equal(predictor.labels(images), truth)


def test_argmax_of_sets_against_a_pixel_by_pixel_reference():
    random = torch.Generator().manual_seed(0)
    logits = {name: torch.randn(2, CLASSES, 150, 5, generator=random) for name in SETS}
    set_of_class = {0: "full", 1: "training", 2: "full"}
    found = argmax_of_sets(logits, set_of_class)
    for image in range(2):
        for row in range(150):
            for column in range(5):
                probabilities = []
                for c in range(CLASSES):
                    exponentials = np.exp(logits[set_of_class[c]][image, :, row, column].double().numpy())
                    probabilities.append(exponentials[c] / exponentials.sum())
                assert found[image, row, column] == np.argmax(probabilities)


def test_per_class_scales_compute_only_the_sets_in_use():
    model = Brightest()
    Predictor(model, SETS, set_of_class=dict.fromkeys(range(CLASSES), "training")).labels(colour_images()[0])
    assert sorted(model.runs) == [0.5, 1.0]


def test_an_expert_runs_at_the_scales_of_its_class_and_other_models_at_those_of_each_class():
    images, _ = colour_images(height=64, width=64)
    network, inference = Network(training_scales=(0.5, 1.0), input_scale=0.5), Inference(scales=(0.5, 1.0, 2.0))
    chosen, car = {0: "full", 1: "full", 2: "training"}, labels_of_test().class_of("car")

    def scales_run(**arguments):
        model = Brightest()
        predictor = build_predictor(network, inference, model, **arguments)
        assert predictor.labels(images).shape == (3, 64, 64) and predictor.input_scale == 0.5
        return sorted(model.runs)

    assert scales_run() == scales_run(chosen=chosen) == [0.5, 1.0, 2.0]
    assert scales_run(chosen=chosen, expert_of=car) == [0.5, 1.0]
    assert scales_run(chosen={**chosen, 2: "full"}, expert_of=car) == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("flip", [False, True])
def test_a_built_predictor_mirrors_where_the_settings_say_so(flip):
    images, _ = colour_images(height=64, width=64)
    model = Brightest()
    build_predictor(Network(attention="none"), Inference(scales=(1.0,), flip=flip), model).labels(images)
    assert model.runs == [1.0] * (1 + flip)


def test_a_built_predictor_takes_each_class_s_channel_from_its_set():
    """At scale 2 this network says big house everywhere: right where that class keeps to the training scales."""
    truth = np.zeros((1, 64, 64), np.uint8)
    truth[:, :, 32:] = 1
    images = np.full((1, 64, 64, 3), 40, np.uint8)
    images[truth == 0, 0], images[truth == 1, 1] = 220, 220
    network, inference = Network(training_scales=(0.5, 1.0)), Inference(scales=(0.5, 1.0, 2.0))

    def labels(**arguments):
        return build_predictor(network, inference, LowScaleSeesRoad(), **arguments).labels(images)

    assert (labels() == 1).all()
    assert (labels(chosen=dict.fromkeys(range(CLASSES), "full")) == 1).all()
    assert (labels(chosen={0: "training", 1: "training", 2: "full"}) == truth).mean() > 0.9
    house = labels_of_test().class_of("big house")
    chosen = {0: "full", 1: "training", 2: "full"}
    assert (labels(chosen=chosen, expert_of=house) == truth).mean() > 0.9, "all channels of an expert"


def test_per_class_scales_must_be_complete():
    images, _ = colour_images()
    with pytest.raises(UserError, match="train id 1"):
        Predictor(Brightest(), SETS, set_of_class={0: "full", 2: "training"}).labels(images)
    with pytest.raises(UserError, match="largest"):
        Predictor(Brightest(), SETS, set_of_class={0: "largest"})


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_predict_split_writes_label_ids_at_the_original_size(tmp_path, batch):
    images, truth = colour_images()
    packed = packed_of(images, truth)
    out = tmp_path / "predictions" / "val"
    out.mkdir(parents=True)
    (out / "stale.png").touch()
    predict_split([(Predictor(Brightest()), packed)], manifest_of(packed, 20, 26), labels_of_test(), out, batch)
    assert sorted(path.name for path in out.iterdir()) == ["image0.png", "image1.png", "image2.png"]
    assert [path.name for path in out.parent.iterdir()] == ["val"]
    for number in range(3):
        expected = np.array([7, 11, 26], np.uint8)[truth[number]].repeat(2, 0).repeat(2, 1)
        np.testing.assert_array_equal(read_label(out / f"image{number}.png"), expected)


class Darkest(Brightest):
    """The least probable classes of the other."""

    def predict_scale(self, x, scale, attention=True):
        logits, weights = super().predict_scale(x, scale, attention)
        return -logits, weights


def test_each_fold_is_predicted_and_judged_by_its_own_network(tmp_path):
    """Five images in two folds: three for one network, two for the other; a choice of scales counts them together."""
    packed = packed_of(*colour_images(count=5))
    parts = parts_of(packed, 2)
    assert [part.image_ids for part in parts] == [packed.image_ids[:3], packed.image_ids[3:]]
    networks = [Predictor(network) for network in (Brightest(), Darkest())]
    predict_split(zip(networks, parts, strict=True), manifest_of(packed, 10, 13), labels_of_test(), tmp_path / "train")
    to_label_id = labels_of_test().to_label_id
    for position, image_id in enumerate(packed.image_ids):
        (expected,) = networks[position // 3].labels(packed.images[position : position + 1])
        np.testing.assert_array_equal(read_label(tmp_path / "train" / f"{image_id}.png"), to_label_id[expected])
    networks = [Predictor(network, SETS) for network in (Brightest(), Darkest())]
    frame = select_scales(zip(networks, parts, strict=True), labels_of_test())
    for name in ("training", "full"):
        predicted = [
            resize_nearest(networks[n // 3].logits(image[None], [name])[name].argmax(1).numpy()[0], image.shape[:2])
            for n, image in enumerate(packed.images)
        ]
        for row, found in enumerate(frame[f"iou_{name}" if name == "full" else "iou_training_scales"]):
            there, claimed = packed.labels == row, np.stack(predicted) == row
            assert found == (there & claimed).sum() / (there | claimed).sum()
    assert list(frame["images"]) == [(packed.labels == row).any((1, 2)).sum() for row in range(len(frame))]


def test_each_image_comes_back_at_its_own_size(tmp_path):
    packed = packed_of(*colour_images())
    manifest = manifest_of(packed, 10, 13).assign(height=[30, 20, 10], width=[13, 26, 39])
    predict_split([(Predictor(Brightest()), packed)], manifest, labels_of_test(), tmp_path / "val", batch=2)
    sizes = {row.image_id: (row.height, row.width) for row in manifest.itertuples()}
    assert {name: read_label(tmp_path / "val" / f"{name}.png").shape for name in sizes} == sizes


class Failing(Brightest):
    def predict_scale(self, x, scale, attention=True):
        if len(self.runs) == 2:
            raise RuntimeError("out of memory")
        return super().predict_scale(x, scale, attention)


def test_a_failed_split_leaves_no_folder(tmp_path):
    packed = packed_of(*colour_images())
    with pytest.raises(RuntimeError, match="out of memory"):
        predict_split([(Predictor(Failing()), packed)], manifest_of(packed, 10, 13), labels_of_test(), tmp_path / "val")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_a_user_error(tmp_path, monkeypatch):
    def full(path, array):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("tailcutmix.prediction.run.write_png", full)
    packed = packed_of(*colour_images())
    parts = [(Predictor(Brightest()), packed)]
    with pytest.raises(UserError, match="No space left"):
        predict_split(parts, manifest_of(packed, 10, 13), labels_of_test(), tmp_path / "val")


def test_images_that_the_manifest_lacks_are_named(tmp_path):
    packed = packed_of(*colour_images())
    manifest = manifest_of(packed, 10, 13)[:2]
    with pytest.raises(UserError, match="image0"):
        predict_split([(Predictor(Brightest()), packed)], manifest, labels_of_test(), tmp_path / "val")


class LowScaleSeesRoad(MultiScaleNet):
    """At scale .5 it knows road from big house; scale 2 adds noise that turns all into big house."""

    def __init__(self):
        super().__init__(4, "none", (1.0,))

    def predict_scale(self, x, scale, attention=True):
        x = at_scale(x, scale)
        logits = torch.zeros(len(x), CLASSES, *x.shape[-2:])
        logits[:, 0], logits[:, 1] = x[:, 0] - x[:, 1], x[:, 1] - x[:, 0]
        if scale == 2.0:
            logits[:, 1] += 100.0
        return logits, None


def test_select_scales_takes_the_training_scales_only_where_they_are_better():
    truth = np.zeros((2, 16, 16), np.uint8)
    truth[:, :, 8:] = 1
    truth[1, :4] = 255
    images = np.full((2, 16, 16, 3), 40, np.uint8)
    images[truth == 0, 0] = 220
    images[truth == 1, 1] = 220
    frame = select_scales([(Predictor(LowScaleSeesRoad(), SETS), packed_of(images, truth))], labels_of_test(), batch=2)
    assert list(frame["class"]) == ["road", "big house", "car"]
    assert list(frame["images"]) == [2, 2, 0]
    assert list(frame["chosen"]) == ["training", "training", "full"]
    assert frame.iou_full[:2].tolist() == [0.0, 0.5]
    assert frame.iou_training_scales[:2].min() > 0.9
    assert frame.iou_full.isna().tolist() == [False, False, True]


def test_select_scales_keeps_the_full_set_on_a_tie(tmp_path):
    images, truth = colour_images()
    model = Brightest()
    same = {"training": [0.5, 1.0], "full": [1.0, 0.5]}
    frame = select_scales([(Predictor(model, same), packed_of(images, truth))], labels_of_test(), batch=3)
    assert set(frame.chosen) == {"full"}
    assert frame.iou_full.equals(frame.iou_training_scales)
    assert sorted(model.runs) == [0.5, 1.0]
    write_scales(frame, tmp_path / "scales.csv")
    assert read_scales(tmp_path / "scales.csv", labels_of_test()) == {0: "full", 1: "full", 2: "full"}


def test_chosen_scales_travel_through_their_file(tmp_path):
    path = tmp_path / "scales.csv"
    path.write_text(
        "class,images,iou_training_scales,iou_full,chosen\n"
        "car,1,.5,.4,training\nroad,1,.4,.5,full\nbig house,0,,,full\n"
    )
    chosen = read_scales(path, labels_of_test())
    assert chosen == {0: "full", 1: "full", 2: "training"}
    path.write_text("class,chosen\nroad,full\ncar,largest\nbig house,full\n")
    with pytest.raises(UserError, match="class car"):
        read_scales(path, labels_of_test())
    path.write_text("")
    with pytest.raises(UserError, match="scales.csv"):
        read_scales(path, labels_of_test())
    with pytest.raises(UserError, match="no such table of chosen scales"):
        read_scales(tmp_path / "absent.csv", labels_of_test())
