"""Pictures of graphs: what is where in them."""

from __future__ import annotations

import numpy as np
import pytest

from background_nodes.runtime.presets.graph_picture import HEADER, SIZE, DrawnLink, DrawnNode, DrawnSocket, draw

RED, GREEN, BLUE = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.2, 0.3, 0.9)


def node(key: str, left: float, top: float = 0.0, **options: object) -> DrawnNode:
    sockets = {"inputs": (DrawnSocket("in", GREEN, 5),), "outputs": (DrawnSocket("out", BLUE, 5),)}
    return DrawnNode(key, left, top, 140.0, RED, 8, **{**sockets, **options})


def link(source: str, target: str) -> DrawnLink:
    return DrawnLink(source, "out", target, "in", BLUE)


def places_of(pixels: np.ndarray, color: tuple[float, float, float], tolerance: int = 2) -> np.ndarray:
    """Columns and rows of all pixels that are of a colour."""
    wanted = np.round(np.array(color) * 255)
    is_it = (np.abs(pixels[..., :3].astype(int) - wanted) <= tolerance).all(axis=2)
    return np.argwhere(is_it)[:, ::-1]


def test_picture_is_a_square_with_clear_round_corners():
    pixels = draw([node("a", 0.0)])
    assert pixels.shape == (SIZE, SIZE, 4)
    assert pixels.dtype == np.uint8
    assert [pixels[y, x, 3] for x, y in ((0, 0), (SIZE - 1, 0), (0, SIZE - 1), (SIZE - 1, SIZE - 1))] == [0] * 4
    assert (pixels[SIZE // 2, :, 3] == 255).all()


def test_node_has_its_header_above_its_sockets_and_is_in_the_middle():
    pixels = draw([node("a", 500.0, -300.0)])
    header, dot = places_of(pixels, RED), places_of(pixels, BLUE)
    assert header[:, 0].min() + header[:, 0].max() == pytest.approx(SIZE, abs=4)
    assert header[:, 1].max() < dot[:, 1].min()
    assert dot[:, 0].mean() > header[:, 0].mean() > places_of(pixels, GREEN)[:, 0].mean()


def test_link_leads_from_node_to_node_in_its_colour():
    without = draw([node("a", 0.0), node("b", 400.0)])
    linked = draw([node("a", 0.0), node("b", 400.0)], [link("a", "b")])
    between = slice(SIZE // 2 - 10, SIZE // 2 + 10)
    assert not len(places_of(without[:, between], BLUE, 30))
    columns = places_of(linked[:, between], BLUE, 60)[:, 0]
    assert set(columns) == set(range(20))


def test_link_to_what_is_not_drawn_is_left_out():
    nodes = [node("a", 0.0), node("b", 400.0)]
    wrong = [link("a", "gone"), DrawnLink("a", "gone", "b", "in", BLUE), DrawnLink("a", "out", "b", "gone", BLUE)]
    assert (draw(nodes, wrong) == draw(nodes)).all()


def test_all_nodes_are_in_the_picture_however_far_apart():
    colors = [(0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9)]
    nodes = [
        DrawnNode(str(index), x, y, 400.0, color, 4)
        for index, ((x, y), color) in enumerate(zip([(0, 0), (4000, -2000), (-1500, 900)], colors, strict=True))
    ]
    pixels = draw(nodes)
    brightest = pixels[..., :3].argmax(axis=2)[pixels[..., :3].max(axis=2) > 90]
    assert set(brightest) == {0, 1, 2}


def test_collapsed_node_is_its_header_alone():
    collapsed = node("a", 0.0, form="COLLAPSED")
    assert collapsed.height == HEADER
    assert collapsed.place_of("in", is_output=False) == (0.0, -HEADER / 2)
    assert len(places_of(draw([collapsed]), RED))


def test_frame_is_around_its_nodes_and_empty_ones_are_not_drawn():
    inside = node("a", 0.0)
    frame = DrawnNode("f", 0.0, 0.0, 10.0, RED, 0, form="FRAME", inside=("a",), body=(0.9, 0.9, 0.2))
    empty = DrawnNode("f", 0.0, 0.0, 10.0, RED, 0, form="FRAME", body=(0.9, 0.9, 0.2))
    assert (draw([inside, empty]) == draw([inside])).all()
    changed = np.argwhere((draw([inside, frame]) != draw([inside])).any(axis=2))
    header = places_of(draw([inside]), RED)
    assert changed[:, 1].min() < header[:, 0].min()
    assert changed[:, 1].max() > header[:, 0].max()


@pytest.mark.parametrize("nodes", [[], [DrawnNode("r", 0.0, 0.0, 0.0, RED, 0, form="DOT")]])
def test_hardly_anything_is_a_picture_too(nodes):
    assert draw(nodes).shape == (SIZE, SIZE, 4)
