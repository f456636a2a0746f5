# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category UV, by where islands lie."""

from __future__ import annotations

import numpy as np
import pytest

from .scenes import (
    cube,
    run,
    uv_area,
)


class TestUnwrap:
    @pytest.mark.parametrize("tight_packing", [True, False])
    def test_unwrapped_islands_lie_in_the_picture_and_use_it(self, tight_packing):
        source = cube()
        assert run("uv/smart_uv_project", source, tight_packing=tight_packing) == source
        uv = np.array([tuple(entry.vector) for entry in source.data.uv_layers["UVMap"].uv])
        assert uv.min() >= 0.0
        assert uv.max() <= 1.0
        assert uv_area(source) > 0.5
        assert source.mode == "OBJECT"

    def test_hidden_object_is_unwrapped_and_stays_hidden(self):
        source = cube()
        source.hide_viewport = source.hide_select = True
        run("uv/smart_uv_project", source)
        assert uv_area(source) > 0.5
        assert source.hide_viewport
        assert source.hide_select

    def test_only_the_source_is_touched(self):
        source, other = cube(), cube("Other")
        other.select_set(True)
        run("uv/smart_uv_project", source)
        assert not other.data.uv_layers

    @pytest.mark.parametrize("shape", ["Exact", "Convex", "Box"])
    def test_packing_spreads_islands_that_lie_on_each_other(self, shape):
        source = run("uv/smart_uv_project", cube())
        layer = source.data.uv_layers.active
        for entry in layer.uv:
            entry.vector = entry.vector * 0.1
        run("uv/pack_islands", source, shape=shape, average_scale=True)
        assert uv_area(source) > 0.4

    def test_packing_without_a_uv_map_is_a_clear_error(self):
        with pytest.raises(ValueError, match="Cube has no UV map; unwrap it first"):
            run("uv/pack_islands", cube())
