# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the earlier results of an output each new one takes the place of: that of the same name, wherever it is now.

So results stay those of their items when items go, come or change their order in a list.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping


def paired(new: Mapping[str, Hashable], earlier: Mapping[str, Hashable]) -> dict[str, str]:
    """By the place of each new result, the place of the earlier one; new ones without one are left out.

    Args:
        new: names of results by their places: what the script called them.
        earlier: the same of earlier results; None of one whose name is not known.

    Of several with one name, each goes to the same place, or else to the next one. Results without an earlier one of
    their name go to the same place, unless others have moved: nobody knows then what is in it.
    """
    free = dict(earlier)
    found = {place: place for place, name in new.items() if name is not None and free.get(place) == name}
    for place in found:
        del free[place]
    by_name: dict[Hashable, list[str]] = {}
    for place, name in free.items():
        by_name.setdefault(name, []).append(place)
    moved = {
        place: by_name[name].pop(0)
        for place, name in new.items()
        if place not in found and name is not None and by_name.get(name)
    }
    if not moved:
        found |= {place: place for place in new if place not in found and place in free}
    return found | moved
