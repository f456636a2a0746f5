"""What a .blend file says of the node trees in it that are assets, whatever wrote it."""

from __future__ import annotations

import pytest

from background_nodes.runtime.blend_file.asset_data import Picture, read_assets, read_picture
from background_nodes.runtime.errors import BlendFileError

from .preset_files import NEW, OLD, blend_file


@pytest.mark.parametrize(("header", "version"), [(OLD, 402), (NEW, 502)])
def test_asset_is_read_in_both_forms(header, version):
    properties = {"a": "téxt", "b": 7, "c": 0.25, "d": (1, 2, 3), "e": ""}
    catalog = "0ba5cc07-1111-2222-3333-444455556666"
    written = blend_file(properties, name="Rocks", author="Änn", tags=("one", "zwö"), catalog_id=catalog, header=header)
    (found,) = read_assets(memoryview(written))
    assert (found.name, found.tree_type, found.version) == ("Rocks", "BackgroundNodeTree", version)
    assert (found.author, found.description, found.license) == ("Änn", "Makes levels of detail", "")
    assert (found.catalog_id, found.tags) == (catalog, ("one", "zwö"))
    assert found.properties == properties


def test_picture_is_read_by_the_name_of_its_asset():
    pixels = bytes(range(24))
    written = memoryview(blend_file({}, name="Rocks", picture=(2, 3, pixels)))
    assert read_picture(written, "Rocks") == Picture(2, 3, pixels)
    assert read_picture(written, "Trees") is None


@pytest.mark.parametrize("picture", [(2, 4, bytes(24)), (-1, 4, bytes(24)), (0, 0, b""), (2**30, 2**30, bytes(24))])
def test_picture_that_lies_of_its_size_is_none(picture):
    assert read_picture(memoryview(blend_file({}, name="Rocks", picture=picture)), "Rocks") is None


@pytest.mark.parametrize("header", [OLD, NEW])
def test_file_that_is_cut_off_or_changed_anywhere_is_refused_or_read(header):
    """No other error than that of a file which can't be read, whatever stands where."""
    whole = blend_file({"a": "text", "b": 7, "d": (1, 2)}, tags=("one",), header=header, picture=(1, 1, b"1234"))
    for length in range(0, len(whole), 7):
        with pytest.raises(BlendFileError):
            read_assets(memoryview(whole[:length]))
    for place in range(len(header), len(whole), 3):
        for sign in (0, 0x7F, 0xFF):
            damaged = bytearray(whole)
            damaged[place] = sign
            try:
                read_assets(memoryview(damaged))
                read_picture(memoryview(damaged), "Rock LODs")
            except BlendFileError:
                continue


def test_list_that_never_ends_is_read_once_around():
    (found,) = read_assets(memoryview(blend_file({"a": 1, "b": 2}, is_endless=True)))
    assert found.properties == {"a": 1, "b": 2}


def test_letters_that_are_no_unicode_are_replaced():
    (found,) = read_assets(memoryview(blend_file({"a": "\udcff"})))
    found.properties["a"].encode()
