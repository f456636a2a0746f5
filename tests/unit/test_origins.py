"""Where scripts come from: texts by a number, contents by a letter; what is allowed is in upper case."""

from __future__ import annotations

from pathlib import Path

import pytest

from background_nodes.addon.consent.origins import Origins, Standing
from background_nodes.runtime.keys import own_modules

EMPTY = own_modules.digest_of_text("")


@pytest.fixture
def allowed() -> dict[str, Standing]:
    return {}


@pytest.fixture
def origins(allowed) -> Origins:
    return Origins(lambda digest: allowed.get(digest, Standing.NONE))


def test_text_made_here_is_the_artist_s_own(origins):
    origins.saw(1, EMPTY)
    origins.saw(1, "a")
    origins.saw(1, "b")
    assert [origins.standing(digest) for digest in "ab"] == [Standing.LASTING, Standing.LASTING]
    assert origins.was_written_here("b")


def test_text_that_came_is_foreign_and_so_is_what_it_becomes(origins):
    origins.came(1, "a", "file.blend")
    origins.saw(1, "b")
    assert [origins.standing(digest) for digest in "ab"] == [Standing.NONE, Standing.NONE]
    assert origins.source("b") == "file.blend"


def test_change_of_an_allowed_text_is_the_artist_s_own(origins, allowed):
    origins.came(1, "a", "file.blend")
    allowed["a"] = Standing.LASTING
    origins.saw(1, "b")
    origins.saw(1, "c")
    assert origins.was_written_here("c")


def test_change_of_a_text_allowed_for_the_session_lasts_no_longer(origins, allowed):
    origins.came(1, "a", "file.blend")
    allowed["a"] = Standing.SESSION
    origins.saw(1, "b")
    origins.saw(1, "c")
    assert origins.standing("c") is Standing.SESSION
    assert not origins.was_written_here("c")


def test_foreign_content_is_foreign_wherever_it_turns_up(origins):
    origins.came(1, "a", "file.blend")
    origins.saw(2, "a")  # a copy
    origins.saw(3, "b")
    origins.saw(3, "a")  # pasted over what was there
    assert origins.standing("a") is Standing.NONE


def test_text_emptied_and_written_anew_is_the_artist_s_own(origins):
    origins.came(1, "a", "file.blend")
    origins.saw(1, EMPTY)
    origins.saw(1, "b")
    assert origins.was_written_here("b")


def test_undo_to_a_change_of_what_was_foreign_is_foreign(origins):
    origins.came(1, "a", "file.blend")
    origins.saw(1, "b")
    origins.saw(1, EMPTY)
    origins.saw(1, "b")
    assert origins.standing("b") is Standing.NONE


def test_what_is_read_again_from_a_foreign_file_is_foreign(origins, allowed):
    origins.came(1, "a", "file.blend")
    allowed["a"] = Standing.LASTING
    origins.saw(1, "b", is_reloaded=True)
    assert origins.standing("b") is Standing.NONE


def test_own_content_that_comes_back_with_a_file_stays_own(origins):
    origins.saw(1, "a")
    origins.forget_texts()
    origins.came(2, "a", "mine.blend")
    origins.saw(2, "b")
    assert [origins.standing(digest) for digest in "ab"] == [Standing.LASTING, Standing.LASTING]


def test_revoked_content_is_foreign_and_so_is_what_it_becomes(origins):
    origins.saw(1, "a")
    origins.revoke("a")
    origins.saw(1, "b")
    assert [origins.standing(digest) for digest in "ab"] == [Standing.NONE, Standing.NONE]


@pytest.mark.parametrize(
    ("is_named", "may_run", "is_own"), [(False, False, True), (True, False, False), (True, True, True)]
)
def test_file_is_own_if_it_was_chosen_and_did_not_come(origins, is_named, may_run, is_own):
    path = Path("script.py")
    if is_named:
        origins.named(path)
    origins.chose(path, may_run=may_run)
    assert origins.is_own_file(path) is is_own
    origins.named(path)  # by the tree it was chosen for
    assert origins.is_own_file(path) is is_own


def test_what_came_as_text_is_not_of_the_open_file_and_nor_is_what_it_becomes(origins):
    origins.came(1, "a", "file.blend")
    origins.came_as_text(2, "b", "the clipboard")
    origins.saw(2, "c")
    assert [origins.is_text_of_open_file(digest) for digest in "abc"] == [True, False, False]
    assert [origins.standing(digest) for digest in "abc"] == [Standing.NONE] * 3
    assert origins.source("c") == "the clipboard"


def test_own_content_that_comes_back_as_text_stays_one_s_own(origins):
    origins.saw(1, "a")
    origins.came_as_text(2, "a", "the clipboard")
    assert origins.standing("a") is Standing.LASTING
    assert origins.is_text_of_open_file("a")


def test_file_that_a_node_names_which_came_as_text_is_not_of_the_open_file(origins):
    mine, theirs = Path("/mine.py"), Path("/theirs.py")
    origins.chose(mine, may_run=True)
    for path in (mine, theirs):
        origins.named_elsewhere(path)
    assert [origins.is_file_of_open_file(path) for path in (mine, theirs, None)] == [True, False, True]
    assert origins.is_own_file(mine)
    assert origins.is_named_file(theirs)
