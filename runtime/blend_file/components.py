# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a graph whose members lead to each other: Tarjan's algorithm, without recursion."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence


def components(start: int, leads_to: Callable[[int], Sequence[int]], done: Container[int]) -> Iterator[list[int]]:
    """The components that can be reached from a node, each after all that it leads to.

    Args:
        start: the node.
        leads_to: the nodes to which one leads.
        done: nodes that are left out, with all that they lead to. It may grow meanwhile.
    """
    numbers: dict[int, int] = {}
    lowest: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    visits: list[tuple[int, Iterator[int]]] = []

    def enter(node: int) -> None:
        numbers[node] = lowest[node] = len(numbers)
        path.append(node)
        on_path.add(node)
        visits.append((node, iter(leads_to(node))))

    enter(start)
    while visits:
        node, following = visits[-1]
        for target in following:
            if target in on_path:
                lowest[node] = min(lowest[node], numbers[target])
            elif target not in numbers and target not in done:
                enter(target)
                break
        else:
            visits.pop()
            if visits:
                lowest[visits[-1][0]] = min(lowest[visits[-1][0]], lowest[node])
            if lowest[node] == numbers[node]:
                component = path[path.index(node) :] if path[-1] != node else [node]
                del path[-len(component) :]
                on_path.difference_update(component)
                yield component
