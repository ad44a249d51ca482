"""What is said under Table 1 about departures from the report: of each key that departs, and of no other."""

import pytest
from test_plan import plan_of, shipped

from tailcutmix.plan.plan import merged
from tailcutmix.plan.readings import departures, scored_images_seen, sentences

LITERAL = {
    "regions": {"min_area": 0},
    "training": {"width": 48, "stages": 4, "blocks": 2, "detail": 0, "fusion_grid": "scale"},
    "models": {"m2": {"probability": 1.0}},
}


def test_the_literal_reading_has_nothing_to_say():
    assert departures(plan_of(LITERAL)) == [] and sentences(plan_of(LITERAL)) == []


@pytest.mark.parametrize(
    "overlay, words",
    [
        ({"regions": {"min_area": 9}}, "below 9 pixels"),
        ({"regions": {"source": "image"}}, "regions.source"),
        ({"regions": {"levels": [1, 2]}}, "levels are not 1, 2, 3"),
        ({"buckets": {"poor": 0.0}}, "buckets.poor"),
        ({"buckets": {"rebucket": False}}, "buckets.rebucket"),
        ({"buckets": {"tail": ["bus"]}}, "a fixed list"),
        ({"models": {"m2": {"probability": 0.25}}}, "25% of the samples of m2"),
        ({"models": {"m1": {"probability": 0.5}}}, "50% of the samples of m1"),
        ({"models": {"m2": {"level_weights": {1: 1}}}}, "mixing.level_weights"),
        ({"ensembles": {"ensemble": {"gate": True}}}, "ensembles.ensemble.gate"),
        ({"models": {"m2": {"inference": {"prior_correction": True}}}}, "prior_correction"),
        ({"models": {"m2": {"mixing": "level0"}}}, "do not mix levels"),
        ({"training": {"width": 32}}, "smaller HRNets"),
        ({"training": {"fusion_grid": "network"}}, "training.fusion_grid"),
        ({"training": {"fusion_grid": "image"}}, "training.fusion_grid"),
    ],
)
def test_each_departure_is_said_by_its_key(overlay, words):
    (found,) = departures(plan_of(merged(LITERAL, overlay)))
    assert words in found


@pytest.mark.parametrize(
    ("overlay", "rows", "titles"),
    [
        ({}, ["m1", "mean_teacher", "distilled"], []),
        ({"evaluation": {"split": "val"}}, ["m1", "mean_teacher"], ["mean teacher"]),
        ({"evaluation": {"split": "val"}}, ["m0", "distilled"], ["the ensemble distilled"]),
        ({"models": {"m1": {"unlabelled": ["test"]}}}, ["m0", "m1_all_scales"], ["M1, all scales for each class"]),
        ({"models": {"m1": {"unlabelled": ["test"]}}}, ["distilled", "m0"], ["the ensemble distilled"]),
        ({"models": {"m2": {"unlabelled": ["test"]}}}, ["m1", "ensemble"], ["multi-level tail cutmix"]),
    ],
)
def test_rows_that_learned_from_scored_images_are_named(overlay, rows, titles):
    """Also those with the weights of such a network, with its experts, or with labels from it."""
    said = scored_images_seen(plan_of(merged(shipped("rivals.yaml"), overlay)), rows)
    assert said == [f"Also trained on the scored images, without their labels: {title}." for title in titles]


def test_what_val_decided_is_said_where_val_is_scored():
    assert not any("decided" in text for text in sentences(plan_of()))
    decided = "Val also decided the move of classes between buckets and the scales of each class:"
    assert sentences(plan_of({"evaluation": {"split": "val"}}))[-1].startswith(decided)
    assert "val" in sentences(plan_of(shipped("minicity.yaml")))[-1].lower()
